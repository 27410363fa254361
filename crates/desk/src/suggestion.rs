//! Suggested answers: where they come from, and what agents did with them. Pure.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::word::words;

/// How much each verdict moves the log-odds of its source.
const STEP: f64 = 0.5;
/// The most that approval raises them: however liked, a source that is unlike the ticket is no answer to it.
const RAISED_MOST: f64 = 2.0;
/// The most that rejection lowers them: what agents keep rejecting falls silent.
const LOWERED_MOST: f64 = 6.0;

words! {
    /// What a suggestion was taken from.
    "source" SourceKind {
        /// An article of the knowledge base.
        Article = "article",
        /// An agent's reply on another ticket.
        Reply = "reply",
    }
}

words! {
    /// What an agent did with a suggestion.
    "verdict" Verdict {
        /// Sent as it was.
        Accepted = "accepted",
        /// Sent after changes.
        Edited = "edited",
        /// Not used: it does not answer the ticket.
        Rejected = "rejected",
    }
}

/// An article, or a message that is a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceRef {
    /// What it is.
    pub kind: SourceKind,
    /// Which one.
    pub id: Uuid,
}

/// What agents did with a source, on all tickets together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Times it was sent as it was.
    pub accepted: u32,
    /// Times it was sent after changes.
    pub edited: u32,
    /// Times it was no answer.
    pub rejected: u32,
}

impl Tally {
    /// One more verdict.
    pub fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Accepted => self.accepted += 1,
            Verdict::Edited => self.edited += 1,
            Verdict::Rejected => self.rejected += 1,
        }
    }

    /// How sure the desk is of a source whose own probability is given: an edit is half an acceptance.
    pub fn confidence(&self, probability: f32) -> f32 {
        let approving = f64::from(self.accepted) + 0.5 * f64::from(self.edited);
        let moved = (STEP * (approving - f64::from(self.rejected))).clamp(-LOWERED_MOST, RAISED_MOST);
        let own = f64::from(probability).clamp(1e-6, 1.0 - 1e-6);
        let odds = (own / (1.0 - own)).ln() + moved;
        (1.0 / (1.0 + (-odds).exp())) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(accepted: u32, edited: u32, rejected: u32) -> Tally {
        Tally {
            accepted,
            edited,
            rejected,
        }
    }

    #[test]
    fn without_a_verdict_the_texts_alone_speak() {
        assert!((tally(0, 0, 0).confidence(0.7) - 0.7).abs() < 1e-6);
    }

    #[test]
    fn verdicts_raise_a_little_and_silence_for_good() {
        let sure = |tally: Tally| tally.confidence(0.5);
        assert!(sure(tally(2, 0, 0)) > sure(tally(0, 2, 0)));
        assert!(sure(tally(0, 2, 0)) > 0.5);
        assert!(sure(tally(0, 0, 2)) < 0.5);
        assert!((sure(tally(1, 0, 1)) - 0.5).abs() < 1e-6);
        assert_eq!(sure(tally(6, 0, 0)), sure(tally(1_000, 0, 0)));
        assert!(tally(1_000, 0, 0).confidence(0.01) < 0.2);
        assert!(tally(0, 0, 1_000).confidence(0.98) < 0.2);
    }
}
