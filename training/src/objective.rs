//! What the fit minimises: mean log-loss of the softmax plus an L2 penalty, and its gradient.
//!
//! linfa-logistic takes dense matrices only, liblinear has no softmax; so the objective over sparse rows is ours and
//! argmin minimises it.
//! **Source**: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 4.4 and 18.3.2.

use std::cell::RefCell;
use std::ops::Range;
use std::panic::resume_unwind;
use std::thread;

use argmin::core::{CostFunction, Error, Gradient};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, s};

use crate::examples::Examples;
use crate::linear::{Linear, add_scaled, logits};

/// Rows are summed in so many parts, whatever the machine: sums in another order are other sums.
const PARTS: usize = 4;

/// The objective over some examples.
pub struct Objective<'a> {
    examples: &'a Examples,
    targets: &'a [usize],
    labels: usize,
    l2: f64,
    last: RefCell<Option<Evaluation>>,
    best: RefCell<Option<(f64, Array1<f64>)>>,
}

struct Evaluation {
    at: Array1<f64>,
    cost: f64,
    gradient: Array1<f64>,
}

struct Part {
    loss: f64,
    weights: Array2<f32>,
    bias: Array1<f32>,
}

impl<'a> Objective<'a> {
    /// `l2` is the penalty against the summed loss, as linfa's `alpha`.
    #[must_use]
    pub fn new(examples: &'a Examples, targets: &'a [usize], labels: usize, l2: f64) -> Self {
        Self {
            examples,
            targets,
            labels,
            l2,
            last: RefCell::default(),
            best: RefCell::default(),
        }
    }

    /// Number of parameters: weights row by row, then biases.
    #[must_use]
    pub fn parameters(&self) -> usize {
        (self.features() + 1) * self.labels
    }

    /// The best parameters met so far.
    #[must_use]
    pub fn best(&self) -> Option<Array1<f64>> {
        self.best.borrow().as_ref().map(|(_, parameters)| parameters.clone())
    }

    fn features(&self) -> usize {
        self.examples.dimensions() + self.examples.terms
    }

    /// Parameters as a model.
    #[must_use]
    pub fn linear(&self, parameters: &Array1<f64>) -> Linear {
        let split = self.features() * self.labels;
        let values: Vec<f32> = parameters.iter().map(|&value| value as f32).collect();
        let weights = ArrayView2::from_shape((self.features(), self.labels), &values[..split]).map_or_else(
            |_| Array2::zeros((self.features(), self.labels)),
            |view| view.to_owned(),
        );
        Linear {
            weights,
            bias: Array1::from(values[split..].to_vec()),
        }
    }

    fn evaluate(&self, parameters: &Array1<f64>) -> Evaluation {
        let model = self.linear(parameters);
        let rows = self.examples.len();
        let parts: Vec<Part> = thread::scope(|scope| {
            let start = |part: usize| {
                let range = rows * part / PARTS..rows * (part + 1) / PARTS;
                let (examples, targets, model) = (self.examples, self.targets, &model);
                scope.spawn(move || part_of(examples, targets, model, range))
            };
            let handles: Vec<_> = (0..PARTS).map(start).collect();
            handles
                .into_iter()
                .map(|handle| handle.join().unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        });
        self.sum(parameters, &parts)
    }

    fn sum(&self, parameters: &Array1<f64>, parts: &[Part]) -> Evaluation {
        let rows = self.examples.len() as f64;
        let split = self.features() * self.labels;
        let penalised = parameters.slice(s![..split]);
        let loss: f64 = parts.iter().map(|part| part.loss).sum();
        let cost = (loss + 0.5 * self.l2 * penalised.dot(&penalised)) / rows;
        let mut gradient = parameters * self.l2;
        gradient.slice_mut(s![split..]).fill(0.0);
        for part in parts {
            let sums = part.weights.iter().chain(&part.bias);
            gradient
                .iter_mut()
                .zip(sums)
                .for_each(|(total, &value)| *total += f64::from(value));
        }
        gradient /= rows;
        Evaluation {
            at: parameters.clone(),
            cost,
            gradient,
        }
    }

    fn cached<T>(&self, parameters: &Array1<f64>, read: impl Fn(&Evaluation) -> T) -> T {
        let mut last = self.last.borrow_mut();
        let evaluation = match last.take() {
            Some(known) if known.at == *parameters => known,
            _ => self.evaluate(parameters),
        };
        self.remember_best(&evaluation);
        let value = read(&evaluation);
        *last = Some(evaluation);
        value
    }

    fn remember_best(&self, evaluation: &Evaluation) {
        let mut best = self.best.borrow_mut();
        if best.as_ref().is_none_or(|(cost, _)| evaluation.cost < *cost) {
            *best = Some((evaluation.cost, evaluation.at.clone()));
        }
    }
}

fn part_of(examples: &Examples, targets: &[usize], model: &Linear, rows: Range<usize>) -> Part {
    let mut residuals = logits(examples, rows.clone(), model.weights.view(), &model.bias);
    let mut loss = 0.0;
    for (scores, row) in residuals.rows_mut().into_iter().zip(rows.clone()) {
        loss += into_residuals(scores, targets[row]);
    }
    let dimensions = examples.dimensions();
    let mut weights = Array2::zeros(model.weights.raw_dim());
    let dense = examples.dense.slice(s![rows.clone(), ..]);
    weights
        .slice_mut(s![..dimensions, ..])
        .assign(&dense.t().dot(&residuals));
    let labels = model.bias.len();
    let mut lexical = weights.slice_mut(s![dimensions.., ..]);
    if let (Some(lexical), Some(residuals)) = (lexical.as_slice_mut(), residuals.as_slice()) {
        for (residual, row) in residuals.chunks_exact(labels).zip(rows) {
            for &(term, value) in &examples.sparse[row] {
                add_scaled(&mut lexical[term as usize * labels..][..labels], value, residual);
            }
        }
    }
    Part {
        loss,
        weights,
        bias: residuals.sum_axis(ndarray::Axis(0)),
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

impl CostFunction for &Objective<'_> {
    type Param = Array1<f64>;
    type Output = f64;

    fn cost(&self, parameters: &Self::Param) -> Result<f64, Error> {
        Ok(self.cached(parameters, |evaluation| evaluation.cost))
    }
}

impl Gradient for &Objective<'_> {
    type Param = Array1<f64>;
    type Gradient = Array1<f64>;

    fn gradient(&self, parameters: &Self::Param) -> Result<Self::Gradient, Error> {
        Ok(self.cached(parameters, |evaluation| evaluation.gradient.clone()))
    }
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
        let objective = Objective::new(&examples, &targets, 3, 0.5);
        let point = Array1::from_iter((0..objective.parameters()).map(|i| (i as f64 * 0.7).sin() * 0.3));
        let gradient = objective.evaluate(&point).gradient;
        for i in 0..point.len() {
            let cost_at = |step: f64| {
                let mut moved = point.clone();
                moved[i] += step;
                objective.evaluate(&moved).cost
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
