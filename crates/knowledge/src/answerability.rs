//! Whether what was found answers the question at all: a logistic regression over what speaks for the best passage.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::evidence::{EVIDENCE, Evidence};

/// The model's parameters, all of them fitted (see the card of the model). **Persisted** in its manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answerability {
    /// Names the parameters; the manifest tells it beside them.
    #[serde(default, skip_serializing)]
    pub revision: String,
    /// Below this probability nothing is answered. **Units:** 0 to 1.
    pub threshold: f32,
    /// No probability is higher: more the data do not bear out. **Units:** 0 to 1.
    pub ceiling: f32,
    /// For questions in a language that had enough examples, by ISO 639-1 code.
    pub by_language: BTreeMap<String, Weights>,
    /// For every other language and for none.
    pub otherwise: Weights,
}

/// Fitted weights. **Units:** log-odds for each unit of the evidence. **Persisted** in the model's manifest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Where there is no evidence.
    pub intercept: f64,
    /// Of the cosine.
    pub cosine: f64,
    /// Of the words that the passage says.
    pub words: f64,
    /// Of the words that any passage found says.
    pub known_words: f64,
    /// Of identifiers and quoted phrases that few passages hold.
    pub exact: f64,
    /// Of how much is asked.
    pub length: f64,
}

impl Answerability {
    /// The probability that the passage with this evidence answers a question in this language, 0 to 1; 0 where
    /// nothing was found.
    pub fn probability(&self, language: Option<&str>, evidence: Option<&Evidence>) -> f32 {
        let of_language = language.and_then(|code| self.by_language.get(code));
        let weights = of_language.unwrap_or(&self.otherwise);
        evidence.map_or(0.0, |evidence| (weights.probability(evidence) as f32).min(self.ceiling))
    }
}

impl Weights {
    /// From a fit. **Shape:** `weights` `[EVIDENCE]`, in the order of the fields.
    pub fn new(intercept: f64, [cosine, words, known_words, exact, length]: [f64; EVIDENCE]) -> Self {
        Weights {
            intercept,
            cosine,
            words,
            known_words,
            exact,
            length,
        }
    }

    fn probability(&self, evidence: &Evidence) -> f64 {
        let weights = [self.cosine, self.words, self.known_words, self.exact, self.length];
        let weighed: f64 = weights
            .iter()
            .zip(evidence.features())
            .map(|(weight, x)| weight * x)
            .sum();
        1.0 / (1.0 + (-(self.intercept + weighed)).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Answerability {
        Answerability {
            revision: String::new(),
            threshold: 0.5,
            ceiling: 0.97,
            by_language: [("es".to_owned(), Weights::new(0.0, [0.0; EVIDENCE]))].into(),
            otherwise: Weights::new(-4.0, [3.0, 2.0, 2.0, 1.0, 0.5]),
        }
    }

    fn evidence(cosine: f64, words: f64) -> Evidence {
        Evidence {
            cosine,
            words,
            known_words: words,
            exact: 0.0,
            length: 1.0,
        }
    }

    #[test]
    fn nothing_found_answers_nothing() {
        assert_eq!(model().probability(Some("en"), None), 0.0);
    }

    #[test]
    fn likeness_raises_the_probability() {
        let probability = |cosine, words| model().probability(None, Some(&evidence(cosine, words)));
        assert!(probability(0.8, 1.0) > probability(0.2, 1.0));
        assert!(probability(0.8, 1.0) > probability(0.8, 0.0));
        assert_eq!(probability(1.0, 9.0), 0.97, "no higher than the ceiling");
    }

    #[test]
    fn a_language_has_weights_of_its_own() {
        assert_eq!(model().probability(Some("es"), Some(&evidence(0.9, 1.0))), 0.5);
        let [french, none] = [Some("fr"), None].map(|code| model().probability(code, Some(&evidence(0.9, 1.0))));
        assert_eq!(french, none);
    }
}
