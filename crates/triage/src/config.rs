//! What an operator can set about triage.

use std::time::Duration;

use desk::HeadRole;
use serde::{Deserialize, Serialize};
use store::RetryPolicy;

/// Settings of the way of a ticket. Thresholds of the models are not here: they follow from a wanted precision and from
/// what each head said of rows it had not seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long a submission waits for its triage before it is answered as it stands.
    pub deadline_ms: u64,
    /// Failed attempts after which a person is asked.
    pub max_attempts: i32,
    /// Wait after the first failed attempt; doubles with each further one.
    pub backoff_ms: u64,
    /// Longest wait between two attempts.
    pub max_backoff_ms: u64,
    /// How long an attempt may take before another process may try the ticket.
    pub lease_ms: u64,
    /// How often the sweeper looks for tickets that wait.
    pub sweep_interval_ms: u64,
    /// Tickets the sweeper takes at once.
    pub sweep_batch: u32,
    /// Tickets triaged at the same time; further ones are left to the sweeper.
    pub max_in_flight: usize,
    /// How often new points of the index are written to disk; a crash costs adding them again.
    pub index_flush_ms: u64,
    /// Similar tickets kept with a decision.
    pub neighbours: usize,
    /// How old the known teams, agents and their load may be.
    pub roster_max_age_ms: u64,
    /// How long an idempotency key gives the same ticket. **Units:** days.
    pub idempotency_days: u16,
    /// Share of the categories given that should be right; what the head's manifest says when left out. **Range:** between
    /// 0 and 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category_precision: Option<f64>,
    /// Share of the priorities given that should be right, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority_precision: Option<f64>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            deadline_ms: 3_000,
            max_attempts: 8,
            backoff_ms: 1_000,
            max_backoff_ms: 300_000,
            lease_ms: 30_000,
            sweep_interval_ms: 500,
            sweep_batch: 64,
            max_in_flight: 512,
            index_flush_ms: 10_000,
            neighbours: 5,
            roster_max_age_ms: 1_000,
            idempotency_days: 7,
            category_precision: None,
            priority_precision: None,
        }
    }
}

impl Config {
    /// How long a submission waits for its triage.
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }

    /// How long an attempt owns its ticket.
    pub fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms)
    }

    /// Share of a head's labels that should be right; none where its manifest says.
    pub fn precision(&self, head: HeadRole) -> Option<f64> {
        match head {
            HeadRole::Category => self.category_precision,
            HeadRole::Priority => self.priority_precision,
        }
    }

    /// How long an attempt is put off that found too much to do.
    pub(crate) fn backoff(&self) -> Duration {
        Duration::from_millis(self.backoff_ms)
    }

    /// How long an idempotency key is kept.
    pub(crate) fn keys_kept(&self) -> time::Duration {
        time::Duration::days(self.idempotency_days.into())
    }

    /// How often and how soon a ticket is tried again.
    pub(crate) fn retry(&self) -> RetryPolicy {
        RetryPolicy {
            max_attempts: self.max_attempts,
            first_delay_ms: self.backoff_ms,
            max_delay_ms: self.max_backoff_ms,
        }
    }
}
