//! Costs of a few weights, and the way to their bottom.

use crate::lbfgs::{self, Limits};

/// These are small problems: they are followed to the bottom.
const LIMITS: Limits = Limits {
    steps: 200,
    gradient: 1e-8,
    fall: 1e-9,
};

/// What is made as small as it can be.
pub(crate) trait Cost {
    fn cost(&self, at: &[f64]) -> f64;
    fn gradient(&self, at: &[f64]) -> Vec<f64>;
}

/// Where the cost is lowest, from `start` on.
pub(crate) fn minimise(problem: &impl Cost, start: Vec<f64>) -> Vec<f64> {
    lbfgs::minimise(start, LIMITS, |at, gradient| {
        gradient.copy_from_slice(&problem.gradient(at));
        problem.cost(at)
    })
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Holds the gradient against differences of the cost.
#[cfg(test)]
pub(crate) fn check_gradient(problem: &impl Cost, at: &[f64]) {
    let gradient = problem.gradient(at);
    for i in 0..at.len() {
        let [low, high] = [-1e-5, 1e-5].map(|step| {
            let mut near = at.to_vec();
            near[i] += step;
            problem.cost(&near)
        });
        assert!((gradient[i] - (high - low) / 2e-5).abs() < 1e-6, "{i}: {gradient:?}");
    }
}
