//! How often the head names the right label: accuracy, F1, precision and recall.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::bootstrap::{Figure, stratified, stratified_each};
use crate::prediction::Prediction;
use crate::share::{or_score, share, wilson};

/// Precision and recall of one label.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LabelFigures {
    /// Share of the rows said to be of the label that are.
    pub precision: Figure,
    /// Share of the rows of the label that were said to be.
    pub recall: Figure,
    /// Their harmonic mean.
    pub f1: Figure,
    /// Rows of the label.
    pub rows: usize,
}

/// Right and said labels as numbers, so that resampling them is cheap.
#[derive(Debug, Clone)]
pub struct Indexed {
    /// Every label that occurs, in order.
    pub labels: Vec<String>,
    /// The right label of each row.
    pub truth: Vec<usize>,
    /// The said label of each row.
    pub said: Vec<usize>,
}

impl Indexed {
    /// The labels of predictions, by number.
    pub fn new(predictions: &[Prediction]) -> Self {
        let names: BTreeSet<&str> = predictions
            .iter()
            .flat_map(|p| [p.label.as_str(), p.predicted.as_str()])
            .collect();
        let at: BTreeMap<&str, usize> = names.iter().enumerate().map(|(at, name)| (*name, at)).collect();
        Indexed {
            truth: predictions.iter().map(|p| at[p.label.as_str()]).collect(),
            said: predictions.iter().map(|p| at[p.predicted.as_str()]).collect(),
            labels: names.into_iter().map(str::to_owned).collect(),
        }
    }

    /// The same truth with the most frequent label said of every row: what a head must beat.
    pub fn majority(&self) -> Self {
        let mut rows = vec![0; self.labels.len()];
        self.truth.iter().for_each(|&label| rows[label] += 1);
        let most = (0..rows.len()).rev().max_by_key(|&label| rows[label]).unwrap_or(0);
        Indexed {
            said: vec![most; self.truth.len()],
            ..self.clone()
        }
    }

    /// Share of right rows.
    pub fn accuracy(&self) -> Figure {
        share(self.truth.iter().zip(&self.said).map(|(truth, said)| truth == said))
    }

    /// Mean F1 over the labels that occur.
    pub fn macro_f1(&self) -> Figure {
        stratified(&self.truth, |rows| self.macro_f1_of(rows))
    }

    /// Mean F1, over the labels that occur in these rows.
    pub fn macro_f1_of(&self, rows: &[usize]) -> f64 {
        let occurring: Vec<f64> = self
            .counts(rows)
            .into_iter()
            .filter(|counts| counts.truth > 0)
            .map(|counts| {
                let [_, _, f1] = counts.scores();
                f1
            })
            .collect();
        occurring.iter().sum::<f64>() / occurring.len() as f64
    }

    /// Precision, recall and F1 of each label.
    pub fn per_label(&self) -> BTreeMap<String, LabelFigures> {
        let scores = |rows: &[usize]| self.counts(rows).into_iter().flat_map(Counts::scores).collect();
        let figures = stratified_each(&self.truth, scores);
        let all: Vec<usize> = (0..self.truth.len()).collect();
        let of_label = |(three, counts): (&[Figure], Counts)| counts.figures([three[0], three[1], three[2]]);
        let figures = figures
            .chunks_exact(Counts::SCORES)
            .zip(self.counts(&all))
            .map(of_label);
        self.labels.iter().cloned().zip(figures).collect()
    }

    /// Rows by right label and said label. **Shape**: `[labels][labels]`.
    pub fn confusion(&self) -> Vec<Vec<usize>> {
        let mut cells = vec![vec![0; self.labels.len()]; self.labels.len()];
        for (&truth, &said) in self.truth.iter().zip(&self.said) {
            cells[truth][said] += 1;
        }
        cells
    }

    fn counts(&self, rows: &[usize]) -> Vec<Counts> {
        let mut counts = vec![Counts::default(); self.labels.len()];
        for &row in rows {
            let (truth, said) = (self.truth[row], self.said[row]);
            counts[truth].truth += 1;
            counts[said].said += 1;
            counts[truth].hit += usize::from(truth == said);
        }
        counts
    }
}

#[derive(Clone, Copy, Default)]
struct Counts {
    truth: usize,
    said: usize,
    hit: usize,
}

impl Counts {
    /// How many scores there are.
    const SCORES: usize = 3;

    /// Precision, recall and F1.
    fn scores(self) -> [f64; Self::SCORES] {
        let share = |of: usize| if of == 0 { 0.0 } else { self.hit as f64 / of as f64 };
        let (precision, recall) = (share(self.said), share(self.truth));
        let f1 = if self.hit == 0 {
            0.0
        } else {
            2.0 * precision * recall / (precision + recall)
        };
        [precision, recall, f1]
    }

