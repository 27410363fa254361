//! Whether labels deserve thresholds of their own.

use classifier::abstention::HeldOut;

/// Thresholds of its own may cost a label this much precision when checked on rows they were not derived from.
const SLACK: f64 = 0.01;

/// Whether thresholds per label, derived on half of the rows, keep the precision on the other half and answer no less than
/// a common one. Where they answer nothing, nothing shows that they do.
///
/// **Shape**: `fold_of` `[rows]`; even folds are one half.
pub fn per_label_hold(rows: &HeldOut, fold_of: &[usize], labels: usize, target_precision: f64) -> bool {
    let (even, odd): (Vec<usize>, Vec<usize>) = (0..rows.len()).partition(|&row| fold_of[row].is_multiple_of(2));
    let (even, odd) = (rows.select(&even), rows.select(&odd));
    let apart = with_labels_of_halves(rows, fold_of, labels);
    let outcome = |per_label: bool| {
        let derived = |half: &HeldOut| half.thresholds(labels, target_precision, per_label).by_label;
        apart.outcome(&[derived(&odd), derived(&even)].concat())
    };
    let (own, common) = (outcome(true), outcome(false));
    own.coverage > 0.0 && own.coverage >= common.coverage && f64::from(own.precision) >= target_precision - SLACK
}

/// The rows with the labels of the odd half as labels of their own, behind those of the even half: so both halves are
/// judged at once, each by the thresholds of the other, and every answer counts alike. A mean over the halves would take
/// one without an answer for a perfect one.
fn with_labels_of_halves(rows: &HeldOut, fold_of: &[usize], labels: usize) -> HeldOut {
    let predicted = rows.predicted.iter().zip(fold_of);
    let predicted = predicted.map(|(&label, &fold)| label + (fold % 2 * labels) as u32);
    HeldOut {
        predicted: predicted.collect(),
        ..rows.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 rows in either half, all equally sure, of which so many are right.
    fn check(right: [usize; 2], expect: bool) {
        let rows = HeldOut {
            predicted: vec![0; 200],
            confidence: vec![0.9; 200],
            correct: (0..200).map(|row| row / 2 < right[row % 2]).collect(),
        };
        let fold_of: Vec<usize> = (0..200).map(|row| row % 2).collect();
        assert_eq!(per_label_hold(&rows, &fold_of, 1, 0.9), expect, "{right:?}");
    }

    #[test]
    fn every_answer_counts_and_a_half_without_one_does_not() {
        check([95, 95], true);
        // The second half derives that it always asks; the first one's threshold is right on 80 % of the second.
        check([100, 80], false);
        check([50, 50], false);
    }
}
