//! Whether what was found answers the question at all.
//!
//! A logistic regression over the best hit: how like it is in meaning and in words, and how far it leads.

use search::Hit;

/// What the probability is made from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Cosine of the best passage to the question, -1 to 1.
    pub cosine: f32,
    /// Score of an average word of the question in the best passage.
    pub word_share: f32,
    /// How far it leads the next article, 0 to 1.
    pub lead: f32,
}

/// The regression and where it falls silent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answerability {
    bias: f32,
    cosine: f32,
    word_share: f32,
    lead: f32,
    /// Below this probability nothing is answered.
    pub threshold: f32,
}

impl Default for Answerability {
    /// The weights are those that `deskwise train fusion` fits where a text has no title. The bias is set by hand and
    /// not calibrated on articles: what the fit gives for questions and answers leaves passages inside an article
    /// unanswered.
    fn default() -> Self {
        Answerability {
            bias: -4.5,
            cosine: 6.02,
            word_share: 2.80,
            lead: 2.42,
            threshold: 0.47,
        }
    }
}

impl Evidence {
    /// What speaks for the first of these hits, best first; none without a hit.
    pub fn of(hits: &[Hit]) -> Option<Self> {
        let first = hits.first()?;
        let lead = hits
            .get(1)
            .map_or(1.0, |second| ((first.score - second.score) / 2.0).tanh());
        Some(Evidence {
            cosine: first.dense.unwrap_or_default(),
            word_share: first.word_share.unwrap_or_default(),
            lead,
        })
    }
}

impl Answerability {
    /// The probability that the first hit answers the question, 0 to 1; 0 where nothing was found.
    pub fn probability(&self, evidence: Option<Evidence>) -> f32 {
        let Some(evidence) = evidence else { return 0.0 };
        let odds = self.bias
            + self.cosine * evidence.cosine
            + self.word_share * evidence.word_share
            + self.lead * evidence.lead;
        1.0 / (1.0 + (-odds).exp())
    }
}
