//! Held-out logits → calibrated probabilities, conformal quantile, energy limit.

use classifier::Curve;
use classifier::assess::{energy, probabilities};
use ndarray::Array2;

use crate::folds;
use crate::isotonic;
use crate::mixture::Mixture;

/// What turns logits into probabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// What logits are divided by before the softmax.
    pub temperature: f32,
    /// Isotonic curve behind it; changes nothing where temperature alone is better.
    pub curve: Curve,
}

/// A calibration learnt on all rows, and what the same act gives on rows it has not seen.
#[derive(Debug, Clone)]
pub struct Calibrated {
    /// Learnt on all rows.
    pub calibration: Calibration,
    /// Each fold's rows calibrated on the other folds alone: what an honest report looks at. **Shape**: `[rows, labels]`.
    pub held_out: Array2<f32>,
    /// Mean held-out log-loss with temperature alone.
    pub temperature_loss: f64,
    /// The same with the isotonic curve behind it.
    pub isotonic_loss: f64,
}

impl Calibration {
    /// Learnt on these rows.
    ///
    /// **Shape**: `logits` `[rows of the data set, labels]`; `rows` positions in it.
    #[must_use]
    pub fn fit(logits: &Array2<f32>, targets: &[usize], rows: &[usize], with_curve: bool) -> Self {
        let mut calibration = Self {
            temperature: Mixture::fit(logits, None, targets, rows).temperature(),
            curve: Curve::default(),
        };
        if with_curve {
            calibration.curve = isotonic::fit(&calibration.apply(logits), targets, rows);
        }
        calibration
    }

    /// Calibrated probabilities.
    ///
    /// **Shape**: `[rows, labels]` → the same.
    #[must_use]
    pub fn apply(&self, logits: &Array2<f32>) -> Array2<f32> {
        let mut calibrated = logits.clone();
        for mut row in calibrated.rows_mut() {
            let values = self.curve.apply(probabilities(&row.to_vec(), self.temperature));
            row.iter_mut().zip(values).for_each(|(cell, value)| *cell = value);
        }
        calibrated
    }
}

/// Calibrates by temperature, and by an isotonic curve behind it where that lowers the held-out log-loss.
///
/// **Shape**: `logits` `[rows, labels]`.
#[must_use]
pub fn calibrate(logits: &Array2<f32>, targets: &[usize], fold_of: &[usize], folds: usize) -> Calibrated {
    let plain = cross_fitted(logits, targets, fold_of, folds, false);
    let curved = cross_fitted(logits, targets, fold_of, folds, true);
    let (temperature_loss, isotonic_loss) = (log_loss(&plain, targets), log_loss(&curved, targets));
    let with_curve = isotonic_loss < temperature_loss;
    let all: Vec<usize> = (0..targets.len()).collect();
    Calibrated {
        calibration: Calibration::fit(logits, targets, &all, with_curve),
        held_out: if with_curve { curved } else { plain },
        temperature_loss,
        isotonic_loss,
    }
}

fn cross_fitted(
    logits: &Array2<f32>,
    targets: &[usize],
    fold_of: &[usize],
    folds: usize,
    with_curve: bool,
) -> Array2<f32> {
    let mut calibrated = logits.clone();
    for fold in 0..folds {
        let (others, held_out) = folds::split(fold_of, fold);
        let values = Calibration::fit(logits, targets, &others, with_curve).apply(logits);
        for row in held_out {
            calibrated.row_mut(row).assign(&values.row(row));
        }
    }
    calibrated
}

/// Mean negative log-probability of the right labels.
///
/// **Shape**: `probabilities` `[rows, labels]`.
#[must_use]
pub fn log_loss(probabilities: &Array2<f32>, targets: &[usize]) -> f64 {
    let rows = targets.iter().enumerate();
    let loss = |(row, &target): (usize, &usize)| -f64::from(probabilities[[row, target]].max(f32::MIN_POSITIVE)).ln();
    rows.map(loss).sum::<f64>() / targets.len().max(1) as f64
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
    let mut energies: Vec<f32> = logits.rows().into_iter().map(|row| energy(&row.to_vec())).collect();
    energies.sort_by(f32::total_cmp);
    let below = energies.len() - (energies.len() as f64 * share).ceil() as usize;
    energies.get(below).copied().unwrap_or(f32::NEG_INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores of two labels whose truth follows `share_right(row)`, in five folds.
    fn check(scores: impl Fn(usize) -> f32, share_right: impl Fn(usize) -> f64, expect_curve: bool) {
        let logits = Array2::from_shape_fn((2_000, 2), |(row, label)| if label == 0 { scores(row) } else { 0.0 });
        let drawn = |row: usize| ((row as f64 * 0.618_033_98) % 1.0) < share_right(row);
        let targets: Vec<usize> = (0..2_000).map(|row| usize::from(!drawn(row))).collect();
        let fold_of: Vec<usize> = (0..2_000).map(|row| row / 7 % 5).collect();
        let calibrated = calibrate(&logits, &targets, &fold_of, 5);
        assert_eq!(
            !calibrated.calibration.curve.is_identity(),
            expect_curve,
            "{calibrated:?}"
        );
        let sums = calibrated.held_out.sum_axis(ndarray::Axis(1));
        assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-4));
    }

    #[test]
    fn a_curve_is_kept_only_where_temperature_cannot_mend() {
        let steps = |row: usize| if row.is_multiple_of(2) { 1.0 } else { 6.0 };
        check(steps, |row| if row.is_multiple_of(2) { 0.9 } else { 0.92 }, true);
        let logistic = |row: usize| (row % 9) as f32 - 4.0;
        check(logistic, |row| 1.0 / (1.0 + f64::from(-logistic(row)).exp()), false);
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
