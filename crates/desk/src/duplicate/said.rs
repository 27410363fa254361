//! What a ticket says, cut into words, identifiers and figures, and how rare each is.
//!
//! Rarity is counted within the candidates a ticket was given, so that what all of them say counts for little.

use std::collections::{BTreeSet, HashMap};

use super::identifiers::{Identifiers, figures};
use super::telling::Telling;

/// Shortest word that counts. **Units:** characters.
const WORD_CHARS: usize = 3;
/// Rare words that two texts are short of being the same, whatever they say: a greeting is like any other greeting.
const WORDS_SHORT: f64 = 4.0;

/// The texts of a ticket in lower case, which [`Said`] is cut out of.
pub(super) struct Lowered {
    subject: String,
    text: String,
    identifiers: Identifiers,
    figures: BTreeSet<String>,
}

impl Lowered {
    pub(super) fn of(telling: &Telling<'_>) -> Self {
        let text = telling.text();
        Lowered {
            subject: telling.subject.to_lowercase(),
            identifiers: Identifiers::of(&text),
            figures: figures(&text),
            text: text.to_lowercase(),
        }
    }
}

/// The number of each word in the texts that are compared: numbers are compared sooner than words.
#[derive(Default)]
pub(super) struct Vocabulary<'a>(HashMap<&'a str, u32>);

/// What a ticket says, cut up.
pub(super) struct Said<'a> {
    subject: WordSet,
    words: WordSet,
    pub(super) identifiers: &'a Identifiers,
    pub(super) figures: &'a BTreeSet<String>,
}

/// Numbers of words, ascending, each once.
type WordSet = Vec<u32>;

