//! Which texts are nearly the same: shared word triples, or mostly shared words.
//!
//! **Source**: shingles and resemblance, Broder, On the Resemblance and Containment of Documents, 1997.

use std::collections::{BTreeMap, HashMap};
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
/// Texts that share nothing but such phrases are of one family if these are more than this of their shingles.
const MAX_PHRASES: f64 = 0.5;
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
        let near = |&(&earlier, &shares): &(&usize, &Shares)| profiles[earlier].is_near(&profiles[later], shares);
        let candidates = earlier_with_a_phrase_of(later, &profiles, &texts_of);
        candidates
            .iter()
            .filter(near)
            .map(|(&earlier, _)| (earlier, later))
            .collect::<Vec<_>>()
    };
    in_halves(&later, copies_of).into_iter().flatten().collect()
}

/// What two texts have in common at the most telling.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shares {
    /// Phrases that many texts have.
    Phrases,
    /// One that few have.
    Rare,
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

    fn is_near(&self, other: &Self, shares: Shares) -> bool {
        let is_short = self.words.len().min(other.words.len()) <= SHORT;
        let is_same = self.words == other.words;
        let shingles = resemblance(&self.shingles, &other.shingles);
        let is_like = match shares {
            Shares::Phrases => shingles > MAX_PHRASES,
            Shares::Rare => shingles > MAX_SHINGLES || resemblance(&self.words, &other.words) > MAX_WORDS,
        };
        is_same || (!is_short && is_like)
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

/// Those before a text that it is compared with, ascending.
fn earlier_with_a_phrase_of(
    later: usize,
    profiles: &[Profile],
    texts_of: &HashMap<u64, Vec<u32>>,
) -> BTreeMap<usize, Shares> {
    let mut found = BTreeMap::new();
    let shared = profiles[later].shingles.iter();
    for texts in shared.filter_map(|shingle| texts_of.get(shingle)) {
        let earlier = &texts[..texts.partition_point(|&text| (text as usize) < later)];
        let (shares, looked_at) = if texts.len() > MAX_TEXTS {
            (Shares::Phrases, LAST_TEXTS)
        } else {
            (Shares::Rare, MAX_TEXTS)
        };
        for &text in &earlier[earlier.len().saturating_sub(looked_at)..] {
            let known = found.entry(text as usize).or_insert(shares);
            *known = shares.max(*known);
        }
    }
    found
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

    /// Two letters: digits would all look alike.
    fn name(i: usize) -> String {
        [i / 10, i % 10]
            .map(|digit| char::from(b'a' + digit as u8))
            .iter()
            .collect()
    }

    #[test]
    fn a_large_family_is_one_group_without_comparing_all_with_all() {
        let alert = |i| {
            format!(
                "Backup job for client {} failed last night, please look at the log file",
                name(i)
            )
        };
        let texts: Vec<String> = (0..100).map(alert).collect();
        assert_eq!(groups(&texts), [0; 100]);
        assert!(near_copies(&texts).len() <= texts.len() * LAST_TEXTS);
    }

    #[test]
    fn what_many_letters_begin_and_end_with_makes_no_family() {
        let letter = |i| {
            let matter = ["one", "two", "three", "four", "five", "six", "seven", "eight"];
            let matter = matter.map(|word| word.to_owned() + &name(i)).join(" ");
            format!("Dear customer support team, please {matter} thank you all in advance")
        };
        let texts: Vec<String> = (0..100).map(letter).collect();
        assert_eq!(groups(&texts), (0..100).collect::<Vec<_>>());
    }
}
