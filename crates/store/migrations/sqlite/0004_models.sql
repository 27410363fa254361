-- Versions of the heads and the log of which one was made active: the last line of a head's log is in force.
-- The files themselves are not here.

CREATE TABLE model_versions (
    id         TEXT   NOT NULL PRIMARY KEY,
    head       TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    revision   TEXT   NOT NULL,
    origin     TEXT   NOT NULL,
    note       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (head, version)
);

CREATE TABLE model_activations (
    head       TEXT   NOT NULL,
    serial     BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    replaced   BIGINT NOT NULL,
    is_rollback BIGINT NOT NULL,
    reason     TEXT   NOT NULL,
    actor      TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (head, serial),
    FOREIGN KEY (head, version) REFERENCES model_versions (head, version)
);