impl<'a> Vocabulary<'a> {
    /// Cuts a ticket up by this vocabulary, which takes in its new words.
    pub(super) fn cut(&mut self, lowered: &'a Lowered) -> Said<'a> {
        Said {
            subject: self.words(&lowered.subject),
            words: self.words(&lowered.text),
            identifiers: &lowered.identifiers,
            figures: &lowered.figures,
        }
    }

    fn words(&mut self, lowered: &'a str) -> WordSet {
        let words = lowered.split(|c: char| !c.is_alphanumeric());
        let words = words.filter(|word| word.chars().nth(WORD_CHARS - 1).is_some());
        let mut numbers: WordSet = words.map(|word| self.number(word)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    fn number(&mut self, word: &'a str) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(word).or_insert(next)
    }
}

/// How many of the texts compared hold a word, an identifier, a figure.
pub(super) struct Pool<'a> {
    /// By the number of the word.
    words: Vec<usize>,
    identifiers: HashMap<&'a str, usize>,
    figures: HashMap<&'a str, usize>,
    /// By how many texts hold it.
    rarities: Vec<f64>,
}

impl<'a> Pool<'a> {
    /// Of texts cut up by one vocabulary.
    pub(super) fn of(texts: &[Said<'a>]) -> Self {
        let words = texts.iter().filter_map(|said| said.words.last());
        let mut pool = Pool {
            words: vec![0; words.max().map_or(0, |last| *last as usize + 1)],
            identifiers: HashMap::new(),
            figures: HashMap::new(),
            rarities: (0..=texts.len()).map(|holders| rarity(holders, texts.len())).collect(),
        };
        for said in texts {
            said.words.iter().for_each(|word| pool.words[*word as usize] += 1);
            count(&mut pool.identifiers, said.identifiers.keys());
            count(&mut pool.figures, said.figures.iter().map(String::as_str));
        }
        pool
    }

    /// Dice coefficient of subjects by rarity. **Units:** 0 to 1.
    pub(super) fn subject_likeness(&self, one: &Said<'_>, other: &Said<'_>) -> f64 {
        self.likeness(&one.subject, &other.subject, 0.0)
    }

    /// Dice coefficient of texts by rarity, short texts never quite the same. **Units:** 0 to below 1.
    pub(super) fn text_likeness(&self, one: &Said<'_>, other: &Said<'_>) -> f64 {
        self.likeness(&one.words, &other.words, WORDS_SHORT * self.rarities[1])
    }

    fn likeness(&self, one: &WordSet, other: &WordSet, short_of: f64) -> f64 {
        let weight = |word: &u32| {
            self.words
                .get(*word as usize)
                .map_or(0.0, |&texts| self.rarities[texts])
        };
        let both: f64 = one
            .iter()
            .filter(|word| other.binary_search(word).is_ok())
            .map(weight)
            .sum();
        let all: f64 = one.iter().chain(other).map(weight).sum();
        dice(both, all, short_of)
    }

    /// Dice coefficient of identifiers by rarity, one of them never quite enough. **Units:** 0 to below 1.
    pub(super) fn identifier_likeness(&self, one: &Said<'_>, other: &Said<'_>) -> f64 {
        let weight = |key: &str| self.identifiers.get(key).map_or(0.0, |&texts| self.rarities[texts]);
        let both: f64 = one
            .identifiers
            .shared(other.identifiers)
            .map(|(key, _)| weight(key))
            .sum();
        let all: f64 = one.identifiers.keys().chain(other.identifiers.keys()).map(weight).sum();
        dice(both, all, 2.0 * self.rarities[1])
    }

    /// The identifiers of both that at most `texts_max` of the texts hold, as the first writes them.
    pub(super) fn identifiers_in_both(&self, one: &Said<'_>, other: &Said<'_>, texts_max: usize) -> Vec<String> {
        let is_rare = |key: &str| self.identifiers.get(key).is_some_and(|texts| *texts <= texts_max);
        let both = one.identifiers.shared(other.identifiers);
        both.filter(|(key, _)| is_rare(key))
            .map(|(_, shown)| shown.to_owned())
            .collect()
    }

    /// The figures of both that at most `texts_max` of the texts hold.
    pub(super) fn figures_in_both(&self, one: &Said<'_>, other: &Said<'_>, texts_max: usize) -> Vec<String> {
        let is_rare = |figure: &&String| {
            self.figures
                .get(figure.as_str())
                .is_some_and(|texts| *texts <= texts_max)
        };
        one.figures
            .intersection(other.figures)
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

fn count<'a>(counts: &mut HashMap<&'a str, usize>, held: impl Iterator<Item = &'a str>) {
    for word in held {
        *counts.entry(word).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lowered(subject: &str) -> Lowered {
        Lowered::of(&Telling {
            subject,
            ..Telling::default()
        })
    }

    #[test]
    fn words_of_every_text_weigh_less_than_rare_ones() {
        let texts = [
            "printer offline",
            "printer jam",
            "printer offline again",
            "printer toner",
        ]
        .map(lowered);
        let nothing = lowered("");
        let mut vocabulary = Vocabulary::default();
        let texts: Vec<Said<'_>> = texts.iter().map(|text| vocabulary.cut(text)).collect();
        let pool = Pool::of(&texts);
        for likeness in [Pool::subject_likeness, Pool::text_likeness] {
            let near = likeness(&pool, &texts[0], &texts[2]);
            let far = likeness(&pool, &texts[0], &texts[1]);
            assert!(near > far && far > 0.0, "{near} {far}");
        }
        let nothing = vocabulary.cut(&nothing);
        assert_eq!(pool.text_likeness(&nothing, &nothing), 0.0);
    }

    #[test]
    fn two_greetings_are_less_alike_than_two_reports() {
        let report = "the receipt printer beside the till stopped after the update yesterday evening";
        let texts = ["hello", "hello", report, report, "something else"].map(lowered);
        let mut vocabulary = Vocabulary::default();
        let texts: Vec<Said<'_>> = texts.iter().map(|text| vocabulary.cut(text)).collect();
        let pool = Pool::of(&texts);
        let greetings = pool.text_likeness(&texts[0], &texts[1]);
        let reports = pool.text_likeness(&texts[2], &texts[3]);
        assert!(greetings < 0.5 && reports > 0.6, "{greetings} {reports}");
    }
}
