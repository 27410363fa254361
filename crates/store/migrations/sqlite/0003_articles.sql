-- The knowledge base. `indexed_version` is the version whose passages are in the search index.

CREATE TABLE articles (
    id              TEXT   NOT NULL PRIMARY KEY,
    external_id     TEXT   UNIQUE,
    title           TEXT   NOT NULL,
    body            TEXT   NOT NULL,
    language        TEXT,
    tags            TEXT   NOT NULL,
    visibility      TEXT   NOT NULL,
    author          TEXT,
    review_date     TEXT,
    archived        BIGINT NOT NULL,
    indexed_version BIGINT NOT NULL DEFAULT 0,
    version         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE INDEX articles_unindexed ON articles (id) WHERE indexed_version < version;
CREATE INDEX articles_review ON articles (review_date) WHERE review_date IS NOT NULL;

-- Every edit, whole.
CREATE TABLE article_versions (
    article_id TEXT   NOT NULL REFERENCES articles (id),
    version    BIGINT NOT NULL,
    fields     TEXT   NOT NULL,
    actor      TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (article_id, version)
);

CREATE TABLE passages (
    id              TEXT   NOT NULL PRIMARY KEY,
    article_id      TEXT   NOT NULL REFERENCES articles (id),
    article_version BIGINT NOT NULL,
    position        BIGINT NOT NULL,
    headings        TEXT   NOT NULL,
    visibility      TEXT   NOT NULL,
    start_char      BIGINT NOT NULL,
    end_char        BIGINT NOT NULL,
    text            TEXT   NOT NULL
);
CREATE INDEX passages_article ON passages (article_id, position);
