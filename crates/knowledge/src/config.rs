//! What an operator can set about the knowledge base.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of the knowledge base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Longest passage with its title and headings. **Units:** tokens of the encoder.
    pub passage_tokens: usize,
    /// How long a write waits until its article can be found; it is indexed later all the same.
    pub deadline_ms: u64,
    /// How often articles that wait for the index are looked for.
    pub sweep_interval_ms: u64,
    /// Answers of the index that are kept for whoever asks the same again.
    pub recent_answers: usize,
    /// Longest time such an answer is used; a change of the index ends it at once.
    pub recent_ms: u64,
    /// How long as-you-type search waits for what is alike in meaning before it answers with titles alone.
    pub instant_deadline_ms: u64,
    /// How long feedback on a search is taken, and the search itself kept. **Units:** days.
    pub feedback_days: u16,
    /// How long the counts of unanswered queries and what was said of answers are kept. **Units:** days.
    pub insight_days: u16,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            passage_tokens: 200,
            deadline_ms: 3_000,
            sweep_interval_ms: 1_000,
            recent_answers: 1_000,
            recent_ms: 10_000,
            instant_deadline_ms: 200,
            feedback_days: 7,
            insight_days: 365,
        }
    }
}

impl Config {
    /// How long a write waits for the index.
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }

    /// Longest time an answer of the index is used again.
    pub(crate) fn recent(&self) -> Duration {
        Duration::from_millis(self.recent_ms)
    }

    /// How long as-you-type search waits for what is alike in meaning.
    pub(crate) fn instant_deadline(&self) -> Duration {
        Duration::from_millis(self.instant_deadline_ms)
    }

    /// How long searches are kept.
    pub(crate) fn searches_kept(&self) -> time::Duration {
        time::Duration::days(self.feedback_days.into())
    }

    /// How long counts of unanswered queries are kept.
    pub(crate) fn counts_kept(&self) -> time::Duration {
        time::Duration::days(self.insight_days.into())
    }
}
