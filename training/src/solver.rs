//! Fits a linear model: linfa-logistic over embeddings alone, our own L-BFGS over embeddings and sparse features.

use anyhow::Result;
use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::MultiLogisticRegression;
use ndarray::{Array1, Array2};

use crate::examples::Examples;
use crate::lbfgs::{Limits, minimise};
use crate::linear::Linear;
use crate::objective::Objective;

/// The mean loss is at its bottom here, as far as a head can tell.
const LIMITS: Limits = Limits {
    steps: 100,
    gradient: 1e-4,
    fall: 1e-5,
};

/// The model with the least penalised loss on these examples.
///
/// **Errors**: only what the solvers themselves refuse.
pub fn fit(examples: &Examples, targets: &[usize], labels: usize, l2: f64, start: Option<&Linear>) -> Result<Linear> {
    if examples.terms == 0 {
        return fit_dense(examples, targets, labels, l2);
    }
    let mut objective = Objective::new(examples, targets, labels, l2);
    let first = start.map_or_else(|| vec![0.0; objective.parameters()], flatten);
    let best = minimise(first, LIMITS, |at, gradient| objective.evaluate(at, gradient));
    Ok(objective.linear(&best))
}

fn flatten(model: &Linear) -> Vec<f64> {
    let values = model.weights.iter().chain(&model.bias);
    values.map(|&value| f64::from(value)).collect()
}

fn fit_dense(examples: &Examples, targets: &[usize], labels: usize, l2: f64) -> Result<Linear> {
    let records = examples.dense.mapv(f64::from);
    let data = DatasetBase::new(records, Array1::from(targets.to_vec()));
    let fitted = MultiLogisticRegression::default()
        .alpha(l2)
        .max_iterations(LIMITS.steps as u64)
        .fit(&data)?;
    let mut weights = Array2::zeros((examples.dimensions(), labels));
    let mut bias = Array1::from_elem(labels, ABSENT);
    for (column, &label) in fitted.classes().iter().enumerate() {
        weights
            .column_mut(label)
            .assign(&fitted.params().column(column).mapv(|value| value as f32));
        bias[label] = fitted.intercept()[column] as f32;
    }
    Ok(Linear { weights, bias })
}

/// Bias of a label that no row of a fold has.
const ABSENT: f32 = -20.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn blobs(terms: usize) -> (Examples, Vec<usize>) {
        let rows = 60;
        let targets: Vec<usize> = (0..rows).map(|row| row % 3).collect();
        let noise = |row: usize, salt: f32| ((row as f32 + salt) * 12.9898).sin() * 0.3;
        let dense = Array2::from_shape_fn((rows, 3), |(row, column)| {
            f32::from(u8::from(targets[row] == column)) + noise(row, column as f32)
        });
        let sparse = targets
            .iter()
            .map(|&label| if terms > 0 { vec![(label as u32, 1.0)] } else { vec![] })
            .collect();
        (Examples { dense, sparse, terms }, targets)
    }

    fn accuracy(terms: usize) -> f64 {
        let (examples, targets) = blobs(terms);
        let logits = fit(&examples, &targets, 3, 0.1, None).expect("fits").logits(&examples);
        let right = logits
            .rows()
            .into_iter()
            .zip(&targets)
            .filter(|(scores, target)| scores.iter().all(|score| *score <= scores[**target]));
        right.count() as f64 / targets.len() as f64
    }

    #[test]
    fn both_solvers_separate_what_is_separable() {
        assert!(accuracy(0) > 0.95);
        assert!(accuracy(3) > 0.99);
    }

    #[test]
    fn both_solvers_agree_on_dense_features() {
        let (dense, targets) = blobs(0);
        let by_linfa = fit(&dense, &targets, 3, 1.0, None).expect("fits").logits(&dense);
        let unused_term = Examples { terms: 1, ..dense };
        let by_lbfgs = fit(&unused_term, &targets, 3, 1.0, None)
            .expect("fits")
            .logits(&unused_term);
        let probability =
            |logits: &Array2<f32>, row: usize| classifier::assess::probabilities(&logits.row(row).to_vec(), 1.0)[0];
        for row in 0..60 {
            assert!(
                (probability(&by_linfa, row) - probability(&by_lbfgs, row)).abs() < 5e-3,
                "row {row}"
            );
        }
    }
}
