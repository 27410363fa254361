-- Versions of heads that are tried out beside the one in force, and what both said of every ticket since.
-- An empty label is that of a text that is like none of the labels.

CREATE TABLE model_challengers (
    head       TEXT   NOT NULL PRIMARY KEY,
    version    BIGINT NOT NULL,
    actor      TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    FOREIGN KEY (head, version) REFERENCES model_versions (head, version)
);

CREATE TABLE shadow_judgements (
    head          TEXT   NOT NULL,
    version       BIGINT NOT NULL,
    active        BIGINT NOT NULL,
    ticket_id     TEXT NOT NULL REFERENCES tickets (id),
    label         TEXT   NOT NULL,
    is_sure       BIGINT NOT NULL,
    active_label  TEXT   NOT NULL,
    active_sure   BIGINT NOT NULL,
    PRIMARY KEY (head, version, active, ticket_id)
);
