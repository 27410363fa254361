//! How the dense and the sparse score of a hit become one.
//!
//! Each half is standardised over its own best scores for the query (mean 0, deviation 1) and the halves are added with
//! weights by language. Those scores are the same whichever of several equal points the index happens to give, so equal
//! questions get equal answers from both backends. Plain reciprocal-rank fusion throws the distances between scores away and was measured to be
//! worse than the better half alone; this keeps them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::candidates::Candidate;

/// Weights of the two halves, by language of the query.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FusionConfig {
    /// ISO 639-1 code → weights.
    pub by_language: BTreeMap<String, Weights>,
    /// For every other language and for none.
    pub otherwise: Weights,
}

/// How much each half counts; only their ratio matters.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Of the likeness of meaning.
    pub dense: f32,
    /// Of the likeness of words.
    pub sparse: f32,
}

impl Default for FusionConfig {
    /// English trusts an encoder trained on English; elsewhere words count as much as meaning.
    fn default() -> Self {
        let english = Weights {
            dense: 0.7,
            sparse: 0.3,
        };
        let equal = Weights {
            dense: 0.5,
            sparse: 0.5,
        };
        Self {
            by_language: [("en".to_owned(), english), ("es".to_owned(), equal)].into(),
            otherwise: equal,
        }
    }
}

impl FusionConfig {
    /// The weights for a query in `language`.
    pub fn weights(&self, language: Option<&str>) -> Weights {
        language
            .and_then(|code| self.by_language.get(code))
            .copied()
            .unwrap_or(self.otherwise)
    }
}

/// Gives every candidate its score and puts the best first; equal scores are ordered by id, so that both backends
/// answer alike.
pub(crate) fn fuse(candidates: &mut [Candidate], standards: &Standards, weights: Weights) {
    for candidate in candidates.iter_mut() {
        candidate.score = match (candidate.dense, candidate.sparse) {
            (Some(d), Some(s)) => weights.dense * standards.dense.score(d) + weights.sparse * standards.sparse.score(s),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => 0.0,
        };
    }
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
}

/// The standard of each half.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standards {
    pub dense: Standard,
    pub sparse: Standard,
}

/// Mean and deviation of the best scores of one half.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standard {
    mean: f32,
    deviation: f32,
}

impl Standard {
    /// The standard of `scores`, best first; the sums are made in that order, so that it is always the same.
    pub(crate) fn of(scores: &[f32]) -> Self {
        let count = scores.len().max(1) as f32;
        let mean = scores.iter().sum::<f32>() / count;
        let variance = scores.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / count;
        Self {
            mean,
            deviation: variance.sqrt(),
        }
    }

    /// Deviations above the mean; 0 where all scores are equal.
    fn score(self, x: f32) -> f32 {
        if self.deviation > f32::EPSILON {
            (x - self.mean) / self.deviation
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn order(scores: &[(Option<f32>, Option<f32>)], weights: Weights) -> Vec<u128> {
        let mut candidates: Vec<Candidate> = scores
            .iter()
            .enumerate()
            .map(|(i, &(dense, sparse))| Candidate {
                id: Uuid::from_u128(i as u128),
                dense,
                sparse,
                score: 0.0,
            })
            .collect();
        let all = |half: fn(&Candidate) -> Option<f32>| {
            let mut scores: Vec<f32> = candidates.iter().filter_map(half).collect();
            scores.sort_by(|a, b| b.total_cmp(a));
            Standard::of(&scores)
        };
        let standards = Standards {
            dense: all(|c| c.dense),
            sparse: all(|c| c.sparse),
        };
        fuse(&mut candidates, &standards, weights);
        candidates.iter().map(|c| c.id.as_u128()).collect()
    }

    const EQUAL: Weights = Weights {
        dense: 0.5,
        sparse: 0.5,
    };

    #[test]
    fn a_clear_winner_of_one_half_beats_a_middling_one_of_both() {
        let winner_by_words = (Some(0.30), Some(12.0));
        let others = (0..20).map(|i| (Some(0.30 + 0.002 * i as f32), Some(1.0 + 0.01 * i as f32)));
        let scores: Vec<_> = [winner_by_words].into_iter().chain(others).collect();
        assert_eq!(order(&scores, EQUAL)[0], 0);
    }

    #[test]
    fn weights_decide_between_the_halves() {
        let scores = [(Some(0.9), Some(0.0)), (Some(0.1), Some(9.0))];
        assert_eq!(
            order(
                &scores,
                Weights {
                    dense: 0.7,
                    sparse: 0.3
                }
            ),
            [0, 1]
        );
        assert_eq!(
            order(
                &scores,
                Weights {
                    dense: 0.3,
                    sparse: 0.7
                }
            ),
            [1, 0]
        );
    }

    #[test]
    fn one_half_alone_keeps_its_order() {
        let scores = [(Some(0.1), None), (Some(0.9), None), (Some(0.5), None)];
        assert_eq!(order(&scores, EQUAL), [1, 2, 0]);
    }

    #[test]
    fn a_half_that_says_nothing_changes_nothing() {
        let scores = [(Some(0.1), Some(0.0)), (Some(0.9), Some(0.0)), (Some(0.5), Some(0.0))];
        assert_eq!(order(&scores, EQUAL), [1, 2, 0]);
    }

    #[test]
    fn equal_scores_are_ordered_by_id() {
        let scores = [(Some(0.5), Some(1.0)); 3];
        assert_eq!(order(&scores, EQUAL), [0, 1, 2]);
    }

    #[test]
    fn spanish_and_unknown_trust_words_more_than_english_does() {
        let config = FusionConfig::default();
        let english = config.weights(Some("en"));
        for language in [Some("es"), Some("fi"), None] {
            assert!(config.weights(language).sparse > english.sparse, "{language:?}");
        }
    }
}
