-- How often tickets were merged or taken apart: whoever keeps tickets in memory knows by it that they are still as they were.

INSERT INTO counters (name, value) VALUES ('merge', 0);
