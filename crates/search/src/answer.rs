//! Whether what was found answers the query at all, as a probability.
//!
//! A logistic regression over the best hit: how like it is in meaning and in words, in itself and beside the other
//! candidates, and how far it leads. Fitted on questions half of whose answers were taken away.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Hit;

/// Numbers in [`answer_features`].
pub const ANSWER_FEATURES: usize = 10;

/// The learnt answerability; `deskwise train fusion` fits it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerConfig {
    /// Below this probability nothing is answered.
    pub threshold: f32,
    /// ISO 639-1 code → weights.
    pub by_language: BTreeMap<String, AnswerWeights>,
    /// For every other language and for none.
    pub otherwise: AnswerWeights,
}

/// A logistic regression.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerWeights {
    /// Log-odds where every feature is 0.
    pub bias: f32,
    /// Of each feature, in the order of [`answer_features`].
    pub weights: [f32; ANSWER_FEATURES],
}

impl AnswerConfig {
    /// The probability that the first of these hits answers the query, 0 to 1; 0 where there is no hit.
    ///
    /// The hits must be those of one query by vector and by text, best first.
    pub fn probability(&self, language: Option<&str>, hits: &[Hit]) -> f32 {
        let weights = language
            .and_then(|code| self.by_language.get(code))
            .unwrap_or(&self.otherwise);
        answer_features(hits).map_or(0.0, |features| weights.probability(&features))
    }
}

impl AnswerWeights {
    fn probability(&self, features: &[f32; ANSWER_FEATURES]) -> f32 {
        let weighed: f32 = self.weights.iter().zip(features).map(|(w, x)| w * x).sum();
        1.0 / (1.0 + (-(self.bias + weighed)).exp())
    }
}

/// What the probability is made from; none without a hit.
///
/// Cosine of the text, cosine of the title, whether there is a title, score of an average word, lead over the second
/// hit, cosine and word score once more where there is a title, and the three standardised scores.
pub fn answer_features(hits: &[Hit]) -> Option<[f32; ANSWER_FEATURES]> {
    let first = hits.first()?;
    let dense = first.dense.unwrap_or_default();
    let titled = f32::from(u8::from(first.title.is_some()));
    let word = first.word_share.unwrap_or_default();
    let [dense_stands, title_stands, sparse_stands, ..] = first.features;
    Some([
        dense,
        first.title.unwrap_or_default(),
        titled,
        word,
        lead(hits),
        titled * dense,
        titled * word,
        dense_stands,
        title_stands,
        sparse_stands,
    ])
}

/// How far the first hit leads, 0 to 1; all the way where it is alone.
fn lead(hits: &[Hit]) -> f32 {
    match hits {
        [first, second, ..] => ((first.score - second.score) / 2.0).tanh(),
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn hit(dense: f32, score: f32) -> Hit {
        Hit {
            id: Uuid::nil(),
            dense: Some(dense),
            title: None,
            sparse: Some(1.0),
            word_share: Some(0.5),
            exact: 0.0,
            features: [1.0; crate::FEATURES],
            score,
            payload: serde_json::Map::new(),
        }
    }

    fn config() -> AnswerConfig {
        let mut weights = [0.0; ANSWER_FEATURES];
        (weights[0], weights[4]) = (4.0, 2.0);
        let otherwise = AnswerWeights { bias: -2.0, weights };
        AnswerConfig {
            threshold: 0.5,
            by_language: [("es".to_owned(), AnswerWeights::default())].into(),
            otherwise,
        }
    }

    #[test]
    fn nothing_found_answers_nothing() {
        assert_eq!(config().probability(Some("en"), &[]), 0.0);
    }

    #[test]
    fn likeness_and_lead_raise_the_probability() {
        let config = config();
        let probability = |hits: &[Hit]| config.probability(Some("en"), hits);
        let close = probability(&[hit(0.8, 3.0), hit(0.8, 2.9)]);
        assert!(close > probability(&[hit(0.2, 3.0), hit(0.2, 2.9)]));
        assert!(close < probability(&[hit(0.8, 3.0), hit(0.1, -1.0)]));
        assert!((0.0..=1.0).contains(&close));
    }

    #[test]
    fn a_language_has_weights_of_its_own() {
        assert_eq!(config().probability(Some("es"), &[hit(0.9, 1.0)]), 0.5);
    }
}
