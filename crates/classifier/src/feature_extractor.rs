//! What a head sees of a text. Heads fitted on the same rows have equal extractors: they can share one, and look once.

use crate::features::{Feature, FeatureSpace};
use crate::memory::Remembered;

/// The vocabulary of a head and the vectors it remembers.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureExtractor {
    /// Which words and characters it knows.
    pub space: FeatureSpace,
    /// The examples it remembers.
    pub remembered: Remembered,
}

/// What is extracted of one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Extracted {
    /// The text's unit vector. **Shape**: `[dimensions]`.
    pub vector: Vec<f32>,
    /// Its words and characters, by ascending index.
    pub lexical: Vec<Feature>,
    /// Cosine of its vector with each remembered one. **Shape**: `[examples]`.
    pub similarities: Vec<f32>,
}

impl FeatureExtractor {
    /// What a head sees of a text and its unit vector. **Shape**: `vector` is `[dimensions]`.
    #[must_use]
    pub fn extract(&self, text: &str, vector: &[f32]) -> Extracted {
        Extracted {
            vector: vector.to_vec(),
            lexical: self.space.features(text),
            similarities: self.remembered.similarities(vector),
        }
    }
}
