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
}

impl Default for Config {
    fn default() -> Self {
        Config {
            passage_tokens: 200,
            deadline_ms: 3_000,
            sweep_interval_ms: 1_000,
        }
    }
}

impl Config {
    /// How long a write waits for the index.
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }

    /// How often articles that wait are looked for.
    pub(crate) fn sweep_interval(&self) -> Duration {
        Duration::from_millis(self.sweep_interval_ms.max(1))
    }
}
