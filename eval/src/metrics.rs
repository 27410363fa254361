//! Figures of quality over predictions: pure functions, intervals by [`bootstrap`].

use std::collections::BTreeMap;

use serde::Serialize;

use crate::bootstrap::{Figure, bootstrap, mean};

/// Bins of the reliability diagram.
pub const BINS: usize = 15;

/// One row of a classification: what was right, what the head said, and how sure it was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// The row's text.
    pub text: String,
    /// The right label.
    pub label: String,
    /// The head's most probable label, given or not.
    pub predicted: String,
    /// Its calibrated probability. **Units:** 0 to 1.
    pub confidence: f32,
    /// Probability the head gave the right label. **Units:** 0 to 1.
    pub right_probability: f32,
    /// Sum over labels of the squared distance from the truth. **Units:** 0 to 2.
    pub brier: f32,
    /// Log-sum-exp of the logits.
    pub energy: f32,
    /// Whether the head gave its label or left it to a person.
    pub decided: bool,
    /// Labels in the conformal set.
    pub alternatives: Vec<String>,
}

impl Prediction {
    /// Whether the most probable label is the right one.
    pub fn is_right(&self) -> bool {
        self.label == self.predicted
    }
}

/// Precision and recall of one label.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct LabelFigures {
    /// Share of the rows said to be of the label that are.
    pub precision: f64,
    /// Share of the rows of the label that were said to be.
    pub recall: f64,
    /// Their harmonic mean.
    pub f1: f64,
    /// Rows of the label.
    pub rows: usize,
}

/// Share of right rows.
pub fn accuracy(predictions: &[Prediction]) -> Figure {
    mean(
        &predictions
            .iter()
            .map(|p| f64::from(u8::from(p.is_right())))
            .collect::<Vec<_>>(),
    )
}

/// Mean F1 over the labels that occur.
pub fn macro_f1(predictions: &[Prediction]) -> Figure {
    let labels = label_indices(predictions);
    bootstrap(predictions.len(), |rows| {
        let counts = counts(predictions, &labels, rows);
        let occurring: Vec<f64> = counts.iter().filter(|c| c.truth > 0).map(|c| c.figures().f1).collect();
        occurring.iter().sum::<f64>() / occurring.len() as f64
    })
}

/// Precision, recall and F1 of each label.
pub fn per_label(predictions: &[Prediction]) -> BTreeMap<String, LabelFigures> {
    let labels = label_indices(predictions);
    let rows: Vec<usize> = (0..predictions.len()).collect();
    let counts = counts(predictions, &labels, &rows);
    labels
        .iter()
        .map(|(label, &at)| ((*label).to_owned(), counts[at].figures()))
        .collect()
}

#[derive(Clone, Copy, Default)]
struct Counts {
    truth: usize,
    said: usize,
    hit: usize,
}

impl Counts {
    fn figures(self) -> LabelFigures {
        let share = |of: usize| if of == 0 { 0.0 } else { self.hit as f64 / of as f64 };
        let (precision, recall) = (share(self.said), share(self.truth));
        let f1 = if self.hit == 0 {
            0.0
        } else {
            2.0 * precision * recall / (precision + recall)
        };
        LabelFigures {
            precision,
            recall,
            f1,
            rows: self.truth,
        }
    }
}

fn label_indices(predictions: &[Prediction]) -> BTreeMap<&str, usize> {
    let names: std::collections::BTreeSet<&str> = predictions
        .iter()
        .flat_map(|p| [p.label.as_str(), p.predicted.as_str()])
        .collect();
    names.into_iter().enumerate().map(|(at, name)| (name, at)).collect()
}

fn counts(predictions: &[Prediction], labels: &BTreeMap<&str, usize>, rows: &[usize]) -> Vec<Counts> {
    let mut counts = vec![Counts::default(); labels.len()];
    for prediction in rows.iter().map(|&row| &predictions[row]) {
        counts[labels[prediction.label.as_str()]].truth += 1;
        counts[labels[prediction.predicted.as_str()]].said += 1;
        counts[labels[prediction.label.as_str()]].hit += usize::from(prediction.is_right());
    }
    counts
}

/// One bin of the reliability diagram.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Bin {
    /// Mean confidence of its rows.
    pub confidence: f64,
    /// Share of its rows that are right.
    pub accuracy: f64,
    /// Rows in it.
    pub rows: usize,
}

/// Rows by confidence, in [`BINS`] bins of equal width.
pub fn reliability(predictions: &[Prediction]) -> Vec<Bin> {
    let rows: Vec<usize> = (0..predictions.len()).collect();
    bins(predictions, &rows)
}

fn bins(predictions: &[Prediction], rows: &[usize]) -> Vec<Bin> {
    let mut bins = vec![Bin::default(); BINS];
    for prediction in rows.iter().map(|&row| &predictions[row]) {
        let bin = &mut bins[((prediction.confidence * BINS as f32) as usize).min(BINS - 1)];
        bin.confidence += f64::from(prediction.confidence);
        bin.accuracy += f64::from(u8::from(prediction.is_right()));
        bin.rows += 1;
    }
    for bin in bins.iter_mut().filter(|bin| bin.rows > 0) {
        bin.confidence /= bin.rows as f64;
        bin.accuracy /= bin.rows as f64;
    }
    bins
}

