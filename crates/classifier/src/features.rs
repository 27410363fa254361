//! Normalised words → sparse tf-idf features: word n-grams and character n-grams, two blocks of length one each.

use std::ops::{Range, RangeInclusive};

use language::concept;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::words::words;

/// First character of a concept among the word terms; no word begins with it.
pub const CONCEPT_MARK: char = '=';

/// One feature of a text: its index and its value.
pub type Feature = (u32, f32);

/// Which n-grams a head looks at.
///
/// **Persisted** in the head's manifest: the same text must give the same features for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ngrams {
    /// Shortest n-gram.
    pub min: usize,
    /// Longest n-gram; 0 switches the block off.
    pub max: usize,
}

impl Ngrams {
    /// No n-grams at all.
    pub const OFF: Self = Self { min: 1, max: 0 };

    fn range(self) -> RangeInclusive<usize> {
        self.min.max(1)..=self.max
    }
}

/// The kind of n-gram a block is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// Runs of whole words, and `=` with the concept of each word that has one.
    Words,
    /// Runs of characters inside one word, its edges marked by a blank.
    Chars,
}

/// Words in a row with a blank around each, so that every n-gram is a stretch of it.
struct Row {
    text: String,
    words: Vec<Range<usize>>,
}

impl Row {
    fn of(words: &[String]) -> Self {
        let bytes: usize = words.iter().map(|word| word.len() + 1).sum();
        let mut row = Row {
            text: String::with_capacity(bytes + 1),
            words: Vec::with_capacity(words.len()),
        };
        row.text.push(' ');
        for word in words {
            let start = row.text.len();
            row.text.push_str(word);
            row.words.push(start..row.text.len());
            row.text.push(' ');
        }
        row
    }
}

/// Calls `emit` with every n-gram of the text, repeated as often as it occurs.
pub fn each_term(block: Block, ngrams: Ngrams, words: &[String], emit: &mut impl FnMut(&str)) {
    let row = Row::of(words);
    match block {
        Block::Words => each_word_term(ngrams, &row, emit),
        Block::Chars => each_char_term(ngrams, &row, emit),
    }
}

fn each_word_term(ngrams: Ngrams, row: &Row, emit: &mut impl FnMut(&str)) {
    for n in ngrams.range() {
        let runs = row.words.windows(n);
        runs.for_each(|run| emit(&row.text[run[0].start..run[n - 1].end]));
    }
    if ngrams.max > 0 {
        let words = row.words.iter().map(|word| &row.text[word.clone()]);
        // Nearly every word has one.
        let mut marked = String::from(CONCEPT_MARK);
        words.filter_map(concept).for_each(|concept| {
            marked.truncate(CONCEPT_MARK.len_utf8());
            marked.push_str(concept);
            emit(&marked);
        });
    }
}

fn each_char_term(ngrams: Ngrams, row: &Row, emit: &mut impl FnMut(&str)) {
    let mut edges = Vec::new();
    for word in &row.words {
        let edged = &row.text[word.start - 1..word.end + 1];
        edges.clear();
        edges.extend(edged.char_indices().map(|(start, _)| start));
        edges.push(edged.len());
        for n in ngrams.range() {
            edges.windows(n + 1).for_each(|run| emit(&edged[run[0]..run[n]]));
        }
    }
}

/// A pruned vocabulary with the weight (inverse document frequency) of each term.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lexicon {
    index: FxHashMap<String, u32>,
    terms: Vec<String>,
    idf: Vec<f32>,
}

impl Lexicon {
    /// A lexicon whose term `i` has the weight `idf[i]`; the two are of one length.
    #[must_use]
    pub fn new(terms: Vec<String>, idf: Vec<f32>) -> Self {
        let index = terms.iter().cloned().zip(0..).collect();
        Self { index, terms, idf }
    }

    /// How many terms it knows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether it knows no term.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The terms by index.
    #[must_use]
    pub fn terms(&self) -> &[String] {
        &self.terms
    }

    /// Inverse document frequencies by index.
    #[must_use]
    pub fn idf(&self) -> &[f32] {
        &self.idf
    }

