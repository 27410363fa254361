//! A rising curve from probabilities to shares that came true: isotonic calibration.

/// Smallest share a curve gives: nothing learnt from samples is impossible.
const SMALLEST: f32 = 1e-6;

/// A piecewise linear, rising map from a probability to the share of such labels that were right.
///
/// One curve serves all labels; probabilities are divided by their sum afterwards, so the order of labels stays.
/// **Persisted** as tensors of `head.safetensors`; without points it changes nothing.
/// **Source**: Zadrozny and Elkan, Transforming Classifier Scores into Accurate Multiclass Probability Estimates, 2002.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curve {
    /// Probabilities, ascending.
    pub from: Vec<f32>,
    /// Shares, ascending.
    pub to: Vec<f32>,
}

impl Curve {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.from.is_empty()
    }

    /// Whether both sides are as long as each other, finite, in `0..=1` and ascending.
    #[must_use]
    pub fn is_rising(&self) -> bool {
        let rises = |values: &[f32]| values.is_sorted() && values.iter().all(|value| (0.0..=1.0).contains(value));
        self.from.len() == self.to.len() && rises(&self.from) && rises(&self.to)
    }

    /// Calibrated probabilities; they sum to one.
    #[must_use]
    pub fn apply(&self, probabilities: Vec<f32>) -> Vec<f32> {
        if self.is_identity() {
            return probabilities;
        }
        let shares: Vec<f32> = probabilities.iter().map(|&value| self.share(value)).collect();
        let sum: f32 = shares.iter().sum();
        shares.into_iter().map(|share| share / sum).collect()
    }

    fn share(&self, probability: f32) -> f32 {
        let after = self.from.partition_point(|&from| from <= probability);
        let last = self.from.len() - 1;
        let share = match after {
            0 => self.to[0] * probability / self.from[0].max(SMALLEST),
            _ if after > last => self.to[last],
            _ => {
                let (low, high) = (self.from[after - 1], self.from[after]);
                let part = (probability - low) / (high - low);
                self.to[after - 1] + part * (self.to[after] - self.to[after - 1])
            }
        };
        // A trace of the probability keeps apart what a flat piece would make equal.
        share.max(SMALLEST) + SMALLEST * probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_interpolates_and_keeps_the_order() {
        let curve = Curve {
            from: vec![0.1, 0.5, 0.9],
            to: vec![0.0, 0.5, 0.5],
        };
        assert!(curve.is_rising());
        let calibrated = curve.apply(vec![0.05, 0.3, 0.65]);
        assert!((calibrated.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(calibrated[0] < calibrated[1] && calibrated[1] < calibrated[2]);
        assert!((calibrated[2] / calibrated[1] - 2.0).abs() < 1e-3, "0.5 against 0.25");
    }

    #[test]
    fn flat_pieces_keep_labels_apart() {
        let flat = Curve {
            from: vec![0.1, 0.9],
            to: vec![0.5, 0.5],
        };
        let calibrated = flat.apply(vec![0.2, 0.8]);
        assert!(calibrated[0] < calibrated[1]);
        assert_eq!(Curve::default().apply(vec![0.2, 0.8]), [0.2, 0.8]);
    }

    #[test]
    fn what_does_not_rise_is_no_curve() {
        let falling = Curve {
            from: vec![0.1, 0.2],
            to: vec![0.5, 0.4],
        };
        let nan = Curve {
            from: vec![f32::NAN],
            to: vec![0.5],
        };
        assert!(!falling.is_rising() && !nan.is_rising());
    }
}
