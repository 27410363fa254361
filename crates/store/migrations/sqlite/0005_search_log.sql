-- What was looked for, without personal data, and whether it helped. Titles are followed by their time of change.

CREATE INDEX articles_updated ON articles (updated_at, id, version);

-- The searches of the last days, so that feedback finds the one it is about.
CREATE TABLE searches (
    id              TEXT   NOT NULL PRIMARY KEY,
    query           TEXT   NOT NULL,
    language        TEXT   NOT NULL,
    outcome         TEXT   NOT NULL,
    probability_ppm BIGINT NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX searches_created ON searches (created_at);

-- How often a query went unanswered on a day, and what was said of its answers.
CREATE TABLE search_days (
    day                  TEXT   NOT NULL,
    query                TEXT   NOT NULL,
    language             TEXT   NOT NULL,
    zero_results         BIGINT NOT NULL,
    low_confidence       BIGINT NOT NULL,
    helped               BIGINT NOT NULL,
    not_helped           BIGINT NOT NULL,
    best_probability_ppm BIGINT NOT NULL,
    last_seen            BIGINT NOT NULL,
    PRIMARY KEY (day, query, language)
);

-- One verdict a search and article and passage; the empty text stands for none.
CREATE TABLE search_feedback (
    search_id  TEXT   NOT NULL,
    article_id TEXT   NOT NULL,
    passage_id TEXT   NOT NULL,
    helped     BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (search_id, article_id, passage_id)
);
CREATE INDEX search_feedback_article ON search_feedback (article_id);
