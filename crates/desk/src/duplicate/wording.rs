//! What a ticket says, cut into words, identifiers and figures, and how rare each is.
//!
//! Rarity is counted within the candidates a ticket was given, so that what all of them say counts for little.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher};

use rustc_hash::FxHashMap;

use super::identifiers::{Identifiers, figures};

/// Shortest word that counts. **Units:** characters.
const WORD_CHARS: usize = 3;
/// Rare words that two texts are short of being the same, whatever they say: a greeting is like any other greeting.
const WORDS_SHORT: f64 = 4.0;

/// What a ticket says, cut up once however often it is compared.
#[derive(Debug, Default, PartialEq)]
pub struct Wording {
    subject: WordSet,
    words: WordSet,
    pub(super) identifiers: Identifiers,
    pub(super) figures: BTreeSet<String>,
}

/// Words as numbers, which are compared sooner than words; ascending, each once.
type WordSet = Vec<u64>;

impl Wording {
    /// What a ticket of this subject and body says.
    pub fn of(subject: &str, body: &str) -> Self {
        let text = crate::text::joined(subject, body);
        Wording {
            subject: words(subject),
            words: words(&text),
            identifiers: Identifiers::of(&text),
            figures: figures(&text),
        }
    }

    /// Whether its subject has any words.
    pub(super) fn has_subject(&self) -> bool {
        !self.subject.is_empty()
    }
}

fn words(text: &str) -> WordSet {
    let lowered = text.to_lowercase();
    let words = lowered.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| word.chars().nth(WORD_CHARS - 1).is_some());
    let mut numbers: WordSet = words.map(number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Of 64 bits: two words of one desk that share theirs are not to be expected.
fn number(word: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(word.as_bytes());
    hasher.finish()
}

/// How many of the texts compared hold a word, an identifier, a figure.
pub(super) struct Pool<'a> {
    words: FxHashMap<u64, usize>,
    identifiers: HashMap<&'a str, usize>,
    figures: HashMap<&'a str, usize>,
    /// By how many texts hold it.
    rarities: Vec<f64>,
}

impl<'a> Pool<'a> {
    /// Of the texts that are compared.
    pub(super) fn of(texts: &[&'a Wording]) -> Self {
        let mut pool = Pool {
            words: FxHashMap::default(),
            identifiers: HashMap::new(),
            figures: HashMap::new(),
            rarities: (0..=texts.len()).map(|holders| rarity(holders, texts.len())).collect(),
        };
        for said in texts {
            count(&mut pool.words, said.words.iter().copied());
            count(&mut pool.identifiers, said.identifiers.keys());
            count(&mut pool.figures, said.figures.iter().map(String::as_str));
        }
        pool
    }

    /// Dice coefficient of subjects by rarity. **Units:** 0 to 1.
    pub(super) fn subject_likeness(&self, one: &Wording, other: &Wording) -> f64 {
        self.likeness(&one.subject, &other.subject, 0.0)
    }

    /// Dice coefficient of texts by rarity, short texts never quite the same. **Units:** 0 to below 1.
    pub(super) fn text_likeness(&self, one: &Wording, other: &Wording) -> f64 {
        self.likeness(&one.words, &other.words, WORDS_SHORT * self.rarities[1])
    }

    fn likeness(&self, one: &WordSet, other: &WordSet, short_of: f64) -> f64 {
        let weight = |word: &u64| self.words.get(word).map_or(0.0, |&texts| self.rarities[texts]);
        let both: f64 = one
            .iter()
            .filter(|word| other.binary_search(word).is_ok())
            .map(weight)
            .sum();
        let all: f64 = one.iter().chain(other).map(weight).sum();
        dice(both, all, short_of)
    }

    /// Dice coefficient of identifiers by rarity, one of them never quite enough. **Units:** 0 to below 1.
    pub(super) fn identifier_likeness(&self, one: &Wording, other: &Wording) -> f64 {
        let weight = |key: &str| self.identifiers.get(key).map_or(0.0, |&texts| self.rarities[texts]);
        let both: f64 = one
            .identifiers
            .shared(&other.identifiers)
            .map(|(key, _)| weight(key))
            .sum();
        let all: f64 = one.identifiers.keys().chain(other.identifiers.keys()).map(weight).sum();
        dice(both, all, 2.0 * self.rarities[1])
    }

    /// The identifiers of both that at most `texts_max` of the texts hold, as the first writes them.
    pub(super) fn identifiers_in_both(&self, one: &Wording, other: &Wording, texts_max: usize) -> Vec<String> {
        let is_rare = |key: &str| self.identifiers.get(key).is_some_and(|texts| *texts <= texts_max);
        let both = one.identifiers.shared(&other.identifiers);
        both.filter(|(key, _)| is_rare(key))
            .map(|(_, shown)| shown.to_owned())
            .collect()
    }

    /// The figures of both that at most `texts_max` of the texts hold.
    pub(super) fn figures_in_both(&self, one: &Wording, other: &Wording, texts_max: usize) -> Vec<String> {
        let is_rare = |figure: &&String| {
            self.figures
                .get(figure.as_str())
                .is_some_and(|texts| *texts <= texts_max)
        };
        one.figures
            .intersection(&other.figures)
            .filter(is_rare)
            .cloned()
            .collect()
    }
}

fn rarity(holders: usize, texts: usize) -> f64 {
    ((texts as f64 + 1.0) / (holders as f64 + 0.5)).ln()
}

fn dice(both: f64, all: f64, short_of: f64) -> f64 {
    if all > 0.0 { 2.0 * both / (all + short_of) } else { 0.0 }
}

fn count<K: Eq + Hash, S: BuildHasher>(counts: &mut HashMap<K, usize, S>, held: impl Iterator<Item = K>) {
    for one in held {
        *counts.entry(one).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_every_text_weigh_less_than_rare_ones() {
        let subjects = [
            "printer offline",
            "printer jam",
            "Printer OFFLINE again",
            "printer toner",
        ];
        let texts = subjects.map(|subject| Wording::of(subject, ""));
        let pool = Pool::of(&texts.each_ref());
        for likeness in [Pool::subject_likeness, Pool::text_likeness] {
            let near = likeness(&pool, &texts[0], &texts[2]);
            let far = likeness(&pool, &texts[0], &texts[1]);
            assert!(near > far && far > 0.0, "{near} {far}");
        }
        let nothing = Wording::default();
        assert_eq!(pool.text_likeness(&nothing, &nothing), 0.0);
    }

    #[test]
    fn two_greetings_are_less_alike_than_two_reports() {
        let report = "the receipt printer beside the till stopped after the update yesterday evening";
        let texts = ["hello", "hello", report, report, "something else"].map(|body| Wording::of("", body));
        let pool = Pool::of(&texts.each_ref());
        let greetings = pool.text_likeness(&texts[0], &texts[1]);
        let reports = pool.text_likeness(&texts[2], &texts[3]);
        assert!(greetings < 0.5 && reports > 0.6, "{greetings} {reports}");
    }
}