    /// The tf-idf vector of sorted terms, each as often as it occurs: indices ascending, Euclidean length one (empty
    /// where nothing is known).
    ///
    /// **Source**: sublinear term frequency, Manning, Raghavan and Schütze, Introduction to Information Retrieval, 6.4.1.
    fn weigh(&self, sorted: &[u32]) -> Vec<Feature> {
        let mut features: Vec<Feature> = sorted
            .chunk_by(u32::eq)
            .map(|same| (same[0], (1.0 + (same.len() as f32).ln()) * self.idf[same[0] as usize]))
            .collect();
        let length = features.iter().map(|(_, value)| value * value).sum::<f32>().sqrt();
        features.iter_mut().for_each(|(_, value)| *value /= length);
        features
    }
}

/// What a head sees of a text beside its embedding: a word block followed by a character block.
///
/// **Shape**: feature indices run `0..self.len()`, the character block behind the word block.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureSpace {
    blocks: [(Block, Ngrams, Lexicon); 2],
}

impl FeatureSpace {
    /// Joins the two vocabularies.
    #[must_use]
    pub fn new(word_ngrams: Ngrams, words: Lexicon, char_ngrams: Ngrams, chars: Lexicon) -> Self {
        Self {
            blocks: [(Block::Words, word_ngrams, words), (Block::Chars, char_ngrams, chars)],
        }
    }

    /// Number of features of both blocks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blocks.iter().map(|(_, _, lexicon)| lexicon.len()).sum()
    }

    /// Whether there are no lexical features (a head over the embedding alone).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The vocabulary of the word block.
    #[must_use]
    pub fn word_lexicon(&self) -> &Lexicon {
        &self.blocks[0].2
    }

    /// The vocabulary of the character block.
    #[must_use]
    pub fn char_lexicon(&self) -> &Lexicon {
        &self.blocks[1].2
    }

    /// The sparse features of a text, indices ascending, each block of length one or empty.
    #[must_use]
    pub fn features(&self, text: &str) -> Vec<Feature> {
        let words = words(text);
        let mut offset = 0;
        let mut features = Vec::new();
        for (block, ngrams, lexicon) in &self.blocks {
            let mut known = Vec::new();
            each_term(*block, *ngrams, &words, &mut |term| {
                known.extend(lexicon.index.get(term).copied());
            });
            known.sort_unstable();
            features.extend(
                lexicon
                    .weigh(&known)
                    .into_iter()
                    .map(|(term, value)| (term + offset, value)),
            );
            offset += lexicon.len() as u32;
        }
        features
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(block: Block, min: usize, max: usize, text: &str) -> Vec<String> {
        let mut terms = Vec::new();
        each_term(block, Ngrams { min, max }, &words(text), &mut |term| {
            terms.push(term.to_owned())
        });
        terms
    }

    fn lexicon(terms: &[&str]) -> Lexicon {
        Lexicon::new(
            terms.iter().map(|term| (*term).to_owned()).collect(),
            vec![1.0; terms.len()],
        )
    }

    #[test]
    fn words_pair_up_and_characters_stay_inside_words() {
        assert_eq!(
            terms(Block::Words, 1, 2, "wug blick dax"),
            ["wug", "blick", "dax", "wug blick", "blick dax"]
        );
        assert_eq!(
            terms(Block::Chars, 3, 4, "a fee"),
            [" a ", " fe", "fee", "ee ", " fee", "fee "]
        );
        assert!(terms(Block::Chars, 1, 0, "a fee").is_empty());
    }

    #[test]
    fn concepts_stand_beside_their_words() {
        assert_eq!(
            terms(Block::Words, 1, 1, "mi factura"),
            ["mi", "factura", "=my", "=invoice"]
        );
        assert_eq!(terms(Block::Words, 1, 0, "mi factura"), [""; 0]);
    }

    #[test]
    fn each_block_has_length_one_and_its_own_indices() {
        let space = FeatureSpace::new(
            Ngrams { min: 1, max: 1 },
            lexicon(&["invoice", "wrong"]),
            Ngrams { min: 3, max: 3 },
            lexicon(&["inv"]),
        );
        let features = space.features("Invoice, invoice: WRONG");
        let (first, second) = ((1.0 + 2.0_f32.ln()), 1.0_f32);
        let length = (first * first + second * second).sqrt();
        assert_eq!(features, [(0, first / length), (1, second / length), (2, 1.0)]);
        assert!(space.features("nothing known").is_empty());
    }
}
