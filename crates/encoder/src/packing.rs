//! Which texts are computed together.

use std::iter;

/// How a kernel takes texts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    /// Side by side, each as long as the longest.
    Padded {
        /// **Units**: tokens, padding included.
        budget: usize,
    },
    /// End to end, nothing between them.
    Packed {
        /// **Units**: tokens.
        budget: usize,
    },
}

/// Where texts are packed, a thread takes so many if there are so many: with fewer, the way through all weights costs
/// more than the tokens. **Units**: tokens.
const WORTH_THE_WAY: usize = 64;

impl Packing {
    /// Which texts are computed together, by their places among `lengths`, ascending: at least one if there is one.
    ///
    /// Lengths come longest first. Where texts are packed, every one is taken that there is still room for, and nobody
    /// takes more than one share of what is `waiting` for all threads, so that all end at about the same time.
    ///
    /// **Source**: Polychronopoulos and Kuck, Guided Self-Scheduling, 1987; Johnson, Near-Optimal Bin Packing Algorithms,
    /// 1973 (first fit decreasing).
    pub(crate) fn choose(self, lengths: &[usize], waiting: usize, threads: usize) -> Vec<usize> {
        let Some(&longest) = lengths.first() else {
            return Vec::new();
        };
        let budget = match self {
            Self::Padded { budget } => return (0..(budget / longest.max(1)).clamp(1, lengths.len())).collect(),
            Self::Packed { budget } => budget.min(waiting.div_ceil(threads.max(1)).max(WORTH_THE_WAY)),
        };
        let mut room = budget.saturating_sub(longest);
        let fits = |place: &usize| {
            let fits = lengths[*place] <= room;
            room -= if fits { lengths[*place] } else { 0 };
            fits
        };
        iter::once(0).chain((1..lengths.len()).filter(fits)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(packing: Packing, lengths: &[usize], expect: &[usize]) {
        let waiting = lengths.iter().sum();
        assert_eq!(packing.choose(lengths, waiting, 2), expect, "{lengths:?}");
    }

    #[test]
    fn padding_counts() {
        let packing = Packing::Padded { budget: 8 };
        check(packing, &[], &[]);
        check(packing, &[2, 2, 2, 2, 2], &[0, 1, 2, 3]);
        check(packing, &[4, 2, 2, 2], &[0, 1]);
    }

    #[test]
    fn packed_texts_cost_their_own_tokens() {
        let packing = Packing::Packed { budget: 80 };
        check(packing, &[50, 40, 30, 20, 10], &[0, 3]);
        check(packing, &[60, 40, 20, 10, 10, 10], &[0, 3]);
        check(packing, &[40, 40, 30, 20, 10, 10], &[0, 2]);
        check(packing, &[], &[]);
    }

    #[test]
    fn a_text_over_the_budget_is_alone() {
        check(Packing::Padded { budget: 8 }, &[30, 1], &[0]);
        check(Packing::Packed { budget: 8 }, &[30, 1], &[0]);
    }

    #[test]
    fn the_last_texts_are_shared_by_the_threads() {
        let packing = Packing::Packed { budget: 1_000 };
        check(packing, &[120, 120, 80, 80], &[0, 2]);
        check(packing, &[90, 60, 60, 30], &[0, 3]);
        check(packing, &[20, 20, 10, 10], &[0, 1, 2, 3]);
    }
}