    /// The same with their intervals: those of the bootstrap, but score intervals where no resample differs.
    fn figures(self, [precision, recall, f1]: [Figure; Self::SCORES]) -> LabelFigures {
        // Of no row at all nothing is known.
        let share = |figure: Figure, of: usize| match of {
            0 => Figure { high: 1.0, ..figure },
            _ => or_score(figure, self.hit, of),
        };
        LabelFigures {
            precision: share(precision, self.said),
            recall: share(recall, self.truth),
            f1: if f1.low < f1.high {
                f1
            } else {
                self.f1_by_share(f1.value)
            },
            rows: self.truth,
        }
    }

    /// F1 rises with the share J of hits among the rows that are of the label, said to be, or both: it is 2J / (1 + J).
    fn f1_by_share(self, value: f64) -> Figure {
        let either = self.truth + self.said - self.hit;
        let f1 = |share: f64| 2.0 * share / (1.0 + share);
        wilson(self.hit as u64, either as u64).map_or(
            Figure {
                value,
                low: 0.0,
                high: 1.0,
            },
            |share| Figure {
                value,
                low: f1(share.low).min(value),
                high: f1(share.high).max(value),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pairs: &[(&str, &str)]) -> Indexed {
        let predictions: Vec<Prediction> = pairs
            .iter()
            .map(|(label, predicted)| Prediction {
                label: (*label).to_owned(),
                predicted: (*predicted).to_owned(),
                ..Prediction::default()
            })
            .collect();
        Indexed::new(&predictions)
    }

    #[test]
    fn a_label_nobody_predicts_counts_as_zero() {
        let rows = said(&[("a", "a"), ("a", "a"), ("b", "a")]);
        assert!((rows.accuracy().value - 2.0 / 3.0).abs() < 1e-12);
        // a: precision 2/3, recall 1, so F1 0.8; b: 0.
        assert!((rows.macro_f1().value - 0.4).abs() < 1e-12);
        let b = rows.per_label()["b"];
        assert_eq!(
            (b.precision.value, b.recall.value, b.f1.value, b.rows),
            (0.0, 0.0, 0.0, 1)
        );
        assert_eq!(rows.confusion(), [[2, 0], [1, 0]]);
    }

    #[test]
    fn a_label_said_but_never_right_costs_precision_only_elsewhere() {
        let rows = said(&[("a", "c"), ("a", "a"), ("b", "b")]);
        // a: precision 1, recall 1/2, F1 2/3; b: 1; c does not occur.
        assert!((rows.macro_f1().value - (2.0 / 3.0 + 1.0) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn each_label_has_its_own_interval() {
        let mut pairs = vec![("a", "a"); 30];
        pairs.extend([("a", "b"); 10]);
        pairs.extend([("b", "b"); 40]);
        let labels = said(&pairs).per_label();
        let (a, b) = (labels["a"], labels["b"]);
        assert!(
            a.precision.high == 1.0 && (a.precision.low - 0.886).abs() < 1e-3,
            "a is never said of a b, which 30 rows show as far as they can: {a:?}"
        );
        assert!(
            a.recall.low < 0.75 && a.recall.value == 0.75 && a.recall.high > 0.75,
            "{a:?}"
        );
        assert_eq!((b.precision.value, b.recall.value), (0.8, 1.0));
        // Of 40 rows a share of .75 has a standard error of .068.
        assert!(
            (a.recall.high - a.recall.low - 2.0 * 1.96 * 0.068).abs() < 0.06,
            "{a:?}"
        );
    }

    #[test]
    fn two_rows_that_are_right_prove_little() {
        let rows = [vec![("a", "a"); 2], vec![("b", "c")], vec![("c", "c"); 50]].concat();
        let labels = said(&rows).per_label();
        let (few, none, many) = (labels["a"], labels["b"], labels["c"]);
        for of_two in [few.precision, few.recall, few.f1] {
            assert!(of_two.value == 1.0 && of_two.low < 0.6 && of_two.high == 1.0, "{few:?}");
        }
        assert_eq!((none.precision.low, none.precision.high), (0.0, 1.0), "never said");
        assert!(none.recall.high > 0.5 && none.f1.high > 0.5, "{none:?}");
        assert!(many.recall.low > 0.92 && many.f1.low < many.f1.value, "{many:?}");
    }

    #[test]
    fn the_majority_says_the_most_frequent_label_of_every_row() {
        let rows = said(&[("a", "b"), ("b", "a"), ("b", "a"), ("c", "c")]);
        assert_eq!(rows.majority().said, [1; 4]);
        assert_eq!(rows.majority().accuracy().value, 0.5);
        // b: precision 1/2, recall 1, F1 2/3; a and c: 0.
        assert!((rows.majority().macro_f1().value - 2.0 / 9.0).abs() < 1e-12);
    }
}
