//! One row of a classification: what was right, what the head said, and how sure it was.

use serde::{Deserialize, Serialize};

/// A judged row. **Persisted** as one line of `predictions.jsonl`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Prediction {
    /// The row of the data, from 1; runs that left out other rows agree on it.
    pub row: usize,
    /// Its text.
    pub text: String,
    /// The right label.
    pub label: String,
    /// The head's most probable label, given or not.
    pub predicted: String,
    /// Its calibrated probability. **Units:** 0 to 1.
    pub confidence: f32,
    /// The confidence from which on the head would have given it. **Units:** 0 to 1.
    pub threshold: f32,
    /// Probability the head gave the right label. **Units:** 0 to 1.
    pub right_probability: f32,
    /// Sum over labels of the squared distance from the truth. **Units:** 0 to 2.
    pub brier: f32,
    /// Log-sum-exp of the logits; 0 of rows that were judged by cross-validation, of which it is not kept.
    pub energy: f32,
    /// Whether the head gave its label or left it to a person.
    pub decided: bool,
    /// Whether the head took the text for none of its labels.
    pub out_of_scope: bool,
    /// Labels in the conformal set.
    pub alternatives: Vec<String>,
}

impl Prediction {
    /// Whether the most probable label is the right one.
    pub fn is_right(&self) -> bool {
        self.label == self.predicted
    }
}

/// What a head said of a text that belongs to no label. **Persisted** as one line of `out_of_scope.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outsider {
    /// Its text.
    pub text: String,
    /// The head's most probable label all the same.
    pub predicted: String,
    /// Its calibrated probability. **Units:** 0 to 1.
    pub confidence: f32,
    /// Log-sum-exp of the logits.
    pub energy: f32,
    /// Whether the head gave its label.
    pub decided: bool,
    /// Whether the head took the text for none of its labels.
    pub out_of_scope: bool,
}
