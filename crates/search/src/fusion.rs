//! How the scores of a hit become one.
//!
//! There are three: the likeness of meaning to the text, the likeness of meaning to the title, and the likeness of
//! words. Each is standardised over its own best scores for the query (mean 0, deviation 1), and a linear model adds
//! them up. Its weights depend on the query: on its language, and on how far the best of each score stands out from
//! the second (a score that singles out one point knows something). Standards are the same whichever of several equal
//! points the index happens to give, so equal questions get equal answers from both backends. Plain reciprocal-rank
//! fusion throws the distances between scores away and was measured to be worse than the better kind alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::candidates::Candidate;
use crate::language::primary_language;

/// Numbers in [`Hit::features`](crate::Hit).
pub const FEATURES: usize = 6;

/// The learnt weights; `deskwise train fusion` fits them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FusionConfig {
    /// ISO 639-1 code → weights.
    pub by_language: BTreeMap<String, Weights>,
    /// For every other language and for none.
    pub otherwise: Weights,
    /// ISO 639-1 code → weights for a query with a title of its own: a document looked for among its like.
    #[serde(default)]
    pub titled: BTreeMap<String, Weights>,
    /// Of the forms of words beside their stems.
    #[serde(default)]
    pub forms: FormWeights,
    /// Added for the share of the query's exact parts that a point holds. **Units** as the score; larger than any
    /// difference of scores, so that what is asked for exactly comes first.
    #[serde(default = "default_exact")]
    pub exact: f32,
}

/// How much each score counts; only their ratio matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Of the likeness of meaning.
    pub dense: f32,
    /// Of the likeness of meaning to the title, where there are titles.
    pub title: f32,
    /// Of the likeness of words.
    pub sparse: f32,
    /// Added to `dense` as its best stands out.
    #[serde(default)]
    pub dense_margin: f32,
    /// Added to `title` as its best stands out.
    #[serde(default)]
    pub title_margin: f32,
    /// Added to `sparse` as its best stands out.
    #[serde(default)]
    pub sparse_margin: f32,
}

impl Weights {
    /// **Shape** `[FEATURES]`, in the order of [`Hit::features`](crate::Hit).
    pub fn as_array(self) -> [f32; FEATURES] {
        [
            self.dense,
            self.title,
            self.sparse,
            self.dense_margin,
            self.title_margin,
            self.sparse_margin,
        ]
    }

    /// The weights in the order of [`Hit::features`](crate::Hit).
    pub fn from_array([dense, title, sparse, dense_margin, title_margin, sparse_margin]: [f32; FEATURES]) -> Self {
        Self {
            dense,
            title,
            sparse,
            dense_margin,
            title_margin,
            sparse_margin,
        }
    }
}

/// How much a form of a word counts beside a stem, which counts 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormWeights {
    /// Two words in a row.
    pub pairs: f32,
    /// Four characters of a word.
    pub pieces: f32,
    /// An identifier.
    pub codes: f32,
}

impl Default for FormWeights {
    fn default() -> Self {
        Self {
            pairs: 0.25,
            pieces: 0.2,
            codes: 1.0,
        }
    }
}

impl Default for FusionConfig {
    /// English trusts an encoder trained on English; elsewhere words count more than meaning.
    fn default() -> Self {
        let english = Weights {
            dense: 1.0,
            title: 1.0,
            sparse: 1.0,
            ..Weights::default()
        };
        let spanish = Weights {
            dense: 0.3,
            title: 0.3,
            sparse: 1.0,
            ..Weights::default()
        };
        Self {
            by_language: [("en".to_owned(), english), ("es".to_owned(), spanish)].into(),
            otherwise: spanish,
            titled: BTreeMap::new(),
            forms: FormWeights::default(),
            exact: default_exact(),
        }
    }
}

fn default_exact() -> f32 {
    100.0
}

impl FusionConfig {
    /// The weights for a query in `language`, with a title of its own or without.
    pub fn weights(&self, language: Option<&str>, titled: bool) -> Weights {
        let language = language.map(primary_language);
        let language = language.as_deref();
        let of_its_like = || language.filter(|_| titled).and_then(|code| self.titled.get(code));
        let of_language = || language.and_then(|code| self.by_language.get(code));
        of_its_like().or_else(of_language).copied().unwrap_or(self.otherwise)
    }
}

/// Gives every candidate its score and puts the best first; equal scores are ordered by id, so that both backends
/// answer alike.
pub(crate) fn fuse(candidates: &mut [Candidate], standards: &Standards, weights: Weights, exact: f32) {
    for candidate in candidates.iter_mut() {
        let likeness = match (candidate.dense, candidate.sparse) {
            (Some(dense), Some(sparse)) => {
                candidate.features = standards.features(dense, candidate.title, sparse);
                dot(candidate.features, weights.as_array())
            }
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => 0.0,
        };
        candidate.score = likeness + exact * candidate.exact;
    }
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
}

fn dot(a: [f32; FEATURES], b: [f32; FEATURES]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The standard of each score; the title's only where there are titles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standards {
    pub dense: Standard,
    pub title: Option<Standard>,
    pub sparse: Standard,
}

