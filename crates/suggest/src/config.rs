//! What an operator can set about suggested answers.

use serde::{Deserialize, Serialize};

/// Settings of suggested answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Suggestions at most.
    pub suggestions: usize,
    /// Confidence below which nothing is offered. **Units:** 0 to 1.
    pub threshold: f32,
    /// Longest text of a suggestion, unless it is one list. **Units:** Unicode characters.
    pub text_chars: usize,
    /// Cosine from which on a reworded sentence means what one of its source does. **Units:** -1 to 1.
    pub support_min: f32,
    /// Cosine from which on two unanswered tickets are neighbours in one gap. **Units:** -1 to 1.
    pub gap_cosine: f32,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            suggestions: 3,
            threshold: 0.5,
            text_chars: 700,
            support_min: 0.6,
            gap_cosine: 0.65,
        }
    }
}
