//! A logistic regression whose weights keep to the sign that makes sense, and the threshold behind it.

use anyhow::Result;

use crate::logistic::{Example, Logistic, fit_probability};

/// A feature that deviates no more is the same everywhere, but for rounding.
const FLAT: f64 = 1e-9;

/// Fits in standard deviations of each feature; `speaks_for` tells of each whether more of it can only speak for the
/// outcome. What would count the wrong way is left out, the worst first, and the rest fitted again.
///
/// **Errors**: examples of one outcome only.
pub(crate) fn fit_signed(examples: &[Example], speaks_for: &[bool], l2: f64) -> Result<Logistic> {
    let mut scales = signed_scales(examples, speaks_for);
    loop {
        let fitted = fit_probability(&scaled(examples, &scales), l2)?;
        let worst = fitted
            .weights
            .iter()
            .copied()
            .enumerate()
            .min_by(|a, b| a.1.total_cmp(&b.1));
        match worst {
            Some((feature, weight)) if weight < 0.0 => scales[feature] = 0.0,
            _ => {
                let weights = fitted.weights.iter().zip(&scales).map(|(weight, scale)| weight * scale);
                return Ok(Logistic {
                    bias: fitted.bias,
                    weights: weights.collect(),
                });
            }
        }
    }
}

/// One over the standard deviation of each feature, negative for one that speaks against, 0 for one that is always
/// the same.
fn signed_scales(examples: &[Example], speaks_for: &[bool]) -> Vec<f64> {
    let all = examples.iter().map(|example| example.weight).sum::<f64>();
    let scale = |(feature, speaks_for): (usize, &bool)| {
        let mean_of = |value: &dyn Fn(f64) -> f64| {
            let values = examples
                .iter()
                .map(|example| example.weight * value(example.features[feature]));
            values.sum::<f64>() / all
        };
        let mean = mean_of(&|x| x);
        let deviation = mean_of(&|x| (x - mean).powi(2)).sqrt();
        let sign = if *speaks_for { 1.0 } else { -1.0 };
        if deviation > FLAT { sign / deviation } else { 0.0 }
    };
    speaks_for.iter().enumerate().map(scale).collect()
}

fn scaled(examples: &[Example], scales: &[f64]) -> Vec<Example> {
    let example = |example: &Example| Example {
        features: example
            .features
            .iter()
            .zip(scales)
            .map(|(x, scale)| x * scale)
            .collect(),
        ..*example
    };
    examples.iter().map(example).collect()
}

/// The lowest probability from which on the share of right ones reaches the target; above 1 where none does.
pub(crate) fn threshold(judged: impl Iterator<Item = (f64, bool)>, target_precision: f64) -> f64 {
    let mut judged: Vec<(f64, bool)> = judged.collect();
    judged.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut right, mut all, mut lowest) = (0.0, 0.0, 1.0 + f64::EPSILON);
    for tied in judged.chunk_by(|a, b| a.0 == b.0) {
        all += tied.len() as f64;
        right += tied.iter().filter(|(_, same)| *same).count() as f64;
        if right >= target_precision * all {
            lowest = tied[0].0;
        }
    }
    lowest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_no_threshold_is_precise_enough_nothing_is_said() {
        assert!(threshold([(0.9, false), (0.8, true)].into_iter(), 0.9) > 1.0);
        assert_eq!(threshold([(0.9, true), (0.8, false)].into_iter(), 0.9), 0.9);
    }

    #[test]
    fn what_counts_more_decides() {
        let example = |x: f64, yes: bool, weight: f64| Example {
            features: vec![x],
            yes,
            weight,
        };
        let of = |against: f64| {
            let examples = [
                example(1.0, true, 4.0),
                example(0.0, false, 4.0),
                example(1.0, false, against),
                example(0.0, true, against),
            ];
            fit_signed(&examples, &[true], 1e-3).expect("fits").weights[0]
        };
        assert!(of(1.0) > 0.5 && of(1.0) > of(2.0));
        assert_eq!(of(40.0), 0.0);
    }
}
