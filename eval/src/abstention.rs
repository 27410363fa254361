//! What a head does alone, what it leaves to people, and what its alternatives are worth.

use crate::bootstrap::{Figure, mean};
use crate::prediction::Prediction;
use crate::share::share;

/// Share of rows the head decided alone: what its thresholds cost.
pub fn coverage(predictions: &[Prediction]) -> Figure {
    share(predictions.iter().map(|p| p.decided))
}

/// Share of right rows among those it decided: what its thresholds promise.
pub fn precision_when_decided(predictions: &[Prediction]) -> Figure {
    share(predictions.iter().filter(|p| p.decided).map(Prediction::is_right))
}

/// Share of rows whose right label is among the alternatives.
pub fn alternatives_coverage(predictions: &[Prediction]) -> Figure {
    share(predictions.iter().map(|p| p.alternatives.contains(&p.label)))
}

/// Mean number of alternatives.
pub fn alternatives_size(predictions: &[Prediction]) -> Figure {
    mean(
        &predictions
            .iter()
            .map(|p| p.alternatives.len() as f64)
            .collect::<Vec<_>>(),
    )
}

/// Precision and coverage as the score asked for falls: points (coverage, precision), rising in coverage; rows of one
/// score come together. Takes the score of each row and whether it is right.
pub fn precision_against_coverage(rows: &[(f64, bool)]) -> Vec<(f64, f64)> {
    let mut order = rows.to_vec();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut right, mut covered) = (0.0, 0.0);
    let point = |tied: &[(f64, bool)]| {
        right += tied.iter().filter(|(_, is_right)| *is_right).count() as f64;
        covered += tied.len() as f64;
        (covered / rows.len() as f64, right / covered)
    };
    order.chunk_by(|a, b| a.0 == b.0).map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(right: bool, confidence: f32) -> Prediction {
        Prediction {
            label: "a".to_owned(),
            predicted: if right { "a" } else { "b" }.to_owned(),
            confidence,
            decided: confidence > 0.5,
            alternatives: vec!["b".to_owned(); usize::from(!right)],
            ..Prediction::default()
        }
    }

    #[test]
    fn what_was_decided_is_counted_apart() {
        let rows = [said(true, 0.8), said(false, 0.4)];
        assert_eq!(coverage(&rows).value, 0.5);
        assert_eq!(precision_when_decided(&rows).value, 1.0);
        let points = precision_against_coverage(&[(0.8, true), (0.4, false)]);
        assert_eq!(points, [(0.5, 1.0), (1.0, 0.5)]);
    }

    #[test]
    fn rows_of_one_confidence_come_together() {
        let rows = [(0.8, true), (0.8, false), (0.9, true)];
        assert_eq!(precision_against_coverage(&rows), [(1.0 / 3.0, 1.0), (1.0, 2.0 / 3.0)]);
    }

    #[test]
    fn alternatives_hold_the_right_label_or_not() {
        let rows = [said(true, 0.8), said(false, 0.4)];
        assert_eq!(alternatives_coverage(&rows).value, 0.0);
        assert_eq!(alternatives_size(&rows).value, 0.5);
    }
}
