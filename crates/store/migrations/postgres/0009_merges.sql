-- A merged ticket keeps its rows and is read with its survivor; what it was before is kept beside it.

ALTER TABLE tickets ADD COLUMN merged_into TEXT COLLATE "C" REFERENCES tickets (id);
ALTER TABLE tickets ADD COLUMN status_before_merge TEXT;
CREATE INDEX tickets_merged ON tickets (merged_into) WHERE merged_into IS NOT NULL;
