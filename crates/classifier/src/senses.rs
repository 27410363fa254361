//! What a head takes in of a text. Heads fitted on the same rows have equal senses: they can share them, and look once.

use crate::features::{Feature, FeatureSpace};
use crate::memory::Remembered;

/// The vocabulary of a head and the vectors it remembers.
#[derive(Debug, Clone, PartialEq)]
pub struct Senses {
    /// Which words and characters it knows.
    pub space: FeatureSpace,
    /// The examples it remembers.
    pub remembered: Remembered,
}

/// What the senses take in of one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Impression {
    /// The text's unit vector. **Shape**: `[dimensions]`.
    pub vector: Vec<f32>,
    /// Its words and characters, by ascending index.
    pub lexical: Vec<Feature>,
    /// Cosine of its vector with each remembered one. **Shape**: `[examples]`.
    pub similarities: Vec<f32>,
}

impl Senses {
    /// What they take in of a text and its unit vector. **Shape**: `vector` is `[dimensions]`.
    #[must_use]
    pub fn perceive(&self, text: &str, vector: &[f32]) -> Impression {
        Impression {
            vector: vector.to_vec(),
            lexical: self.space.features(text),
            similarities: self.remembered.similarities(vector),
        }
    }
}
