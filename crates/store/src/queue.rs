//! The tickets table as the queue of triage: claiming, failing, trying again.
//!
//! A ticket has a `next_attempt_at` exactly while it is in `received`.

use std::time::Duration;

use desk::{Actor, EventKind, Subject, Ticket, TriageState};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::database::commit;
use crate::error::{StoreError, failed};
use crate::row::Columns;
use crate::sql::Sql;
use crate::store::Store;
use crate::{events, micros, ticket_row};

/// Longest stored reason of a failure. **Units:** characters.
const MAX_ERROR_CHARS: usize = 500;

/// How often and how soon triage is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// After this many failures a person must look.
    pub max_attempts: i32,
    /// Delay after the first failure; doubles with each. **Units:** ms.
    pub first_delay_ms: u64,
    /// Longest delay. **Units:** ms.
    pub max_delay_ms: u64,
}

impl RetryPolicy {
    /// The delay after this many failures; none when there is no further attempt.
    pub fn delay(&self, failures: i32) -> Option<Duration> {
        if failures >= self.max_attempts {
            return None;
        }
        let doublings = failures.saturating_sub(1).clamp(0, 32) as u32;
        let delay = self.first_delay_ms.saturating_mul(1 << doublings);
        Some(Duration::from_millis(delay.min(self.max_delay_ms)))
    }
}

/// What became of a ticket whose triage failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// It is tried again at this time.
    Retry(OffsetDateTime),
    /// That was the last attempt; a person must look.
    NeedsHuman,
    /// That was the last attempt, and people had named both category and priority already.
    Triaged,
    /// It is not waiting for triage any more.
    NotWaiting,
}

impl Store {
    /// Waiting tickets that are due, longest due first, kept for the caller until
    /// `now + lease`. No two processes get the same ticket within its lease.
    ///
    /// **Errors:** the database's.
    pub async fn claim_waiting(
        &self,
        limit: u32,
        now: OffsetDateTime,
        lease: Duration,
    ) -> Result<Vec<Ticket>, StoreError> {
        let text = format!(
            "UPDATE tickets SET next_attempt_at = $1 WHERE id IN (\
             SELECT id FROM tickets WHERE next_attempt_at <= $2 ORDER BY next_attempt_at LIMIT $3{}) RETURNING {}",
            self.database().dialect.skip_locked(),
            ticket_row::COLUMNS
        );
        let sql = Sql::new(&text, [(now + lease).into(), now.into(), i64::from(limit).into()]);
        let mut transaction = self.database().begin().await?;
        let rows = sql
            .all(&mut transaction)
            .await
            .map_err(failed("claim waiting tickets"))?;
        commit(transaction).await?;
        let mut tickets = ticket_row::read_all(&rows)?;
        tickets.sort_by_key(|ticket| ticket.number);
        Ok(tickets)
    }

    /// Makes every waiting ticket due at once, and says how many there are: for the
    /// start of a server that is the only one on its database, after a crash.
    ///
    /// **Errors:** the database's.
    pub async fn release_claims(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        let text = "UPDATE tickets SET next_attempt_at = $1 WHERE next_attempt_at > $1";
        let mut transaction = self.database().begin().await?;
        let released = Sql::new(text, [now.into()]).execute(&mut transaction).await;
        let released = released.map_err(failed("release claims"))?;
        commit(transaction).await?;
        Ok(released)
    }

    /// Puts off an attempt that came to nothing because there was too much to do: it is not counted as one, and nobody
    /// is told of it. Says whether it was put off; it is not where another process has claimed the ticket since.
    ///
    /// **Errors:** the database's.
    pub async fn postpone(&self, ticket: &Ticket, until: OffsetDateTime) -> Result<bool, StoreError> {
        let text = "UPDATE tickets SET next_attempt_at = $1 \
                    WHERE id = $2 AND state = 'received' AND next_attempt_at = $3";
        let values = [until.into(), ticket.id.into(), ticket.next_attempt_at.into()];
        let mut transaction = self.database().begin().await?;
        let postponed = Sql::new(text, values).execute(&mut transaction).await;
        let postponed = postponed.map_err(failed("postpone an attempt"))?;
        commit(transaction).await?;
        Ok(postponed == 1)
    }

    /// Counts a failed attempt: the ticket waits for the next one, or for a person after the last, unless people have
    /// named both category and priority already.
    ///
    /// **Errors:** the database's.
    pub async fn record_failure(
        &self,
        ticket_id: Uuid,
        error: &str,
        policy: &RetryPolicy,
        actor: &Actor,
    ) -> Result<Failed, StoreError> {
        let mut transaction = self.database().begin().await?;
        let Some(ticket) = ticket_row::get(&mut transaction, ticket_id).await? else {
            return Ok(Failed::NotWaiting);
        };
        let now = micros::now();
        let next = policy.delay(ticket.attempts + 1).map(|delay| now + delay);
        let counted = failure_sql(&ticket, error, next, now).optional(&mut transaction).await;
        let Some(row) = counted.map_err(failed("count a failed attempt"))? else {
            return Ok(Failed::NotWaiting);
        };
        let state = Columns::of(&row).word("ticket state")?;
        let (kind, became) = match (next, state) {
            (Some(next), _) => (EventKind::TicketAttemptFailed, Failed::Retry(next)),
            (None, TriageState::Triaged) => (EventKind::TicketTriaged, Failed::Triaged),
            (None, _) => (EventKind::TicketNeedsHuman, Failed::NeedsHuman),
        };
        let data = [("attempt", (ticket.attempts + 1).to_string()), ("error", cut(error))];
        let event = events::event(now, actor, kind, Subject::ticket(ticket_id), data);
        events::insert(&mut transaction, &[event]).await?;
        commit(transaction).await?;
        Ok(became)
    }
}

/// Guarded by the attempts read before: of two failures at once one is counted.
/// Trying again is no change that a caller could have missed, so the version stays.
fn failure_sql(ticket: &Ticket, error: &str, next: Option<OffsetDateTime>, now: OffsetDateTime) -> Sql {
    let state = next.map_or(TriageState::NeedsHuman, |_| TriageState::Received);
    let text = "UPDATE tickets SET state = CASE WHEN $1 = 'needs_human' AND category IS NOT NULL \
                AND priority IS NOT NULL THEN 'triaged' ELSE $1 END, attempts = attempts + 1, last_error = $2, \
                next_attempt_at = $3, updated_at = $4, version = version + $5 \
                WHERE id = $6 AND state = 'received' AND attempts = $7 RETURNING state";
    let args = [
        state.as_str().into(),
        cut(error).into(),
        next.into(),
        now.into(),
        i64::from(next.is_none()).into(),
        ticket.id.into(),
        ticket.attempts.into(),
    ];
    Sql::new(text, args)
}

fn cut(error: &str) -> String {
    error.chars().filter(|c| *c != '\0').take(MAX_ERROR_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_end() {
        let policy = RetryPolicy {
            max_attempts: 5,
            first_delay_ms: 100,
            max_delay_ms: 500,
        };
        let delays: Vec<_> = (1..=6).map(|n| policy.delay(n).map(|d| d.as_millis())).collect();
        assert_eq!(delays, [Some(100), Some(200), Some(400), Some(500), None, None]);
    }
}
