-- The files of versions of heads, which every server on this database unpacks where it lacks them. The first version of a
-- head comes with the program and has none here; nor has a version that was added before this table was, until a server
-- that has its files brings them in.

CREATE TABLE model_files (
    head    TEXT   NOT NULL,
    version BIGINT NOT NULL,
    path    TEXT   NOT NULL,
    bytes   BLOB   NOT NULL,
    PRIMARY KEY (head, version, path),
    FOREIGN KEY (head, version) REFERENCES model_versions (head, version) ON DELETE CASCADE
);
