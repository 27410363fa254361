-- What agents did with suggested answers: the last word on each source, ticket by ticket.

CREATE TABLE suggestion_verdicts (
    ticket_id   TEXT NOT NULL REFERENCES tickets (id),
    source_kind TEXT   NOT NULL,
    source_id   TEXT NOT NULL,
    verdict     TEXT   NOT NULL,
    actor       TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (ticket_id, source_kind, source_id)
);
CREATE INDEX suggestion_verdicts_source ON suggestion_verdicts (source_id, source_kind);
