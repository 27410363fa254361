//! Linear models: scores of examples under weights.

use ndarray::{Array1, Array2, Axis};

use crate::examples::Examples;

/// Weights of a multinomial linear model.
///
/// **Shape**: `weights` `[dimensions + terms, labels]`, `bias` `[labels]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// One row a feature.
    pub weights: Array2<f32>,
    /// One value a label.
    pub bias: Array1<f32>,
}

impl Linear {
    /// Scores of the examples.
    ///
    /// **Shape**: `[rows, labels]`.
    #[must_use]
    pub fn logits(&self, examples: &Examples) -> Array2<f32> {
        let dimensions = examples.dimensions();
        let (dense, lexical) = self.weights.view().split_at(Axis(0), dimensions);
        let mut logits = examples.dense.dot(&dense) + &self.bias;
        for (mut scores, terms) in logits.rows_mut().into_iter().zip(&examples.sparse) {
            for &(term, value) in terms {
                scores.scaled_add(value, &lexical.row(term as usize));
            }
        }
        logits
    }
}
