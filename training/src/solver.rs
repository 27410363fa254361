//! Fits a linear model: linfa-logistic over embeddings alone, argmin's L-BFGS over embeddings and sparse features.

use anyhow::{Context, Result};
use argmin::core::Executor;
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::MultiLogisticRegression;
use ndarray::{Array1, Array2};

use crate::examples::Examples;
use crate::linear::Linear;
use crate::objective::Objective;

/// Pairs of steps L-BFGS remembers.
const MEMORY: usize = 7;
/// It stops here at the latest.
const MAX_ITERATIONS: u64 = 100;
/// It stops when the gradient of the mean loss is shorter than this.
const GRADIENT_TOLERANCE: f64 = 1e-4;
/// It stops when the mean loss falls by less than this a step.
const COST_TOLERANCE: f64 = 1e-5;

/// The model with the least penalised loss on these examples.
///
/// **Errors**: only what the solvers themselves refuse.
pub fn fit(examples: &Examples, targets: &[usize], labels: usize, l2: f64, start: Option<&Linear>) -> Result<Linear> {
    if examples.terms == 0 {
        return fit_dense(examples, targets, labels, l2);
    }
    let objective = Objective::new(examples, targets, labels, l2);
    let first = start.map_or_else(|| Array1::zeros(objective.parameters()), flatten);
    let line_search = MoreThuenteLineSearch::new().with_c(1e-4, 0.9)?;
    let solver = LBFGS::new(line_search, MEMORY)
        .with_tolerance_grad(GRADIENT_TOLERANCE)?
        .with_tolerance_cost(COST_TOLERANCE)?;
    // Near the minimum single precision ends a line search early; the best point met is the answer then.
    let outcome = Executor::new(&objective, solver)
        .configure(|state| state.param(first).max_iters(MAX_ITERATIONS))
        .ctrlc(false)
        .run();
    let failure = outcome.err();
    let best = objective
        .best()
        .with_context(|| format!("the fit did not start: {failure:?}"))?;
    Ok(objective.linear(&best))
}

fn flatten(model: &Linear) -> Array1<f64> {
    let values = model.weights.iter().chain(&model.bias);
    values.map(|&value| f64::from(value)).collect()
}

fn fit_dense(examples: &Examples, targets: &[usize], labels: usize, l2: f64) -> Result<Linear> {
    let records = examples.dense.mapv(f64::from);
    let data = DatasetBase::new(records, Array1::from(targets.to_vec()));
    let fitted = MultiLogisticRegression::default()
        .alpha(l2)
        .max_iterations(MAX_ITERATIONS)
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
        let by_argmin = fit(&unused_term, &targets, 3, 1.0, None)
            .expect("fits")
            .logits(&unused_term);
        let probability =
            |logits: &Array2<f32>, row: usize| classifier::assess::probabilities(&logits.row(row).to_vec(), 1.0)[0];
        for row in 0..60 {
            assert!(
                (probability(&by_linfa, row) - probability(&by_argmin, row)).abs() < 5e-3,
                "row {row}"
            );
        }
    }
}
