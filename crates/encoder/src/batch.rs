//! Which texts are computed together.

/// Packs sequences into batches: like lengths together, and no batch of more tokens, padding included, than the
/// budget, except for a sequence that is longer than that by itself.
///
/// Gives indices into `lengths`; each occurs once.
pub(crate) fn pack(lengths: &[usize], budget: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(lengths[at]));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for at in order {
        match batches.last_mut() {
            // The first of a batch is its longest, so it says how far all are padded.
            Some(batch) if (batch.len() + 1) * lengths[batch[0]] <= budget => batch.push(at),
            _ => batches.push(vec![at]),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_lengths_stand_together_within_the_budget() {
        assert_eq!(pack(&[2, 9, 3, 8, 2], 18), vec![vec![1, 3], vec![2, 0, 4]]);
        assert_eq!(pack(&[50, 1], 10), vec![vec![0], vec![1]]);
        assert!(pack(&[], 10).is_empty());
    }
}
