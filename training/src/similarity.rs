//! Which texts are nearly the same: shared word triples, or mostly shared words.
//!
//! **Source**: shingles and resemblance, Broder, On the Resemblance and Containment of Documents, 1997.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use classifier::words::words;

/// Length of a shingle in words.
const SHINGLE: usize = 3;
/// Texts that share more than this of their shingles are near-copies.
const MAX_SHINGLES: f64 = 0.2;
/// Texts of some length that share more than this of their words are near-copies.
const MAX_WORDS: f64 = 0.55;
/// Texts with so few different words share them by chance.
const SHORT: usize = 7;
/// A shingle in more texts than this is a phrase of the language.
const MAX_TEXTS: usize = 60;

/// Pairs `(earlier, later)` of texts that are near-copies, in order.
#[must_use]
pub fn near_copies(texts: &[String]) -> Vec<(usize, usize)> {
    let profiles: Vec<Profile> = texts.iter().map(|text| Profile::new(text)).collect();
    let mut pairs = Vec::new();
    for (earlier, later) in candidates(&profiles) {
        if profiles[earlier].is_near(&profiles[later]) {
            pairs.push((earlier, later));
        }
    }
    pairs
}

struct Profile {
    shingles: BTreeSet<u64>,
    words: BTreeSet<u64>,
}

impl Profile {
    fn new(text: &str) -> Self {
        let words = words(text);
        let shingle = |start: usize| hash(&words[start..(start + SHINGLE).min(words.len())]);
        let starts = words.len().saturating_sub(SHINGLE - 1).max(1);
        Self {
            shingles: (0..starts).map(shingle).collect(),
            words: words.iter().map(hash).collect(),
        }
    }

    fn is_near(&self, other: &Self) -> bool {
        let is_short = self.words.len().min(other.words.len()) <= SHORT;
        let is_same = self.words == other.words;
        let shares_shingles = resemblance(&self.shingles, &other.shingles) > MAX_SHINGLES;
        let shares_words = resemblance(&self.words, &other.words) > MAX_WORDS;
        is_same || (!is_short && (shares_shingles || shares_words))
    }
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn resemblance(a: &BTreeSet<u64>, b: &BTreeSet<u64>) -> f64 {
    let shared = a.intersection(b).count();
    shared as f64 / (a.len() + b.len() - shared).max(1) as f64
}

fn candidates(profiles: &[Profile]) -> BTreeSet<(usize, usize)> {
    let mut texts_of: HashMap<u64, Vec<usize>> = HashMap::new();
    for (text, profile) in profiles.iter().enumerate() {
        profile
            .shingles
            .iter()
            .for_each(|&shingle| texts_of.entry(shingle).or_default().push(text));
    }
    let shared = texts_of.values().filter(|texts| texts.len() <= MAX_TEXTS);
    shared
        .flat_map(|texts| {
            let pairs_of = |(position, &later): (usize, &usize)| {
                texts[..position]
                    .iter()
                    .map(move |&earlier| (earlier, later))
                    .collect::<Vec<_>>()
            };
            texts.iter().enumerate().flat_map(pairs_of)
        })
        .collect()
}

/// The group of each text: near-copies, and copies of copies, share one.
#[must_use]
pub fn groups(texts: &[String]) -> Vec<usize> {
    let mut parent: Vec<usize> = (0..texts.len()).collect();
    for (a, b) in near_copies(texts) {
        let (a, b) = (root(&parent, a), root(&parent, b));
        parent[a.max(b)] = a.min(b);
    }
    (0..texts.len()).map(|text| root(&parent, text)).collect()
}

fn root(parent: &[usize], mut text: usize) -> usize {
    while parent[text] != text {
        text = parent[text];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_slot_filled_template_is_found() {
        let texts = texts(&[
            "Hello, my order 4711 of the blue lamp has not arrived yet, please tell me where it is",
            "The invoice for March has our old address on it and the tax number is missing as well",
            "Hello, my order 9023 of the green chair has not arrived yet, please tell me where it is",
            "thanks, works now",
        ]);
        assert_eq!(near_copies(&texts), [(0, 2)]);
        assert_eq!(groups(&texts), [0, 1, 0, 3]);
    }
}
