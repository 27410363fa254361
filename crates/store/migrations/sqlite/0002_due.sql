-- A ticket has a next attempt exactly while it waits for triage, so this small index
-- is the queue in its order; the one it replaces was passed over for tickets_state.

CREATE INDEX tickets_due ON tickets (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
DROP INDEX tickets_waiting;
