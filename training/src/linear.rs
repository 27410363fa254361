//! Linear models: scores of examples under weights.

use ndarray::{Array1, Array2, ArrayView2, s};

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
        logits(examples, 0..examples.len(), self.weights.view(), &self.bias)
    }
}

/// Scores of some rows.
///
/// **Shape**: `weights` `[dimensions + terms, labels]` → `[rows, labels]`.
#[must_use]
pub fn logits(
    examples: &Examples,
    rows: std::ops::Range<usize>,
    weights: ArrayView2<'_, f32>,
    bias: &Array1<f32>,
) -> Array2<f32> {
    let dimensions = examples.dimensions();
    let dense = examples.dense.slice(s![rows.clone(), ..]);
    let mut logits = dense.dot(&weights.slice(s![..dimensions, ..])) + bias;
    let lexical = weights.slice(s![dimensions.., ..]);
    let labels = bias.len();
    if let (Some(lexical), Some(scores)) = (lexical.as_slice(), logits.as_slice_mut()) {
        for (scores, row) in scores.chunks_exact_mut(labels).zip(rows) {
            for &(term, value) in &examples.sparse[row] {
                add_scaled(scores, value, &lexical[term as usize * labels..][..labels]);
            }
        }
    }
    logits
}

/// `sums += value * row`, over plain slices: this is where a fit spends its time.
pub fn add_scaled(sums: &mut [f32], value: f32, row: &[f32]) {
    sums.iter_mut()
        .zip(row)
        .for_each(|(sum, weight)| *sum += value * weight);
}
