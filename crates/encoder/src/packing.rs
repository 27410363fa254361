//! Which texts are computed together.

use std::ops::Range;

/// Ranges of texts to compute together, given their lengths in ascending order.
///
/// A batch costs its texts times its longest one, because shorter ones are padded; none costs more than `budget`
/// unless it holds a single text. **Units**: tokens.
pub(crate) fn pack(lengths: &[usize], budget: usize) -> Vec<Range<usize>> {
    let mut batches = Vec::new();
    let mut start = 0;
    for (end, longest) in lengths.iter().enumerate() {
        let is_over = (end + 1 - start) * longest > budget;
        if is_over && end > start {
            batches.push(start..end);
            start = end;
        }
    }
    if start < lengths.len() {
        batches.push(start..lengths.len());
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lengths: &[usize], budget: usize, expect: &[Range<usize>]) {
        assert_eq!(pack(lengths, budget), expect);
    }

    #[test]
    fn batches_keep_to_the_budget() {
        check(&[], 8, &[]);
        check(&[2, 2, 2, 2, 2], 8, &[0..4, 4..5]);
        check(&[2, 2, 4, 4, 4], 8, &[0..2, 2..4, 4..5]);
    }

    #[test]
    fn a_text_over_the_budget_is_alone() {
        check(&[1, 20, 30], 8, &[0..1, 1..2, 2..3]);
    }
}
