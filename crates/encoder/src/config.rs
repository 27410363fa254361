//! How an encoder runs, and what a text is to it.

use crate::error::EncoderError;
use crate::kernel::Kernel;

/// Settings of an encoder; the caller reads them from wherever it likes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Longest text read; the model's own limit holds too. **Units**: tokens, special ones included.
    pub max_tokens: usize,
    /// Tokens computed together, padding included; a longer text is computed alone. **Units**: tokens.
    pub batch_tokens: usize,
    /// Texts accepted and not yet answered; more are refused as [`EncoderError::Busy`].
    pub queue_texts: usize,
    /// Threads that compute; 0 for one a core.
    pub threads: usize,
    /// What computes.
    pub kernel: Kernel,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_tokens: 256,
            batch_tokens: 2048,
            queue_texts: 1024,
            threads: 0,
            kernel: Kernel::default(),
        }
    }
}

/// Which end of a search a text is; the model may have a prefix for either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// It asks.
    Query,
    /// It may be an answer.
    Passage,
}

/// Fewest tokens a cut text keeps: the two special ones and one of its own.
const FEWEST_TOKENS: usize = 3;

impl Config {
    /// Refuses settings no encoder can work by.
    ///
    /// **Errors**: [`EncoderError::BadSetting`] names the first.
    pub(crate) fn check(&self) -> Result<(), EncoderError> {
        require(self.max_tokens >= FEWEST_TOKENS, "max_tokens", "must be at least 3")?;
        require(self.batch_tokens > 0, "batch_tokens", "must be at least 1")?;
        require(self.queue_texts > 0, "queue_texts", "must be at least 1")
    }

    /// Threads that compute, counted.
    pub(crate) fn thread_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}

fn require(holds: bool, setting: &'static str, problem: &'static str) -> Result<(), EncoderError> {
    if holds {
        Ok(())
    } else {
        Err(EncoderError::BadSetting { setting, problem })
    }
}
