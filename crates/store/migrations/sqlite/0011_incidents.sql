-- Several tickets about one thing, answered and closed together. A ticket is in at most one open incident.
-- status_before is what a closing found a ticket in; reopening gives it back.

CREATE TABLE incidents (
    id         TEXT   NOT NULL PRIMARY KEY,
    title      TEXT   NOT NULL,
    state      TEXT   NOT NULL,
    parent_id  TEXT   REFERENCES tickets (id),
    version    BIGINT NOT NULL,
    created_by TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    closed_at  BIGINT
);

CREATE TABLE incident_tickets (
    incident_id   TEXT   NOT NULL REFERENCES incidents (id),
    ticket_id     TEXT   NOT NULL REFERENCES tickets (id),
    is_open       BIGINT NOT NULL,
    status_before TEXT,
    added_at      BIGINT NOT NULL,
    PRIMARY KEY (incident_id, ticket_id)
);
CREATE UNIQUE INDEX incident_tickets_open ON incident_tickets (ticket_id) WHERE is_open = 1;

CREATE TABLE incident_replies (
    id              TEXT   NOT NULL PRIMARY KEY,
    incident_id     TEXT   NOT NULL REFERENCES incidents (id),
    token_id        TEXT,
    idempotency_key TEXT,
    body_hash       TEXT,
    messages        TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    UNIQUE (token_id, idempotency_key)
);
