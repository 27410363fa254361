//! Held-out logits → temperature, conformal quantile, energy limit.

use classifier::assess::{energy, probabilities};
use ndarray::{Array2, ArrayView1};

/// Temperatures searched, as natural logarithms.
const LOG_RANGE: (f32, f32) = (-3.0, 3.0);
/// Steps of the search; each narrows the range by the golden ratio.
const STEPS: usize = 40;

/// The temperature with the least log-loss on these rows.
///
/// **Shape**: `logits` `[rows of the data set, labels]`; `rows` positions in it.
/// **Source**: Guo et al., On Calibration of Modern Neural Networks, 2017, 4.2; golden-section search, Kiefer 1953.
#[must_use]
pub fn temperature(logits: &Array2<f32>, targets: &[usize], rows: &[usize]) -> f32 {
    let ratio = (5.0_f32.sqrt() - 1.0) / 2.0;
    let loss = |log: f32| log_loss(logits, targets, rows, log.exp());
    let (mut low, mut high) = LOG_RANGE;
    for _ in 0..STEPS {
        let width = (high - low) * ratio;
        if loss(high - width) < loss(low + width) {
            high = low + width;
        } else {
            low += high - low - width;
        }
    }
    f32::midpoint(low, high).exp()
}

/// Mean negative log-probability of the right labels.
#[must_use]
pub fn log_loss(logits: &Array2<f32>, targets: &[usize], rows: &[usize], temperature: f32) -> f64 {
    let loss = |row: usize| {
        let scaled: Vec<f32> = logits.row(row).iter().map(|logit| logit / temperature).collect();
        f64::from(energy(&scaled) - scaled[targets[row]])
    };
    rows.iter().map(|&row| loss(row)).sum::<f64>() / rows.len().max(1) as f64
}

/// Probabilities in which each fold's rows are calibrated on the other folds alone: what an honest report looks at.
///
/// **Shape**: `[rows, labels]` → the same.
#[must_use]
pub fn cross_fitted(logits: &Array2<f32>, targets: &[usize], fold_of: &[usize], folds: usize) -> Array2<f32> {
    let mut calibrated = logits.clone();
    for fold in 0..folds {
        let (others, held_out) = crate::folds::split(fold_of, fold);
        let temperature = temperature(logits, targets, &others);
        for row in held_out {
            let values = probabilities(&row_of(logits.row(row)), temperature);
            calibrated
                .row_mut(row)
                .iter_mut()
                .zip(values)
                .for_each(|(cell, value)| *cell = value);
        }
    }
    calibrated
}

/// Smallest `q` such that labels of probability `1 - q` and more hold the right one in a `coverage` share of new texts.
///
/// **Source**: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005: the `(n + 1)` quantile.
#[must_use]
pub fn conformal_quantile(probability_of_truth: impl Iterator<Item = f32>, coverage: f64) -> f32 {
    let mut scores: Vec<f32> = probability_of_truth.map(|probability| 1.0 - probability).collect();
    scores.sort_by(f32::total_cmp);
    let rank = ((scores.len() + 1) as f64 * coverage).ceil() as usize;
    scores
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or(1.0)
        .clamp(0.0, 1.0)
}

/// The energy that a `share` of these rows reaches.
#[must_use]
pub fn energy_limit(logits: &Array2<f32>, share: f64) -> f32 {
    let mut energies: Vec<f32> = logits.rows().into_iter().map(|row| energy(&row_of(row))).collect();
    energies.sort_by(f32::total_cmp);
    let below = energies.len() - (energies.len() as f64 * share).ceil() as usize;
    energies.get(below).copied().unwrap_or(f32::NEG_INFINITY)
}

fn row_of(row: ArrayView1<'_, f32>) -> Vec<f32> {
    row.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overconfident_logits_are_cooled() {
        // Right three times in four, whatever it says.
        let logits = Array2::from_shape_fn((400, 2), |(_, column)| if column == 0 { 8.0 } else { 0.0 });
        let targets: Vec<usize> = (0..400).map(|row| usize::from(row % 4 == 0)).collect();
        let rows: Vec<usize> = (0..400).collect();
        let confidence = probabilities(&[8.0, 0.0], temperature(&logits, &targets, &rows))[0];
        assert!((confidence - 0.75).abs() < 0.01, "{confidence}");
    }

    #[test]
    fn quantiles_count_one_row_more_than_there_are() {
        let truth = (1..=19).map(|i| i as f32 / 20.0);
        assert!((conformal_quantile(truth, 0.9) - 0.9).abs() < 1e-6);
        assert_eq!(
            conformal_quantile([0.5].into_iter(), 0.9),
            1.0,
            "too few rows to promise anything"
        );
    }

    #[test]
    fn the_energy_limit_lets_its_share_through() {
        let logits = Array2::from_shape_fn((100, 2), |(row, _)| row as f32);
        let limit = energy_limit(&logits, 0.9);
        let passed = logits
            .rows()
            .into_iter()
            .filter(|row| energy(&row.to_vec()) >= limit)
            .count();
        assert_eq!(passed, 90);
    }
}
