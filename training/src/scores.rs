//! How good held-out probabilities are, with bootstrap intervals.

use std::collections::BTreeMap;

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
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
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

/// Accuracy, macro-F1 and calibration error with their intervals, as evaluation makes them: macro-F1 draws as many rows of
/// each label as there are, and the interval of the calibration error is the reflected one, because resampling adds noise
/// to every bin, which the absolute value turns into error.
///
/// **Source**: percentile bootstrap, Efron and Tibshirani, An Introduction to the Bootstrap, 1993, 13.3; strata and the
/// reflected (basic) interval, Davison and Hinkley, Bootstrap Methods and their Application, 1997, 3.2 and 5.2.
#[must_use]
pub fn score(verdicts: &[Verdict], seed: u64) -> Scores {
    let plain = |sample: &[Verdict]| [accuracy(sample), calibration_error(sample)];
    let [accuracy, ece] = bootstrap(verdicts, plain, seed);
    let [macro_f1] = stratified(verdicts, |sample| [macro_f1(sample)], seed);
    Scores {
        rows: verdicts.len(),
        accuracy,
        macro_f1,
        ece: reflected(ece),
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
    resampled(rows, figures, seed, |_, rng| rows[rng.random_range(0..rows.len())])
}

/// A plain resample loses the rare labels, and with them what they cost a mean over labels.
fn stratified<const N: usize>(rows: &[Verdict], figures: impl Fn(&[Verdict]) -> [f64; N], seed: u64) -> [Interval; N] {
    let mut of_label: BTreeMap<usize, Vec<Verdict>> = BTreeMap::new();
    for row in rows {
        of_label.entry(row.target).or_default().push(*row);
    }
    resampled(rows, figures, seed, |row, rng| {
        let alike = &of_label[&row.target];
        alike[rng.random_range(0..alike.len())]
    })
}

/// Resamples in which `draw` puts another row in the place of each.
fn resampled<R: Copy, const N: usize>(
    rows: &[R],
    figures: impl Fn(&[R]) -> [f64; N],
    seed: u64,
    draw: impl Fn(&R, &mut StdRng) -> R,
) -> [Interval; N] {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut resample = || -> Vec<R> { rows.iter().map(|row| draw(row, &mut rng)).collect() };
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

/// An error is no less than none, and its interval holds it.
fn reflected(Interval { value, low, high }: Interval) -> Interval {
    Interval {
        value,
        low: (2.0 * value - high).max(0.0),
        high: (2.0 * value - low).max(value),
    }
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

    /// Confidences that are true to the letter: whatever a resample adds to the bins is noise.
    #[test]
    fn the_interval_of_a_small_error_holds_it() {
        let rows: Vec<Verdict> = (0..400)
            .map(|row| verdict(0, usize::from(row % 4 == 0), 0.75))
            .collect();
        let ece = score(&rows, 1).ece;
        assert!(ece.low <= ece.value && ece.value <= ece.high, "{ece:?}");
        assert!(ece.value < 1e-6 && ece.high < 0.03, "{ece:?}");
    }

    #[test]
    fn a_rare_label_is_in_every_resample() {
        // One row of label 1, always missed: macro-F1 is about one half with it and about one without.
        let mut rows = vec![verdict(0, 0, 0.9); 99];
        rows.push(verdict(1, 0, 0.9));
        let f1 = score(&rows, 1).macro_f1;
        assert!(f1.value < 0.5 && f1.high < 0.5, "{f1:?}");
    }
}
