//! What a fit sees: dense embeddings beside sparse lexical features.

use std::panic::resume_unwind;
use std::thread;

use classifier::features::{Feature, FeatureSpace};
use ndarray::{Array2, Axis};

use crate::recipe::Features;

/// The feature matrix of some texts with their labels.
///
/// **Shape**: `dense` `[rows, dimensions]`; `sparse` one list of features a row, indices `0..terms`.
#[derive(Debug, Clone)]
pub struct Examples {
    /// Weighted embeddings.
    pub dense: Array2<f32>,
    /// Weighted lexical features.
    pub sparse: Vec<Vec<Feature>>,
    /// Number of lexical features.
    pub terms: usize,
}

/// How much the fit multiplied each feature by; folded back into the weights of the finished head.
#[derive(Debug, Clone)]
pub struct Scales {
    /// Of the embedding.
    pub embedding: f32,
    /// Of word features, indices below `first_char`.
    pub word: f32,
    /// Of character features.
    pub char: f32,
    /// Index of the first character feature.
    pub first_char: usize,
}

impl Scales {
    /// The scales of a recipe in a feature space.
    #[must_use]
    pub fn new(features: &Features, space: &FeatureSpace) -> Self {
        Self {
            embedding: features.embedding_weight as f32,
            word: features.word_weight as f32,
            char: features.char_weight as f32,
            first_char: space.word_lexicon().len(),
        }
    }

    /// Of one lexical feature.
    #[must_use]
    pub fn term(&self, term: usize) -> f32 {
        if term < self.first_char { self.word } else { self.char }
    }
}

impl Examples {
    /// The examples of these rows.
    ///
    /// **Shape**: `texts` and `vectors` (`[rows, dimensions]`) of the whole data set, `rows` positions in it.
    #[must_use]
    pub fn new(texts: &[String], vectors: &Array2<f32>, rows: &[usize], space: &FeatureSpace, scales: &Scales) -> Self {
        Self {
            sparse: in_halves(rows, |&row| weighted(space.features(&texts[row]), scales)),
            dense: vectors.select(Axis(0), rows) * scales.embedding,
            terms: space.len(),
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sparse.len()
    }

    /// Number of dense features.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.dense.ncols()
    }
}

fn weighted(mut features: Vec<Feature>, scales: &Scales) -> Vec<Feature> {
    features
        .iter_mut()
        .for_each(|(term, value)| *value *= scales.term(*term as usize));
    features
}

/// The results of `act` in the order of `items`, worked out on two threads.
pub(crate) fn in_halves<I: Sync, R: Send>(items: &[I], act: impl Fn(&I) -> R + Sync) -> Vec<R> {
    let (first, second) = items.split_at(items.len() / 2);
    let run = |half: &[I]| half.iter().map(&act).collect::<Vec<R>>();
    thread::scope(|scope| {
        let second = scope.spawn(|| run(second));
        let mut results = run(first);
        results.extend(second.join().unwrap_or_else(|panic| resume_unwind(panic)));
        results
    })
}
