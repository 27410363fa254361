//! What an operator can set about an encoder.

use serde::{Deserialize, Serialize};

/// The code that computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KernelChoice {
    /// The fastest the processor can run.
    #[default]
    Auto,
    /// candle's BERT, the reference.
    Candle,
}

/// Settings of an encoder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Longest text, special tokens counted; the model's own limit where that is less. **Units:** tokens.
    pub max_tokens: usize,
    /// Texts that may wait before callers are told to come back.
    pub queue_texts: usize,
    /// Tokens computed together, padding included.
    pub batch_tokens: usize,
    /// Threads that compute; 0 for one a core.
    pub threads: usize,
    /// The code that computes.
    pub kernel: KernelChoice,
}

impl Default for Config {
    fn default() -> Self {
        Config { max_tokens: 256, queue_texts: 4_096, batch_tokens: 4_096, threads: 0, kernel: KernelChoice::Auto }
    }
}
