//! Whether scores tell one kind of row from another: the area under the ROC curve.

use crate::bootstrap::{Figure, bootstrap};

/// Area under the ROC curve: how often a positive row scores above a negative one, ties counting half.
pub fn auroc(positive: &[f64], negative: &[f64]) -> Figure {
    let mut scores: Vec<(f64, bool)> = positive.iter().map(|&score| (score, true)).collect();
    scores.extend(negative.iter().map(|&score| (score, false)));
    scores.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut drawn = vec![0_usize; scores.len()];
    let drawn = std::cell::RefCell::new(&mut drawn);
    bootstrap(scores.len(), |rows| {
        let mut times = drawn.borrow_mut();
        times.fill(0);
        rows.iter().for_each(|&row| times[row] += 1);
        rank_auroc(&scores, &times)
    })
}

/// The same of scores with whether each is positive, resampling whole groups. **Shape:** both `[rows]`, groups from 0.
pub fn grouped_auroc(scores: &[(f64, bool)], groups: &[usize]) -> Figure {
    let mut rows: Vec<((f64, bool), usize)> = scores.iter().copied().zip(groups.iter().copied()).collect();
    rows.sort_by(|a, b| a.0.0.total_cmp(&b.0.0));
    let sorted: Vec<(f64, bool)> = rows.iter().map(|(score, _)| *score).collect();
    let count = groups.iter().max().map_or(0, |last| last + 1);
    bootstrap(count, |drawn| {
        let mut of_group = vec![0_usize; count];
        drawn.iter().for_each(|&group| of_group[group] += 1);
        let times: Vec<usize> = rows.iter().map(|(_, group)| of_group[*group]).collect();
        rank_auroc(&sorted, &times)
    })
}

/// Of sorted scores, each counted so many times.
///
/// **Source**: the Mann-Whitney U statistic over mid-ranks.
fn rank_auroc(sorted: &[(f64, bool)], times: &[usize]) -> f64 {
    let (mut at, mut below, mut rank_sum, mut positives) = (0, 0.0, 0.0, 0.0);
    for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
        let counted = tied.iter().zip(&times[at..]);
        let (mut all, mut positive) = (0.0, 0.0);
        for ((_, is_positive), &times) in counted {
            all += times as f64;
            positive += if *is_positive { times as f64 } else { 0.0 };
        }
        rank_sum += (below + (all + 1.0) / 2.0) * positive;
        (at, below, positives) = (at + tied.len(), below + all, positives + positive);
    }
    let negatives = below - positives;
    (rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auroc_of_separated_mixed_and_tied_scores() {
        assert_eq!(auroc(&[2.0, 3.0], &[0.0, 1.0]).value, 1.0);
        assert_eq!(auroc(&[0.0, 3.0], &[1.0, 2.0]).value, 0.5);
        assert_eq!(auroc(&[1.0], &[1.0]).value, 0.5);
        // Of six pairs five are in order and one is tied.
        let value = auroc(&[2.0, 4.0, 5.0], &[1.0, 2.0]).value;
        assert!((value - 5.5 / 6.0).abs() < 1e-12, "{value}");
    }

    #[test]
    fn groups_are_drawn_whole() {
        let scores: Vec<(f64, bool)> = (0..60)
            .map(|i| (f64::from(i % 7) + f64::from(i % 3), i % 3 == 0))
            .collect();
        let alone = grouped_auroc(&scores, &(0..60).collect::<Vec<_>>());
        let together = grouped_auroc(&scores, &(0..60).map(|i| i / 6).collect::<Vec<_>>());
        assert_eq!(alone.value, together.value);
        let one = grouped_auroc(&scores, &[0; 60]);
        assert_eq!((one.low, one.high), (one.value, one.value));
    }

    #[test]
    fn the_interval_holds_the_value() {
        let positive: Vec<f64> = (0..100).map(|i| f64::from(i % 10)).collect();
        let negative: Vec<f64> = (0..100).map(|i| f64::from(i % 7)).collect();
        let area = auroc(&positive, &negative);
        assert!(area.low < area.value && area.value < area.high, "{area:?}");
    }
}
