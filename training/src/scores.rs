//! How good held-out probabilities are, with bootstrap intervals.

use classifier::assess::ranking;
use ndarray::Array2;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

/// Resamples of a bootstrap interval.
const RESAMPLES: usize = 1_000;
/// Bins of the calibration error.
const BINS: usize = 15;

/// A figure with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// On all rows.
    pub value: f64,
    /// 2.5th percentile of the resamples.
    pub low: f64,
    /// 97.5th percentile.
    pub high: f64,
}

/// Figures over some rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// Number of rows.
    pub rows: usize,
    /// Share of right labels, in `0..=1`.
    pub accuracy: Interval,
    /// Mean F1 of the labels that occur, in `0..=1`.
    pub macro_f1: Interval,
    /// Expected calibration error of the top label, in `0..=1`.
    pub ece: Interval,
}

/// What was said of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// Right label.
    pub target: usize,
    /// Most probable label.
    pub predicted: usize,
    /// Its probability.
    pub confidence: f32,
}

impl Verdict {
    /// Whether the most probable label is the right one.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.predicted == self.target
    }
}

/// Verdicts on some rows.
///
/// **Shape**: `probabilities` `[rows of the data set, labels]`.
#[must_use]
pub fn verdicts(probabilities: &Array2<f32>, targets: &[usize], rows: &[usize]) -> Vec<Verdict> {
    let verdict = |&row: &usize| {
        let values = probabilities.row(row).to_vec();
        let predicted = ranking(&values)[0];
        Verdict {
            target: targets[row],
            predicted,
            confidence: values[predicted],
        }
    };
    rows.iter().map(verdict).collect()
}

/// Accuracy, macro-F1 and calibration error with their intervals.
///
/// **Source**: percentile bootstrap, Efron and Tibshirani, An Introduction to the Bootstrap, 1993, 13.3.
#[must_use]
pub fn score(verdicts: &[Verdict], seed: u64) -> Scores {
    let figures = |sample: &[Verdict]| [accuracy(sample), macro_f1(sample), calibration_error(sample)];
    let [accuracy, macro_f1, ece] = bootstrap(verdicts, figures, seed);
    Scores {
        rows: verdicts.len(),
        accuracy,
        macro_f1,
        ece,
    }
}

/// Share of rows whose label is given, and share of those where it is right, with their intervals.
///
/// Each row comes with whether its label was given.
#[must_use]
pub fn answered(rows: &[(Verdict, bool)], seed: u64) -> (Interval, Interval) {
    let figures = |sample: &[(Verdict, bool)]| {
        let given = sample.iter().filter(|(_, is_given)| *is_given);
        let right = given.clone().filter(|(verdict, _)| verdict.is_right()).count();
        let given = given.count();
        [share(given, sample.len()), share(right, given)]
    };
    let [coverage, precision] = bootstrap(rows, figures, seed);
    (coverage, precision)
}

fn bootstrap<R: Copy, const N: usize>(rows: &[R], figures: impl Fn(&[R]) -> [f64; N], seed: u64) -> [Interval; N] {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut resample = || -> Vec<R> { (0..rows.len()).map(|_| rows[rng.random_range(0..rows.len())]).collect() };
    let whole = figures(rows);
    let samples: Vec<[f64; N]> = (0..RESAMPLES).map(|_| figures(&resample())).collect();
    std::array::from_fn(|figure| {
        let mut values: Vec<f64> = samples.iter().map(|sample| sample[figure]).collect();
        values.sort_by(f64::total_cmp);
        Interval {
            value: whole[figure],
            low: values[RESAMPLES / 40],
            high: values[RESAMPLES - 1 - RESAMPLES / 40],
        }
    })
}

fn accuracy(verdicts: &[Verdict]) -> f64 {
    share(
        verdicts.iter().filter(|verdict| verdict.is_right()).count(),
        verdicts.len(),
    )
}

fn macro_f1(verdicts: &[Verdict]) -> f64 {
    let by_label = by_label(verdicts);
    let present: Vec<f64> = by_label
        .iter()
        .filter(|label| label.rows > 0)
        .map(LabelScore::f1)
        .collect();
    present.iter().sum::<f64>() / present.len().max(1) as f64
}

/// **Source**: Guo et al., 2017, 2: bins of equal width over the confidence.
fn calibration_error(verdicts: &[Verdict]) -> f64 {
    let mut bins = [(0_usize, 0.0_f64, 0_usize); BINS];
    for verdict in verdicts {
        let bin = &mut bins[((verdict.confidence * BINS as f32) as usize).min(BINS - 1)];
        bin.0 += 1;
        bin.1 += f64::from(verdict.confidence);
        bin.2 += usize::from(verdict.predicted == verdict.target);
    }
    bins.iter()
        .map(|(_, confidence, right)| (confidence - *right as f64).abs())
        .sum::<f64>()
        / verdicts.len().max(1) as f64
}

/// Counts of one label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LabelScore {
    /// Rows that have it.
    pub rows: usize,
    /// Rows that were given it.
    pub given: usize,
    /// Rows that have it and were given it.
    pub right: usize,
}

impl LabelScore {
    /// Right among the given.
    #[must_use]
    pub fn precision(&self) -> f64 {
        share(self.right, self.given)
    }

    /// Given among those that have it.
    #[must_use]
    pub fn recall(&self) -> f64 {
        share(self.right, self.rows)
    }

    /// Harmonic mean of precision and recall.
    #[must_use]
    pub fn f1(&self) -> f64 {
        share(2 * self.right, self.rows + self.given)
    }
}

/// Counts by label index.
#[must_use]
pub fn by_label(verdicts: &[Verdict]) -> Vec<LabelScore> {
    let labels = verdicts
        .iter()
        .map(|verdict| verdict.target.max(verdict.predicted) + 1)
        .max()
        .unwrap_or(0);
    let mut scores = vec![LabelScore::default(); labels];
    for verdict in verdicts {
        scores[verdict.target].rows += 1;
        scores[verdict.predicted].given += 1;
        scores[verdict.target].right += usize::from(verdict.target == verdict.predicted);
    }
    scores
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(target: usize, predicted: usize, confidence: f32) -> Verdict {
        Verdict {
            target,
            predicted,
            confidence,
        }
    }

    #[test]
    fn figures_by_hand() {
        let verdicts = [
            verdict(0, 0, 0.9),
            verdict(0, 1, 0.9),
            verdict(1, 1, 0.5),
            verdict(1, 1, 0.5),
        ];
        let scores = score(&verdicts, 1);
        assert!((scores.accuracy.value - 0.75).abs() < 1e-9);
        assert!((scores.macro_f1.value - (2.0 / 3.0 + 0.8) / 2.0).abs() < 1e-9);
        assert!((scores.ece.value - 0.45).abs() < 1e-6);
        assert!(scores.accuracy.low <= 0.75 && scores.accuracy.high >= 0.75);
        assert_eq!(scores, score(&verdicts, 1), "the seed decides");
    }
}