impl Standards {
    /// A point without a title among points with titles is judged by its text.
    fn features(&self, dense: f32, title: Option<f32>, sparse: f32) -> [f32; FEATURES] {
        let [d, s] = [self.dense.score(dense), self.sparse.score(sparse)];
        let t = self
            .title
            .map_or(0.0, |standard| standard.score(title.unwrap_or(dense)));
        let title_margin = self.title.map_or(0.0, |standard| standard.margin);
        [d, t, s, d * self.dense.margin, t * title_margin, s * self.sparse.margin]
    }
}

/// Mean and deviation of the best scores of one kind, and how far the best of them stands out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standard {
    mean: f32,
    deviation: f32,
    /// **Units** 0 where the two best are equal, towards 1 as they part.
    margin: f32,
}

impl Standard {
    /// The standard of `scores`, best first; the sums are made in that order, so that it is always the same.
    pub(crate) fn of(scores: &[f32]) -> Self {
        let count = scores.len().max(1) as f32;
        let mean = scores.iter().sum::<f32>() / count;
        let variance = scores.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / count;
        let mut standard = Self {
            mean,
            deviation: variance.sqrt(),
            margin: 0.0,
        };
        if let [first, second, ..] = scores {
            standard.margin = (standard.score(*first) - standard.score(*second)).tanh();
        }
        standard
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
                ..Candidate::default()
            })
            .collect();
        let all = |kind: fn(&Candidate) -> Option<f32>| {
            let mut scores: Vec<f32> = candidates.iter().filter_map(kind).collect();
            scores.sort_by(|a, b| b.total_cmp(a));
            Standard::of(&scores)
        };
        let standards = Standards {
            dense: all(|c| c.dense),
            title: None,
            sparse: all(|c| c.sparse),
        };
        fuse(&mut candidates, &standards, weights, 0.0);
        candidates.iter().map(|c| c.id.as_u128()).collect()
    }

    fn weights(dense: f32, sparse: f32) -> Weights {
        Weights {
            dense,
            sparse,
            ..Weights::default()
        }
    }

    #[test]
    fn a_clear_winner_of_one_kind_beats_a_middling_one_of_both() {
        let winner_by_words = (Some(0.30), Some(12.0));
        let others = (0..20).map(|i| (Some(0.30 + 0.002 * i as f32), Some(1.0 + 0.01 * i as f32)));
        let scores: Vec<_> = [winner_by_words].into_iter().chain(others).collect();
        assert_eq!(order(&scores, weights(0.5, 0.5))[0], 0);
    }

    #[test]
    fn weights_decide_between_the_kinds() {
        let scores = [(Some(0.9), Some(0.0)), (Some(0.1), Some(9.0))];
        assert_eq!(order(&scores, weights(0.7, 0.3)), [0, 1]);
        assert_eq!(order(&scores, weights(0.3, 0.7)), [1, 0]);
    }

    #[test]
    fn a_kind_that_singles_out_one_point_counts_more() {
        let scores = [(Some(0.9), Some(1.0)), (Some(0.5), Some(1.1)), (Some(0.1), Some(1.1))];
        let stands_out = Weights {
            dense_margin: 5.0,
            ..weights(0.0, 1.0)
        };
        assert_eq!(order(&scores, weights(0.0, 1.0)), [1, 2, 0]);
        assert_eq!(order(&scores, stands_out)[0], 0);
    }

    #[test]
    fn one_kind_alone_keeps_its_order() {
        let scores = [(Some(0.1), None), (Some(0.9), None), (Some(0.5), None)];
        assert_eq!(order(&scores, weights(0.5, 0.5)), [1, 2, 0]);
    }

    #[test]
    fn a_kind_that_says_nothing_changes_nothing() {
        let scores = [(Some(0.1), Some(0.0)), (Some(0.9), Some(0.0)), (Some(0.5), Some(0.0))];
        assert_eq!(order(&scores, weights(0.5, 0.5)), [1, 2, 0]);
    }

    #[test]
    fn equal_scores_are_ordered_by_id() {
        let scores = [(Some(0.5), Some(1.0)); 3];
        assert_eq!(order(&scores, weights(0.5, 0.5)), [0, 1, 2]);
    }

    #[test]
    fn spanish_and_unknown_trust_words_more_than_english_does() {
        let config = FusionConfig::default();
        let share = |language| {
            let weights = config.weights(language, false);
            weights.sparse / weights.dense
        };
        for language in [Some("es"), Some("fi"), None] {
            assert!(share(language) > share(Some("en")), "{language:?}");
        }
    }

    #[test]
    fn a_query_with_a_title_has_weights_of_its_own_where_there_are_any() {
        let mut config = FusionConfig::default();
        config.titled.insert("en".to_owned(), weights(0.3, 0.7));
        assert_eq!(config.weights(Some("en"), true), weights(0.3, 0.7));
        assert_eq!(config.weights(Some("en"), false), config.by_language["en"]);
        assert_eq!(config.weights(Some("es"), true), config.by_language["es"]);
        assert_eq!(config.weights(Some("en-US"), true), weights(0.3, 0.7));
        assert_eq!(config.weights(None, true), config.otherwise);
    }

    #[test]
    fn a_point_without_a_title_is_judged_by_its_text() {
        let standard = Standard::of(&[0.9, 0.5, 0.1]);
        let standards = Standards {
            dense: standard,
            title: Some(standard),
            sparse: standard,
        };
        assert_eq!(
            standards.features(0.5, None, 0.1),
            standards.features(0.5, Some(0.5), 0.1)
        );
    }
}
