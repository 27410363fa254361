//! Numbers about the rows, for metrics and readiness.

use desk::{TriageState, WorkStatus};
use sqlx::AnyConnection;
use time::OffsetDateTime;

use crate::error::{StoreError, failed};
use crate::micros;
use crate::row::Columns;
use crate::sql::Sql;
use crate::store::Store;

/// How many rows there are, and how long triage is behind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// Tickets by triage state, every state once.
    pub by_state: Vec<(TriageState, i64)>,
    /// Tickets by work status, every status once.
    pub by_status: Vec<(WorkStatus, i64)>,
    /// What people put right so far.
    pub corrections: i64,
    /// When the ticket waiting longest for triage was due; none when none waits.
    pub oldest_due: Option<OffsetDateTime>,
}

impl Counts {
    /// All tickets.
    pub fn tickets(&self) -> i64 {
        self.by_state.iter().map(|(_, count)| count).sum()
    }

    /// Tickets in one triage state.
    pub fn in_state(&self, state: TriageState) -> i64 {
        self.by_state
            .iter()
            .filter(|(other, _)| *other == state)
            .map(|(_, count)| count)
            .sum()
    }
}

impl Store {
    /// The counts now.
    ///
    /// **Errors:** the database's.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        let mut reader = self.database().reader().await?;
        let states = group(&mut reader, "SELECT state, COUNT(*) FROM tickets GROUP BY state").await?;
        let statuses = group(&mut reader, "SELECT status, COUNT(*) FROM tickets GROUP BY status").await?;
        let of = |counts: &[(String, i64)], word: &str| {
            counts
                .iter()
                .filter(|(other, _)| other == word)
                .map(|(_, count)| count)
                .sum()
        };
        let due = "SELECT MIN(next_attempt_at) FROM tickets WHERE next_attempt_at IS NOT NULL";
        Ok(Counts {
            by_state: TriageState::ALL.iter().map(|&s| (s, of(&states, s.as_str()))).collect(),
            by_status: WorkStatus::ALL
                .iter()
                .map(|&s| (s, of(&statuses, s.as_str())))
                .collect(),
            corrections: number(&mut reader, "SELECT COUNT(*) FROM corrections")
                .await?
                .unwrap_or(0),
            oldest_due: number(&mut reader, due).await?.and_then(micros::to_time),
        })
    }
}

async fn group(from: &mut AnyConnection, text: &str) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = Sql::new(text, []).all(from).await.map_err(failed("count tickets"))?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            Ok((columns.text("counted word")?, columns.int("count")?))
        })
        .collect()
}

async fn number(from: &mut AnyConnection, text: &str) -> Result<Option<i64>, StoreError> {
    let row = Sql::new(text, []).optional(from).await.map_err(failed("count rows"))?;
    row.map_or(Ok(None), |row| Columns::of(&row).maybe_int("count"))
}