/// Expected calibration error: mean distance of confidence from accuracy, by bins weighted with their rows.
///
/// **Source**: Guo et al., On Calibration of Modern Neural Networks, 2017, section 2.
pub fn ece(predictions: &[Prediction]) -> Figure {
    bootstrap(predictions.len(), |rows| {
        let gap = |bin: &Bin| (bin.confidence - bin.accuracy).abs() * bin.rows as f64;
        bins(predictions, rows).iter().map(gap).sum::<f64>() / rows.len() as f64
    })
}

/// Mean Brier score over all labels.
pub fn brier(predictions: &[Prediction]) -> Figure {
    mean(&predictions.iter().map(|p| f64::from(p.brier)).collect::<Vec<_>>())
}

/// Share of rows the head decided, and how many of those are right: what its thresholds promise.
pub fn decided(predictions: &[Prediction]) -> (Figure, Figure) {
    let coverage = mean(
        &predictions
            .iter()
            .map(|p| f64::from(u8::from(p.decided)))
            .collect::<Vec<_>>(),
    );
    let given: Vec<f64> = predictions
        .iter()
        .filter(|p| p.decided)
        .map(|p| f64::from(u8::from(p.is_right())))
        .collect();
    (coverage, mean(&given))
}

/// Precision and coverage as the confidence asked for falls: points (coverage, precision), rising in coverage.
pub fn precision_against_coverage(predictions: &[Prediction]) -> Vec<(f64, f64)> {
    let mut order: Vec<&Prediction> = predictions.iter().collect();
    order.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let total = order.len() as f64;
    let mut right = 0.0;
    let mut points = Vec::with_capacity(order.len());
    for (at, prediction) in order.iter().enumerate() {
        right += f64::from(u8::from(prediction.is_right()));
        let covered = (at + 1) as f64;
        points.push((covered / total, right / covered));
    }
    points
}

/// Area under the ROC curve: how often a positive row scores above a negative one, ties counting half.
pub fn auroc(positive: &[f64], negative: &[f64]) -> Figure {
    let scores: Vec<(f64, bool)> = positive
        .iter()
        .map(|&s| (s, true))
        .chain(negative.iter().map(|&s| (s, false)))
        .collect();
    bootstrap(scores.len(), |rows| {
        let mut drawn: Vec<(f64, bool)> = rows.iter().map(|&row| scores[row]).collect();
        drawn.sort_by(|a, b| a.0.total_cmp(&b.0));
        rank_auroc(&drawn)
    })
}

/// **Source**: the Mann-Whitney U statistic over mid-ranks.
fn rank_auroc(sorted: &[(f64, bool)]) -> f64 {
    let positives = sorted.iter().filter(|(_, positive)| *positive).count() as f64;
    let negatives = sorted.len() as f64 - positives;
    let (mut at, mut rank_sum) = (0, 0.0);
    for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
        let mid_rank = at as f64 + (tied.len() as f64 + 1.0) / 2.0;
        rank_sum += mid_rank * tied.iter().filter(|(_, positive)| *positive).count() as f64;
        at += tied.len();
    }
    (rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(label: &str, predicted: &str, confidence: f32) -> Prediction {
        Prediction {
            text: String::new(),
            label: label.to_owned(),
            predicted: predicted.to_owned(),
            confidence,
            right_probability: confidence,
            brier: 0.0,
            energy: 0.0,
            decided: confidence > 0.5,
            alternatives: Vec::new(),
        }
    }

    #[test]
    fn a_label_nobody_predicts_counts_as_zero() {
        let rows = [said("a", "a", 0.9), said("a", "a", 0.9), said("b", "a", 0.6)];
        assert!((accuracy(&rows).value - 2.0 / 3.0).abs() < 1e-12);
        assert!((macro_f1(&rows).value - 0.4).abs() < 1e-12);
        assert_eq!(
            per_label(&rows)["b"],
            LabelFigures {
                rows: 1,
                ..LabelFigures::default()
            }
        );
    }

    #[test]
    fn calibration_error_is_the_gap_of_the_bins() {
        let rows = [said("a", "a", 0.8), said("a", "b", 0.8)];
        assert!((ece(&rows).value - 0.3).abs() < 1e-6);
        assert_eq!(reliability(&rows).iter().map(|bin| bin.rows).sum::<usize>(), 2);
    }

    #[test]
    fn what_was_decided_is_counted_apart() {
        let rows = [said("a", "a", 0.8), said("a", "b", 0.4)];
        let (coverage, precision) = decided(&rows);
        assert_eq!((coverage.value, precision.value), (0.5, 1.0));
        assert_eq!(precision_against_coverage(&rows), [(0.5, 1.0), (1.0, 0.5)]);
    }

    #[test]
    fn auroc_of_separated_mixed_and_tied_scores() {
        assert_eq!(auroc(&[2.0, 3.0], &[0.0, 1.0]).value, 1.0);
        assert_eq!(auroc(&[0.0, 3.0], &[1.0, 2.0]).value, 0.5);
        assert_eq!(auroc(&[1.0], &[1.0]).value, 0.5);
    }
}
