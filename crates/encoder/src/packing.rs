//! Which texts are computed together.

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

impl Packing {
    /// How many texts, counted from the first, are computed together: at least one if there is one.
    ///
    /// Lengths come longest first. Where texts are packed nobody takes more than one share of what is `waiting` for all
    /// threads, so that all end at about the same time.
    ///
    /// **Source**: Polychronopoulos and Kuck, Guided Self-Scheduling, 1987.
    pub(crate) fn count(self, lengths: impl Iterator<Item = usize>, waiting: usize, threads: usize) -> usize {
        let mut longest = 0;
        let mut tokens = 0;
        let mut is_over = |(before, length): (usize, usize)| {
            longest = longest.max(length);
            tokens += length;
            match self {
                Self::Padded { budget } => (before + 1) * longest > budget,
                Self::Packed { budget } => tokens > budget.min(waiting.div_ceil(threads.max(1))),
            }
        };
        let mut texts = lengths.enumerate().peekable();
        let is_any = texts.peek().is_some();
        let fitting = texts.take_while(|text| !is_over(*text)).count();
        fitting.max(usize::from(is_any))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(packing: Packing, lengths: &[usize], expect: usize) {
        let waiting = lengths.iter().sum();
        assert_eq!(
            packing.count(lengths.iter().copied(), waiting, 2),
            expect,
            "{lengths:?}"
        );
    }

    #[test]
    fn padding_counts() {
        let packing = Packing::Padded { budget: 8 };
        check(packing, &[], 0);
        check(packing, &[2, 2, 2, 2, 2], 4);
        check(packing, &[4, 2, 2, 2], 2);
    }

    #[test]
    fn packed_texts_cost_their_own_tokens() {
        let packing = Packing::Packed { budget: 8 };
        check(packing, &[5, 2, 1, 8], 3);
        check(packing, &[], 0);
    }

    #[test]
    fn a_text_over_the_budget_is_alone() {
        check(Packing::Padded { budget: 8 }, &[30, 1], 1);
        check(Packing::Packed { budget: 8 }, &[30, 1], 1);
    }

    #[test]
    fn the_last_texts_are_shared_by_the_threads() {
        check(Packing::Packed { budget: 100 }, &[3, 3, 2, 2], 1);
        check(Packing::Packed { budget: 100 }, &[3, 2, 2, 2, 2], 2);
    }
}
