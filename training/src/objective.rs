//! What the fit minimises: mean log-loss of the softmax plus an L2 penalty, and its gradient.
//!
//! linfa-logistic takes dense matrices only, liblinear has no softmax; so the objective over sparse rows is ours. It waits
//! for memory more than it computes; see `columns`.
//! **Source**: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 4.4 and 18.3.2.

use std::ops::Range;
use std::thread;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayViewMut1, Axis, s};

use crate::columns::{Columns, padded};
use crate::examples::Examples;
use crate::linear::Linear;

/// Rows are summed in so many parts, whatever the machine: sums in another order are other sums.
const PARTS: usize = 4;

/// The objective over some examples, and the megabytes that it is worked out in.
pub struct Objective<'a> {
    examples: &'a Examples,
    targets: &'a [usize],
    labels: usize,
    l2: f64,
    model: Padded,
    parts: Vec<Part>,
}

/// The sums over some of the rows.
struct Part {
    rows: Range<usize>,
    columns: Columns,
    loss: f64,
    /// Scores of the rows, then what they are wrong by. **Shape**: `[rows, padded labels]`.
    residuals: Array2<f32>,
    gradient: Padded,
}

impl<'a> Objective<'a> {
    /// `l2` is the penalty against the summed loss, as linfa's `alpha`.
    #[must_use]
    pub fn new(examples: &'a Examples, targets: &'a [usize], labels: usize, l2: f64) -> Self {
        let features = examples.dimensions() + examples.terms;
        let part = |part: usize| {
            let rows = examples.len() * part / PARTS..examples.len() * (part + 1) / PARTS;
            Part {
                columns: Columns::new(&examples.sparse[rows.clone()], examples.terms),
                loss: 0.0,
                residuals: Array2::zeros((rows.len(), padded(labels))),
                gradient: Padded::zeros(features, labels),
                rows,
            }
        };
        Self {
            examples,
            targets,
            labels,
            l2,
            model: Padded::zeros(features, labels),
            parts: (0..PARTS).map(part).collect(),
        }
    }

    /// Number of parameters: weights row by row, then biases.
    #[must_use]
    pub fn parameters(&self) -> usize {
        (self.features() + 1) * self.labels
    }

    fn features(&self) -> usize {
        self.examples.dimensions() + self.examples.terms
    }

    /// Parameters as a model.
    #[must_use]
    pub fn linear(&self, parameters: &[f64]) -> Linear {
        let (weights, bias) = parameters.split_at(self.features() * self.labels);
        let mut by_feature = Array2::zeros((self.features(), self.labels));
        by_feature
            .iter_mut()
            .zip(weights)
            .for_each(|(to, &from)| *to = from as f32);
        Linear {
            weights: by_feature,
            bias: bias.iter().map(|&value| value as f32).collect(),
        }
    }

    /// The cost of these parameters; writes its gradient.
    pub fn evaluate(&mut self, parameters: &[f64], gradient: &mut [f64]) -> f64 {
        self.model.set(parameters, self.labels);
        let (examples, targets, labels, model) = (self.examples, self.targets, self.labels, &self.model);
        thread::scope(|scope| {
            for part in &mut self.parts {
                scope.spawn(move || part.sum(examples, targets, model, labels));
            }
        });
        let rows = examples.len() as f64;
        let penalised = &parameters[..self.features() * labels];
        for (slope, weight) in gradient.iter_mut().zip(penalised) {
            *slope = weight * self.l2;
        }
        gradient[penalised.len()..].fill(0.0);
        for part in &self.parts {
            for (slopes, sums) in gradient.chunks_exact_mut(labels).zip(part.gradient.0.rows()) {
                slopes
                    .iter_mut()
                    .zip(sums)
                    .for_each(|(slope, &sum)| *slope += f64::from(sum));
            }
        }
        gradient.iter_mut().for_each(|slope| *slope /= rows);
        let loss: f64 = self.parts.iter().map(|part| part.loss).sum();
        let penalty = penalised.iter().map(|weight| weight * weight).sum::<f64>();
        (loss + 0.5 * self.l2 * penalty) / rows
    }
}

/// One row a feature, and the bias last.
///
/// **Shape**: `[features + 1, padded labels]`.
struct Padded(Array2<f32>);

impl Padded {
    fn zeros(features: usize, labels: usize) -> Self {
        Self(Array2::zeros((features + 1, padded(labels))))
    }

    fn set(&mut self, parameters: &[f64], labels: usize) {
        for (mut row, values) in self.0.rows_mut().into_iter().zip(parameters.chunks_exact(labels)) {
            row.iter_mut().zip(values).for_each(|(to, &from)| *to = from as f32);
        }
    }
}

impl Part {
    fn sum(&mut self, examples: &Examples, targets: &[usize], Padded(model): &Padded, labels: usize) {
        let (dimensions, bias) = (examples.dimensions(), model.nrows() - 1);
        let dense = examples.dense.slice(s![self.rows.clone(), ..]);
        general_mat_mul(
            1.0,
            &dense,
            &model.slice(s![..dimensions, ..]),
            0.0,
            &mut self.residuals,
        );
        self.residuals += &model.row(bias);
        self.columns
            .add_scores(&mut self.residuals, &model.slice(s![dimensions..bias, ..]));
        self.loss = 0.0;
        for (scores, row) in self.residuals.rows_mut().into_iter().zip(self.rows.clone()) {
            self.loss += into_residuals(scores.slice_move(s![..labels]), targets[row]);
        }
        let gradient = &mut self.gradient.0;
        general_mat_mul(
            1.0,
            &dense.t(),
            &self.residuals,
            0.0,
            &mut gradient.slice_mut(s![..dimensions, ..]),
        );
        self.columns
            .set_slopes(&mut gradient.slice_mut(s![dimensions..bias, ..]), &self.residuals);
        gradient.row_mut(bias).assign(&self.residuals.sum_axis(Axis(0)));
    }
}

/// Turns scores into probabilities less the truth, and gives back the log-loss.
fn into_residuals(mut scores: ArrayViewMut1<'_, f32>, target: usize) -> f64 {
    let largest = scores.fold(f32::NEG_INFINITY, |largest, &score| largest.max(score));
    let truth = scores[target] - largest;
    scores.mapv_inplace(|score| (score - largest).exp());
    let sum = scores.sum();
    scores /= sum;
    scores[target] -= 1.0;
    f64::from(sum.ln() - truth)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_gradient_is_the_slope_of_the_cost() {
        let examples = Examples {
            dense: array![[0.3, -0.2], [1.0, 0.5], [-0.4, 0.9]],
            sparse: vec![vec![(0, 0.6), (2, 0.8)], vec![], vec![(1, 1.0)]],
            terms: 3,
        };
        let targets = [0, 2, 1];
        let mut objective = Objective::new(&examples, &targets, 3, 0.5);
        let point: Vec<f64> = (0..objective.parameters())
            .map(|i| (i as f64 * 0.7).sin() * 0.3)
            .collect();
        let mut gradient = vec![0.0; point.len()];
        objective.evaluate(&point, &mut gradient);
        for i in 0..point.len() {
            let mut cost_at = |step: f64| {
                let mut moved = point.clone();
                moved[i] += step;
                objective.evaluate(&moved, &mut vec![0.0; point.len()])
            };
            let slope = (cost_at(1e-2) - cost_at(-1e-2)) / 2e-2;
            assert!(
                (slope - gradient[i]).abs() < 1e-3,
                "parameter {i}: {slope} against {}",
                gradient[i]
            );
        }
    }
}
