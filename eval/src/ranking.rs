//! Figures of a ranking: what a searcher sees first.

/// Discounted gain of the first `k` results over the best possible.
///
/// `gains` are the relevances in ranked order; `ideal` the relevances of all judged documents, any order.
/// **Source**: Järvelin & Kekäläinen, Cumulated gain-based evaluation of IR techniques, 2002 (gain as in trec_eval).
pub fn ndcg(gains: &[f64], ideal: &[f64], k: usize) -> f64 {
    let mut best = ideal.to_vec();
    best.sort_by(|a, b| b.total_cmp(a));
    let possible = discounted(&best, k);
    if possible == 0.0 {
        0.0
    } else {
        discounted(gains, k) / possible
    }
}

fn discounted(gains: &[f64], k: usize) -> f64 {
    gains
        .iter()
        .take(k)
        .enumerate()
        .map(|(at, gain)| gain / (at as f64 + 2.0).log2())
        .sum()
}

/// One over the rank of the first relevant result within the first `k`; zero where there is none.
pub fn reciprocal_rank(gains: &[f64], k: usize) -> f64 {
    gains
        .iter()
        .take(k)
        .position(|&gain| gain > 0.0)
        .map_or(0.0, |at| 1.0 / (at as f64 + 1.0))
}

/// Share of the relevant documents that are within the first `k`.
pub fn recall(gains: &[f64], relevant: usize, k: usize) -> f64 {
    let found = gains.iter().take(k).filter(|&&gain| gain > 0.0).count();
    if relevant == 0 {
        0.0
    } else {
        found as f64 / relevant as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_ranking_is_one_and_a_later_hit_is_less() {
        assert_eq!(ndcg(&[1.0, 0.0], &[1.0], 10), 1.0);
        assert!((ndcg(&[0.0, 1.0], &[1.0], 10) - 1.0 / 3f64.log2()).abs() < 1e-12);
        assert_eq!(ndcg(&[0.0; 11], &[1.0], 10), 0.0);
    }

    #[test]
    fn first_hit_and_recall_look_at_the_first_k() {
        assert_eq!(reciprocal_rank(&[0.0, 1.0], 10), 0.5);
        assert_eq!(reciprocal_rank(&[0.0, 1.0], 1), 0.0);
        assert_eq!(recall(&[1.0, 0.0, 1.0], 2, 2), 0.5);
        assert_eq!(recall(&[], 0, 10), 0.0);
    }
}
