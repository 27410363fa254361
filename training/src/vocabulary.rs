//! Texts → the pruned vocabularies of a head.

use classifier::features::{Block, CONCEPT_MARK, FeatureSpace, Lexicon, Ngrams, each_term};
use classifier::words::words;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::examples::in_halves;
use crate::recipe::Features;

/// Texts whose terms are held at once.
const CHUNK: usize = 512;

/// The feature space learnt from these texts alone.
#[must_use]
pub fn learn(texts: &[&str], features: &Features) -> FeatureSpace {
    let documents: Vec<Vec<String>> = in_halves(texts, |text| words(text));
    let (words, chars) = (features.words_in_use(), features.chars_in_use());
    let lexicon = |block, ngrams| lexicon(block, ngrams, &documents, features);
    FeatureSpace::new(words, lexicon(Block::Words, words), chars, lexicon(Block::Chars, chars))
}

fn lexicon(block: Block, ngrams: Ngrams, documents: &[Vec<String>], features: &Features) -> Lexicon {
    let mut frequency: FxHashMap<String, usize> = FxHashMap::default();
    let terms_of = |document: &Vec<String>| {
        let mut terms = FxHashSet::default();
        each_term(block, ngrams, document, &mut |term| {
            let is_wanted = features.concepts || !term.starts_with(CONCEPT_MARK);
            if is_wanted && !terms.contains(term) {
                terms.insert(term.to_owned());
            }
        });
        terms
    };
    for chunk in documents.chunks(CHUNK) {
        let terms = in_halves(chunk, terms_of).into_iter().flatten();
        terms.for_each(|term| *frequency.entry(term).or_insert(0) += 1);
    }
    let mut kept: Vec<(String, usize)> = frequency
        .into_iter()
        .filter(|(_, count)| *count >= features.min_documents)
        .collect();
    kept.sort_by(|(a, count_a), (b, count_b)| count_b.cmp(count_a).then_with(|| a.cmp(b)));
    kept.truncate(features.max_terms);
    kept.sort();
    let idf = kept
        .iter()
        .map(|(_, count)| inverse_frequency(documents.len(), *count))
        .collect();
    Lexicon::new(kept.into_iter().map(|(term, _)| term).collect(), idf)
}

/// **Source**: smoothed inverse document frequency as in scikit-learn's `TfidfTransformer`.
fn inverse_frequency(documents: usize, containing: usize) -> f32 {
    ((1.0 + documents as f32) / (1.0 + containing as f32)).ln() + 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_terms_are_pruned_and_the_rest_is_sorted() {
        let features = Features {
            char_weight: 0.0,
            word_ngrams: Ngrams { min: 1, max: 1 },
            ..Features::default()
        };
        let space = learn(&["wug dax", "dax wug blick", "dax"], &features);
        assert_eq!(space.word_lexicon().terms(), ["dax", "wug"]);
        assert!(space.char_lexicon().is_empty());
        assert!(space.word_lexicon().idf()[0] < space.word_lexicon().idf()[1]);
    }
}
