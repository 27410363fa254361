//! Which texts are nearly the same: shared word triples, or mostly shared words.
//!
//! **Source**: shingles and resemblance, Broder, On the Resemblance and Containment of Documents, 1997.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use classifier::words::words;

use crate::examples::in_halves;

/// Length of a shingle in words.
const SHINGLE: usize = 3;
/// Texts that share more than this of their shingles are near-copies.
const MAX_SHINGLES: f64 = 0.2;
/// Texts of some length that share more than this of their words are near-copies.
const MAX_WORDS: f64 = 0.55;
/// Texts with so few different words share them by chance.
const SHORT: usize = 7;
/// A shingle in more texts than this is a phrase of the language, or of a large family of near-copies.
const MAX_TEXTS: usize = 60;
/// Of texts that share such a phrase each is compared with only so many before it: a family is joined by that all the same,
/// link by link, while comparing all that say "please let me know" would take the square of their number.
const LAST_TEXTS: usize = 10;

/// Pairs `(earlier, later)` of texts that are near-copies, in order of the later one. Where texts share nothing
/// but phrases of more than 60 texts, each is compared only with the last few before it: [`groups`] joins them.
#[must_use]
pub fn near_copies(texts: &[String]) -> Vec<(usize, usize)> {
    let profiles: Vec<Profile> = in_halves(texts, |text| Profile::new(text));
    let texts_of = phrases(&profiles);
    let later: Vec<usize> = (0..texts.len()).collect();
    let copies_of = |&later: &usize| {
        let near = |earlier: &usize| profiles[*earlier].is_near(&profiles[later]);
        let candidates = earlier_with_a_phrase_of(later, &profiles, &texts_of);
        candidates
            .into_iter()
            .filter(near)
            .map(|earlier| (earlier, later))
            .collect::<Vec<_>>()
    };
    in_halves(&later, copies_of).into_iter().flatten().collect()
}

struct Profile {
    /// Hashes, ascending.
    shingles: Vec<u64>,
    /// Hashes, ascending.
    words: Vec<u64>,
}

impl Profile {
    fn new(text: &str) -> Self {
        let words = words(text);
        let shingle = |start: usize| hash(&words[start..(start + SHINGLE).min(words.len())]);
        let starts = words.len().saturating_sub(SHINGLE - 1).max(1);
        Self {
            shingles: ascending((0..starts).map(shingle)),
            words: ascending(words.iter().map(hash)),
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

fn ascending(hashes: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut hashes: Vec<u64> = hashes.collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// Shared among all, of two ascending lists.
fn resemblance(a: &[u64], b: &[u64]) -> f64 {
    let (mut i, mut j, mut shared) = (0, 0, 0_usize);
    while let (Some(left), Some(right)) = (a.get(i), b.get(j)) {
        i += usize::from(left <= right);
        j += usize::from(right <= left);
        shared += usize::from(left == right);
    }
    shared as f64 / (a.len() + b.len() - shared).max(1) as f64
}

/// The texts of each shingle, ascending; what only one text has is left out.
fn phrases(profiles: &[Profile]) -> HashMap<u64, Vec<u32>> {
    let mut texts_of: HashMap<u64, Vec<u32>> = HashMap::new();
    for (text, profile) in (0..).zip(profiles) {
        profile
            .shingles
            .iter()
            .for_each(|&shingle| texts_of.entry(shingle).or_default().push(text));
    }
    texts_of.retain(|_, texts| texts.len() > 1);
    texts_of
}

fn earlier_with_a_phrase_of(later: usize, profiles: &[Profile], texts_of: &HashMap<u64, Vec<u32>>) -> BTreeSet<usize> {
    let shared = profiles[later]
        .shingles
        .iter()
        .filter_map(|shingle| texts_of.get(shingle));
    shared
        .flat_map(|texts| last_before(later, texts))
        .map(|&text| text as usize)
        .collect()
}

/// Those to compare a text with, of the texts of one of its shingles.
fn last_before(later: usize, texts: &[u32]) -> &[u32] {
    let earlier = &texts[..texts.partition_point(|&text| (text as usize) < later)];
    let looked_at = if texts.len() > MAX_TEXTS { LAST_TEXTS } else { MAX_TEXTS };
    &earlier[earlier.len().saturating_sub(looked_at)..]
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

    #[test]
    fn a_large_family_is_one_group_without_comparing_all_with_all() {
        // Letters: digits would all look alike.
        let letter = |number: usize| char::from(b'a' + number as u8);
        let alert = |i: usize| {
            let client = [letter(i / 10), letter(i % 10)].iter().collect::<String>();
            format!("Backup job for client {client} failed last night, please look at the log file")
        };
        let texts: Vec<String> = (0..100).map(alert).collect();
        assert_eq!(groups(&texts), [0; 100]);
        assert!(near_copies(&texts).len() <= texts.len() * LAST_TEXTS);
    }
}
