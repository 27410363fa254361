-- Ids are lower-case hyphenated UUIDs, times are microseconds since 1970 (UTC),
-- lists and maps are JSON. The same meaning as migrations/postgres/0001_desk.sql.

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- One row per rising number that people see; taken in the transaction that uses it.
CREATE TABLE counters (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('ticket', 0);

CREATE TABLE accounts (
    id          TEXT   NOT NULL PRIMARY KEY,
    name        TEXT   NOT NULL,
    external_id TEXT   UNIQUE,
    domain      TEXT,
    tier        TEXT,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);

CREATE TABLE contacts (
    id         TEXT   NOT NULL PRIMARY KEY,
    account_id TEXT   REFERENCES accounts (id),
    name       TEXT   NOT NULL,
    email      TEXT   UNIQUE,
    language   TEXT,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE teams (
    id         TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL UNIQUE,
    categories TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE agents (
    id           TEXT   NOT NULL PRIMARY KEY,
    name         TEXT   NOT NULL,
    email        TEXT   UNIQUE,
    team_id      TEXT   REFERENCES teams (id),
    skills       TEXT   NOT NULL,
    languages    TEXT   NOT NULL,
    capacity     BIGINT NOT NULL,
    availability TEXT   NOT NULL,
    version      BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL
);

CREATE TABLE tickets (
    id              TEXT   NOT NULL PRIMARY KEY,
    number          BIGINT NOT NULL UNIQUE,
    source          TEXT   NOT NULL,
    external_id     TEXT,
    channel         TEXT   NOT NULL,
    subject         TEXT   NOT NULL,
    body            TEXT   NOT NULL,
    account_id      TEXT   REFERENCES accounts (id),
    contact_id      TEXT   REFERENCES contacts (id),
    requester_email TEXT,
    requester_name  TEXT,
    tags            TEXT   NOT NULL,
    language        TEXT,
    state           TEXT   NOT NULL,
    status          TEXT   NOT NULL,
    category        TEXT,
    priority        TEXT,
    team_id         TEXT   REFERENCES teams (id),
    agent_id        TEXT   REFERENCES agents (id),
    version         BIGINT NOT NULL,
    attempts        BIGINT NOT NULL,
    last_error      TEXT,
    next_attempt_at BIGINT,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    triaged_at      BIGINT
);
CREATE UNIQUE INDEX tickets_external ON tickets (external_id, source) WHERE external_id IS NOT NULL;
CREATE INDEX tickets_waiting ON tickets (next_attempt_at) WHERE state = 'received';
CREATE INDEX tickets_state ON tickets (state, number);
CREATE INDEX tickets_status ON tickets (status, number);
CREATE INDEX tickets_team ON tickets (team_id, number);
CREATE INDEX tickets_account ON tickets (account_id, number);
CREATE INDEX tickets_agent ON tickets (agent_id, status, category);

CREATE TABLE messages (
    id          TEXT   NOT NULL PRIMARY KEY,
    ticket_id   TEXT   NOT NULL REFERENCES tickets (id),
    author_kind TEXT   NOT NULL,
    author_id   TEXT,
    author_name TEXT,
    visibility  TEXT   NOT NULL,
    body        TEXT   NOT NULL,
    created_at  BIGINT NOT NULL
);
CREATE INDEX messages_ticket ON messages (ticket_id, id);

CREATE TABLE decisions (
    id         TEXT   NOT NULL PRIMARY KEY,
    ticket_id  TEXT   NOT NULL REFERENCES tickets (id),
    decision   TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX decisions_ticket ON decisions (ticket_id, id);

CREATE TABLE corrections (
    id         TEXT   NOT NULL PRIMARY KEY,
    ticket_id  TEXT   NOT NULL REFERENCES tickets (id),
    field      TEXT   NOT NULL,
    before     TEXT,
    after      TEXT   NOT NULL,
    actor      TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX corrections_ticket ON corrections (ticket_id, id);

CREATE TABLE events (
    id           TEXT   NOT NULL PRIMARY KEY,
    created_at   BIGINT NOT NULL,
    actor        TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    subject_kind TEXT   NOT NULL,
    subject_id   TEXT   NOT NULL,
    data         TEXT   NOT NULL
);
CREATE INDEX events_subject ON events (subject_id, id);
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;

CREATE TABLE idempotency_keys (
    token_id   TEXT   NOT NULL,
    key        TEXT   NOT NULL,
    body_hash  TEXT   NOT NULL,
    ticket_id  TEXT   NOT NULL REFERENCES tickets (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (key, token_id)
);

CREATE TABLE api_tokens (
    id          TEXT   NOT NULL PRIMARY KEY,
    name        TEXT   NOT NULL,
    role        TEXT   NOT NULL,
    prefix      TEXT   NOT NULL,
    secret_hash TEXT   NOT NULL UNIQUE,
    created_at  BIGINT NOT NULL,
    revoked_at  BIGINT
);
