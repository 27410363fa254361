//! Logits → what the desk is told: calibrated probabilities, a label or none, alternatives.

use crate::abstention::Thresholds;
use crate::spec::{Conformal, HeadSpec};

/// What a head says of one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// Every label with its calibrated probability, most probable first; they sum to one.
    pub probabilities: Vec<(String, f32)>,
    /// The label, or `None` where a person must look.
    pub label: Option<String>,
    /// Probability of the most probable label, given or not.
    pub confidence: f32,
    /// Log-sum-exp of the logits over the temperature: how much the text looks like anything the head was trained on.
    pub energy: f32,
    /// The confidence from which on the most probable label is given, in `0..=1`; 1 as well where it never is.
    pub threshold: f32,
    /// Whether the text looks like none of the labels (its energy is too low).
    pub out_of_scope: bool,
    /// The conformal label set, most probable first: holds the right label as often as the manifest promises.
    pub alternatives: Vec<String>,
}

impl Assessment {
    /// What follows of calibrated probabilities: a label where they reach its threshold and the text is in scope.
    ///
    /// **Shape**: `probabilities` `[labels]`, in the order of the labels.
    #[must_use]
    pub fn of(
        spec: &HeadSpec,
        thresholds: &Thresholds,
        probabilities: &[f32],
        energy: f32,
        out_of_scope: bool,
    ) -> Self {
        let order = ranking(probabilities);
        let ranked: Vec<f32> = order.iter().map(|&label| probabilities[label]).collect();
        let names: Vec<String> = order.iter().map(|&label| spec.labels[label].clone()).collect();
        let threshold = thresholds.by_label[order[0]];
        let is_sure = !out_of_scope && ranked[0] >= threshold;
        Self {
            label: is_sure.then(|| names[0].clone()),
            confidence: ranked[0],
            energy,
            // It is shown and written as JSON, which has no infinity.
            threshold: threshold.min(1.0),
            out_of_scope,
            alternatives: names[..set_size(&ranked, spec.conformal)].to_vec(),
            probabilities: names.into_iter().zip(ranked).collect(),
        }
    }
}

/// Log of the sum of exponentials, without overflow.
///
/// **Source**: Liu et al., Energy-based Out-of-distribution Detection, 2020 (its negative, at temperature one).
#[must_use]
pub fn energy(logits: &[f32]) -> f32 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    largest + logits.iter().map(|logit| (logit - largest).exp()).sum::<f32>().ln()
}

/// Energy of logits divided by a temperature: of the logits whose softmax is calibrated.
#[must_use]
pub fn calibrated_energy(logits: &[f32], temperature: f32) -> f32 {
    let scaled: Vec<f32> = logits.iter().map(|logit| logit / temperature).collect();
    energy(&scaled)
}

/// Probabilities of logits divided by a temperature.
///
/// **Source**: Guo et al., On Calibration of Modern Neural Networks, 2017, 4.2.
#[must_use]
pub fn probabilities(logits: &[f32], temperature: f32) -> Vec<f32> {
    let scaled: Vec<f32> = logits.iter().map(|logit| logit / temperature).collect();
    let log_sum = energy(&scaled);
    scaled.iter().map(|logit| (logit - log_sum).exp()).collect()
}

/// Label indices from the most to the least probable; equals in their own order.
#[must_use]
pub fn ranking(probabilities: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
    order
}

/// How many labels from the top of a ranking make the conformal set: at least one.
#[must_use]
pub fn set_size(ranked: &[f32], conformal: Conformal) -> usize {
    ranked
        .iter()
        .take_while(|&&probability| probability >= 1.0 - conformal.quantile)
        .count()
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_sum_to_one_and_soften_with_the_temperature() {
        let sharp = probabilities(&[2.0, 0.0, -1.0], 1.0);
        let soft = probabilities(&[2.0, 0.0, -1.0], 4.0);
        assert!((sharp.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(soft[0] < sharp[0]);
        assert_eq!(ranking(&soft), [0, 1, 2]);
    }

    #[test]
    fn huge_logits_do_not_overflow() {
        assert!((energy(&[1e30, 1e30]) - 1e30).abs() < 1e24);
        assert_eq!(probabilities(&[1e30, -1e30], 1.0), [1.0, 0.0]);
    }

    #[test]
    fn the_conformal_set_is_never_empty() {
        let conformal = Conformal {
            coverage: 0.95,
            quantile: 0.9,
        };
        assert_eq!(set_size(&[0.6, 0.2, 0.05], conformal), 2);
        assert_eq!(set_size(&[0.05], conformal), 1);
    }
}
