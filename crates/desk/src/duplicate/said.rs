//! What a ticket says, cut into words, identifiers and figures, and how rare each is.
//!
//! Rarity is counted within the candidates a ticket was given, so that what all of them say counts for little.

use std::collections::{BTreeSet, HashMap, HashSet};

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

/// What a ticket says, cut up.
pub(super) struct Said<'a> {
    pub(super) subject: HashSet<&'a str>,
    pub(super) words: HashSet<&'a str>,
    pub(super) identifiers: &'a Identifiers,
    pub(super) figures: &'a BTreeSet<String>,
}

impl<'a> From<&'a Lowered> for Said<'a> {
    fn from(lowered: &'a Lowered) -> Self {
        Said {
            subject: words(&lowered.subject),
            words: words(&lowered.text),
            identifiers: &lowered.identifiers,
            figures: &lowered.figures,
        }
    }
}

/// How many of the texts compared hold a word, an identifier, a figure.
#[derive(Default)]
pub(super) struct Pool<'a> {
    texts: usize,
    words: HashMap<&'a str, usize>,
    identifiers: HashMap<&'a str, usize>,
    figures: HashMap<&'a str, usize>,
}

impl<'a> Pool<'a> {
    pub(super) fn of<'b>(said: impl Iterator<Item = &'b Said<'a>>) -> Self
    where
        'a: 'b,
    {
        let mut pool = Pool::default();
        for said in said {
            pool.texts += 1;
            count(&mut pool.words, said.words.iter().copied());
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
        self.likeness(&one.words, &other.words, WORDS_SHORT * self.rarity(1))
    }

    fn likeness(&self, one: &HashSet<&str>, other: &HashSet<&str>, short_of: f64) -> f64 {
        let weight = |words: &mut dyn Iterator<Item = &&str>| self.weight(&self.words, &mut words.copied());
        let both = weight(&mut one.intersection(other));
        dice(both, weight(&mut one.iter()) + weight(&mut other.iter()), short_of)
    }

    /// Dice coefficient of identifiers by rarity, one of them never quite enough. **Units:** 0 to below 1.
    pub(super) fn identifier_likeness(&self, one: &Said<'_>, other: &Said<'_>) -> f64 {
        let weight = |keys: &mut dyn Iterator<Item = &str>| self.weight(&self.identifiers, keys);
        let both = weight(&mut one.identifiers.shared(other.identifiers).map(|(key, _)| key));
        let all = weight(&mut one.identifiers.keys()) + weight(&mut other.identifiers.keys());
        dice(both, all, 2.0 * self.rarity(1))
    }

    fn weight(&self, holders: &HashMap<&str, usize>, held: &mut dyn Iterator<Item = &str>) -> f64 {
        let mut rarities: Vec<f64> = held
            .map(|word| self.rarity(holders.get(word).copied().unwrap_or_default()))
            .collect();
        // Sets come in any order, and sums of floats depend on it.
        rarities.sort_by(f64::total_cmp);
        rarities.iter().sum()
    }

    fn rarity(&self, holders: usize) -> f64 {
        ((self.texts as f64 + 1.0) / (holders as f64 + 0.5)).ln()
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

fn dice(both: f64, all: f64, short_of: f64) -> f64 {
    if all > 0.0 { 2.0 * both / (all + short_of) } else { 0.0 }
}

fn count<'a>(counts: &mut HashMap<&'a str, usize>, held: impl Iterator<Item = &'a str>) {
    for word in held {
        *counts.entry(word).or_default() += 1;
    }
}

fn words(lowered: &str) -> HashSet<&str> {
    lowered
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() >= WORD_CHARS)
        .collect()
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
        let texts: Vec<Said<'_>> = texts.iter().map(Said::from).collect();
        let pool = Pool::of(texts.iter());
        for likeness in [Pool::subject_likeness, Pool::text_likeness] {
            let near = likeness(&pool, &texts[0], &texts[2]);
            let far = likeness(&pool, &texts[0], &texts[1]);
            assert!(near > far && far > 0.0, "{near} {far}");
        }
        let nothing = lowered("");
        let nothing = Said::from(&nothing);
        assert_eq!(pool.text_likeness(&nothing, &nothing), 0.0);
    }

    #[test]
    fn two_greetings_are_less_alike_than_two_reports() {
        let report = "the receipt printer beside the till stopped after the update yesterday evening";
        let texts = ["hello", "hello", report, report, "something else"].map(lowered);
        let texts: Vec<Said<'_>> = texts.iter().map(Said::from).collect();
        let pool = Pool::of(texts.iter());
        let greetings = pool.text_likeness(&texts[0], &texts[1]);
        let reports = pool.text_likeness(&texts[2], &texts[3]);
        assert!(greetings < 0.5 && reports > 0.6, "{greetings} {reports}");
    }
}
