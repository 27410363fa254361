//! A Spanish-English glossary: what was learnt from one language then counts in the other.
//!
//! An encoder that reads English makes little of Spanish; of the same words in English, in the order of the Spanish, it
//! makes much more. It is no translation and nobody is shown it.

use std::borrow::Cow;
use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::small_words::SmallWords;
use crate::{detect_by, spanish_marks};

/// The glossary, written for this project: a concept, which is a plain English word, a tab, and the beginnings of Spanish
/// and English words that mean it, in lower case and without accents. What was learnt through it depends on all of it.
pub const GLOSSARY: &str = include_str!("glossary.tsv");
/// Shorter words are looked up whole: their beginnings mean nothing.
const BEGINNING_MIN: usize = 4;
/// Longest beginning worth a look. **Units:** bytes.
const BEGINNING_MAX: usize = 14;

static CONCEPTS: LazyLock<FxHashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let entries = GLOSSARY.lines().filter_map(|line| line.split_once('\t'));
    entries
        .flat_map(|(concept, words)| words.split(' ').map(move |word| (word, concept)))
        .collect()
});

/// What a word in lower case and without accents means, where the glossary knows it: the whole word, else its longest known
/// beginning.
#[must_use]
pub fn concept(word: &str) -> Option<&'static str> {
    let beginnings = (BEGINNING_MIN..word.len().min(BEGINNING_MAX + 1)).rev();
    std::iter::once(Some(word))
        .chain(beginnings.map(|end| word.get(..end)))
        .flatten()
        .find_map(|beginning| CONCEPTS.get(beginning).copied())
}

/// A Spanish text word for word in English, as far as the glossary knows its words; any other text as it is.
#[must_use]
pub fn in_english(text: &str) -> Cow<'_, str> {
    if !is_surely_spanish(text) {
        return Cow::Borrowed(text);
    }
    let mut english = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_in_a_word) {
        let end = rest[start..]
            .find(|c| !is_in_a_word(c))
            .map_or(rest.len(), |length| start + length);
        let word = &rest[start..end];
        english.push_str(&rest[..start]);
        english.push_str(word_in_english(word).unwrap_or(word));
        rest = &rest[end..];
    }
    english.push_str(rest);
    Cow::Owned(english)
}

/// Whether a text is Spanish and says so by its small words or signs. Of a few names and nouns the detector makes anything,
/// and English that was taken for Spanish would be read wrongly; nor is whoever writes English kept waiting for it.
fn is_surely_spanish(text: &str) -> bool {
    let small = SmallWords::of(text);
    let says_so = small.spanish > small.english || (small.spanish == small.english && spanish_marks(text).is_some());
    says_so && detect_by(text, &small) == Some("es")
}

fn word_in_english(word: &str) -> Option<&'static str> {
    let is_of_a_code = word.contains(char::is_numeric) || (word.len() == 1 && word != word.to_lowercase());
    if is_of_a_code {
        return None;
    }
    let plain: String = word
        .chars()
        .flat_map(char::to_lowercase)
        .filter_map(without_accent)
        .collect();
    concept(&plain)
}

fn is_in_a_word(c: char) -> bool {
    c.is_alphanumeric() || is_accent(c)
}

/// An accent written as a character of its own behind the letter.
fn is_accent(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// A lower-case letter without the accents that Spanish has; none for an accent by itself.
fn without_accent(c: char) -> Option<char> {
    Some(match c {
        'á' | 'à' => 'a',
        'é' | 'è' => 'e',
        'í' | 'ì' => 'i',
        'ó' | 'ò' => 'o',
        'ú' | 'ù' | 'ü' => 'u',
        'ñ' => 'n',
        _ if is_accent(c) => return None,
        _ => c,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn both_languages_meet_in_one_concept() {
        assert_eq!(concept("facturas"), Some("invoice"));
        assert_eq!(concept("invoices"), Some("invoice"));
        assert_eq!(concept("contrasena"), concept("passwords"));
    }

    #[test]
    fn short_words_only_match_whole() {
        assert_eq!(concept("app"), Some("app"));
        assert_eq!(concept("apq"), None);
        assert_eq!(concept(""), None);
        assert_eq!(concept("😀"), None);
        assert_eq!(concept("ñoñoñoñoñoñoñoñoñoñoñoñoñoño"), None);
    }

    #[test]
    fn spanish_is_read_in_english_and_keeps_its_codes() {
        let read = in_english("¿Dónde veo la factura A-20931 de octubre? Contraseña: X9");
        assert_eq!(read, "¿where see the invoice A-20931 of october? password: X9");
    }

    #[test]
    fn an_accent_may_stand_behind_its_letter() {
        let composed = "No recuerdo la contraseña de mi cuenta";
        assert_eq!(in_english(&composed.replace('ñ', "n\u{303}")), in_english(composed));
    }

    #[test]
    fn other_languages_stay_as_they_are() {
        for text in [
            "The invoice of October is wrong, please send me a new one",
            "A fatura de outubro está errada, enviem-me por favor uma nova, obrigado",
            "Die Rechnung von Oktober ist falsch, bitte schicken Sie mir eine neue",
            "Support configurable SASL mechanism",
            "Java 17 runtime library upgrade prerequisites",
            "🙂 12345",
            "",
        ] {
            assert_eq!(in_english(text), text);
        }
    }

    #[test]
    fn the_glossary_is_well_written() {
        let mut concepts = HashMap::new();
        for (number, line) in (1..).zip(GLOSSARY.lines()) {
            let (concept, words) = line.split_once('\t').unwrap_or_else(|| panic!("line {number}: {line}"));
            assert!(
                !concept.is_empty() && concept.bytes().all(|b| b.is_ascii_lowercase()),
                "line {number}"
            );
            for word in words.split(' ') {
                assert!(
                    !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()),
                    "line {number}: {word}"
                );
                assert!(word.len() <= BEGINNING_MAX, "line {number}: {word}");
                let earlier = concepts.insert(word, concept);
                assert_eq!(earlier, None, "line {number}: {word} means two things");
            }
        }
        assert!(GLOSSARY.lines().is_sorted());
    }
}
