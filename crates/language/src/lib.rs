//! The language a text is written in, and Spanish words in English.

mod glossary;
mod others;
mod small_words;

use std::cmp::Ordering;

use whatlang::{Detector, Lang};

pub use glossary::{GLOSSARY, concept, in_english};

use small_words::SmallWords;

/// Letters below which the detector of all languages is not believed, however sure it is.
const LETTERS_TO_TRUST: usize = 24;

/// The ISO 639-1 code of the text's language, or its ISO 639-3 code where it has no shorter one;
/// none where there is nothing to go by.
///
/// A text about which that detector is not sure is read as English or Spanish, the languages desks get, by the small
/// words in it, for over all languages a detector calls "printer broken" anything; unless two detectors call it
/// something else and nothing speaks for those two. **Source:** trigrams by the `whatlang` crate, and of the larger
/// languages hashed n-grams by `whichlang`, which are right on shorter texts.
pub fn detect(text: &str) -> Option<&'static str> {
    detect_by(text, &SmallWords::of(text))
}

/// As [`detect`], of a text whose small words are counted.
fn detect_by(text: &str, small: &SmallWords) -> Option<&'static str> {
    // Most of what a desk gets, and a detector compares a text with every language there is.
    if let Some(language) = small.plain_language() {
        return Some(language);
    }
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    if letters < 3 {
        return None;
    }
    let open = Detector::new().detect(text)?;
    if open.script() != whatlang::Script::Latin || (letters >= LETTERS_TO_TRUST && open.is_reliable()) {
        return Some(code(open.lang()));
    }
    // English has them too, in the name of a person.
    let marks = spanish_marks(text).filter(|_| small.spanish >= small.english);
    marks
        .or_else(|| others::detect(text, letters, &open, small))
        .or_else(|| more_of(small))
        .or_else(|| english_or_spanish(text))
}

fn english_or_spanish(text: &str) -> Option<&'static str> {
    let larger = others::of_larger(text).filter(|language| matches!(*language, "en" | "es"));
    larger.or_else(|| {
        let desk = Detector::with_allowlist(vec![Lang::Eng, Lang::Spa]).detect(text)?;
        Some(code(desk.lang()))
    })
}

/// Letters and signs that Spanish writes and English does not, unless it names somebody.
fn spanish_marks(text: &str) -> Option<&'static str> {
    text.contains(['ñ', 'Ñ', '¿', '¡']).then_some("es")
}

/// The language of which there are more small words; none where there are as many of both.
fn more_of(small: &SmallWords) -> Option<&'static str> {
    match small.english.cmp(&small.spanish) {
        Ordering::Greater => Some("en"),
        Ordering::Less => Some("es"),
        Ordering::Equal => None,
    }
}

fn code(lang: Lang) -> &'static str {
    match lang {
        Lang::Eng => "en",
        Lang::Spa => "es",
        Lang::Por => "pt",
        Lang::Fra => "fr",
        Lang::Deu => "de",
        Lang::Ita => "it",
        Lang::Nld => "nl",
        Lang::Cat => "ca",
        Lang::Rus => "ru",
        Lang::Ukr => "uk",
        Lang::Pol => "pl",
        Lang::Cmn => "zh",
        Lang::Jpn => "ja",
        Lang::Kor => "ko",
        Lang::Ara => "ar",
        Lang::Heb => "he",
        Lang::Tur => "tr",
        Lang::Hin => "hi",
        Lang::Swe => "sv",
        Lang::Dan => "da",
        Lang::Ell => "el",
        Lang::Ces => "cs",
        Lang::Hun => "hu",
        Lang::Ron => "ro",
        Lang::Vie => "vi",
        Lang::Nob => "nb",
        Lang::Fin => "fi",
        other => other.code(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<&str>) {
        assert_eq!(detect(text), expect, "{text:?}");
    }

    #[test]
    fn the_desks_languages_are_told_apart_even_in_a_few_words() {
        check("The printer is broken", Some("en"));
        check("I cannot log in to my account since this morning", Some("en"));
        check("No puedo entrar en mi cuenta desde esta mañana", Some("es"));
        check("¿factura?", Some("es"));
        check("la impresora no funciona, ayuda por favor", Some("es"));
        check("Our receipt printer prints blank receipts. What can we do?", Some("en"));
        check("Could you post it?", Some("en"));
        check("yo no fui, alguien metio archivos", Some("es"));
    }

    #[test]
    fn a_name_with_a_tilde_makes_no_english_sentence_spanish() {
        check("Can I invite Muñoz to my team?", Some("en"));
        check("Is Señor Peña in the office?", Some("en"));
        check("Muñoz", Some("es"));
        check("¿Cómo añado a Smith and Sons?", Some("es"));
    }

    #[test]
    fn other_languages_are_named_and_nothing_is_nothing() {
        check(
            "Ich kann mich seit heute Morgen nicht mehr in meinem Konto anmelden, bitte helfen Sie mir",
            Some("de"),
        );
        check("Не могу войти в свою учётную запись", Some("ru"));
        check(
            "Wann bekomme ich mein Geld für die stornierte Bestellung zurück?",
            Some("de"),
        );
        check("Dove trovo la fattura di settembre?", Some("it"));
        check("Kunt u mij helpen met het instellen van mijn router?", Some("nl"));
        check(
            "Hvor finder jeg fakturaen for september? Jeg har ikke fået den",
            Some("da"),
        );
        check("A impressora não funciona", Some("pt"));
        check("🙂 12345", None);
        check("", None);
    }
}
