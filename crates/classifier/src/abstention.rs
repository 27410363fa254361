//! When to ask a person: thresholds on confidence that reach a wanted precision on rows the fit had not seen.
//!
//! **Source**: Geifman and El-Yaniv, Selective Classification for Deep Neural Networks, 2017 (selection by confidence),
//! here with the plain empirical precision in place of its bound.

/// With fewer rows than this behind it a precision is an anecdote.
const MIN_ROWS: usize = 30;
/// The threshold of a head that cannot reach the target: it always asks, for no confidence is that high.
pub const ALWAYS_ASK: f32 = f32::INFINITY;

/// What the head said of rows that its fit had not seen, one entry a row.
///
/// **Persisted** as tensors of `head.safetensors`, so that thresholds follow whatever precision the desk asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeldOut {
    /// Index of the most probable label.
    pub predicted: Vec<u32>,
    /// Its calibrated probability.
    pub confidence: Vec<f32>,
    /// Whether it was right.
    pub correct: Vec<bool>,
}

/// From which confidence on each label is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    /// By label index; [`ALWAYS_ASK`] where the label is never given.
    pub by_label: Vec<f32>,
    /// What they cost and gave on the held-out rows.
    pub outcome: Outcome,
}

/// How much is answered, and how much of that is right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Share of rows that get a label, in `0..=1`.
    pub coverage: f32,
    /// Share of those whose label is right, in `0..=1`; 1 where none gets one.
    pub precision: f32,
}

impl HeldOut {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.confidence.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.confidence.is_empty()
    }

    /// The rows at these positions.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            predicted: rows.iter().map(|&row| self.predicted[row]).collect(),
            confidence: rows.iter().map(|&row| self.confidence[row]).collect(),
            correct: rows.iter().map(|&row| self.correct[row]).collect(),
        }
    }

    /// The lowest thresholds that reach `target_precision` on these rows, one for all labels or one each.
    ///
    /// A label with fewer than 30 rows takes the threshold of all. Out of reach means [`ALWAYS_ASK`].
    #[must_use]
    pub fn thresholds(&self, labels: usize, target_precision: f64, per_label: bool) -> Thresholds {
        let all: Vec<usize> = (0..self.len()).collect();
        let common = self.threshold(all, target_precision).unwrap_or(ALWAYS_ASK);
        let own = |label: usize| {
            let rows: Vec<usize> = (0..self.len())
                .filter(|&row| self.predicted[row] as usize == label)
                .collect();
            if rows.len() < MIN_ROWS {
                None
            } else {
                Some(self.threshold(rows, target_precision).unwrap_or(ALWAYS_ASK))
            }
        };
        let by_label: Vec<f32> = (0..labels)
            .map(|label| {
                if per_label {
                    own(label).unwrap_or(common)
                } else {
                    common
                }
            })
            .collect();
        let outcome = self.outcome(&by_label);
        Thresholds { by_label, outcome }
    }

    /// Coverage and precision of these rows under given thresholds.
    #[must_use]
    pub fn outcome(&self, by_label: &[f32]) -> Outcome {
        let answered: Vec<usize> = (0..self.len())
            .filter(|&row| self.confidence[row] >= by_label[self.predicted[row] as usize])
            .collect();
        let right = answered.iter().filter(|&&row| self.correct[row]).count();
        Outcome {
            coverage: share(answered.len(), self.len(), 0.0),
            precision: share(right, answered.len(), 1.0),
        }
    }

    fn threshold(&self, mut rows: Vec<usize>, target_precision: f64) -> Option<f32> {
        rows.sort_by(|&a, &b| self.confidence[b].total_cmp(&self.confidence[a]));
        let mut right = 0_u32;
        let mut lowest = None;
        for (position, &row) in rows.iter().enumerate() {
            right += u32::from(self.correct[row]);
            let answered = position + 1;
            let is_last_of_ties = rows
                .get(answered)
                .is_none_or(|&next| self.confidence[next] < self.confidence[row]);
            let is_precise = f64::from(right) >= target_precision * answered as f64;
            if is_last_of_ties && is_precise && answered >= MIN_ROWS.min(rows.len()) {
                lowest = Some(self.confidence[row]);
            }
        }
        lowest
    }
}

fn share(part: usize, whole: usize, of_nothing: f32) -> f32 {
    if whole == 0 {
        of_nothing
    } else {
        part as f32 / whole as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 rows, confidence .00 to .99; right from `.50` on; label 1 is every fourth row.
    fn held_out() -> HeldOut {
        HeldOut {
            predicted: (0..100).map(|row| u32::from(row % 4 == 0)).collect(),
            confidence: (0..100).map(|row| row as f32 / 100.0).collect(),
            correct: (0..100).map(|row| row >= 50).collect(),
        }
    }

    #[test]
    fn the_threshold_is_the_lowest_that_is_precise_enough() {
        let thresholds = held_out().thresholds(2, 0.8, false);
        assert_eq!(thresholds.by_label, [0.38, 0.38]);
        assert_eq!(
            thresholds.outcome,
            Outcome {
                coverage: 0.62,
                precision: 50.0 / 62.0
            }
        );
    }

    #[test]
    fn a_label_with_few_rows_takes_the_common_threshold() {
        let thresholds = held_out().thresholds(2, 0.8, true);
        assert_eq!(thresholds.by_label[1], 0.38, "only 25 rows are label 1");
    }

    #[test]
    fn a_target_out_of_reach_means_always_asking() {
        let mut rows = held_out();
        rows.correct = vec![false; 100];
        let thresholds = rows.thresholds(2, 0.9, true);
        assert_eq!(thresholds.by_label, [ALWAYS_ASK; 2]);
        assert_eq!(
            thresholds.outcome,
            Outcome {
                coverage: 0.0,
                precision: 1.0
            }
        );
    }

    #[test]
    fn a_target_out_of_reach_means_asking_about_the_surest_texts_too() {
        let rows = HeldOut {
            predicted: vec![0; 60],
            confidence: vec![1.0; 60],
            correct: (0..60).map(|i| i < 30).collect(),
        };
        let thresholds = rows.thresholds(1, 0.9, true);
        assert_eq!(thresholds.by_label, [ALWAYS_ASK]);
        assert_eq!(thresholds.outcome.coverage, 0.0);
    }

    #[test]
    fn ties_stand_or_fall_together() {
        let rows = HeldOut {
            predicted: vec![0; 60],
            confidence: vec![0.5; 60],
            correct: (0..60).map(|i| i < 30).collect(),
        };
        assert_eq!(rows.thresholds(1, 0.9, false).by_label, [ALWAYS_ASK]);
    }
}
