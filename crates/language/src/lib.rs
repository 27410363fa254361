//! The language a text is written in, and Spanish words in English.

mod glossary;

use std::cmp::Ordering;

use whatlang::{Detector, Lang};

pub use glossary::{GLOSSARY, concept, in_english};

/// Letters below which any language but the two the desk speaks is a guess.
const LETTERS_TO_TRUST: usize = 24;

/// Words that hold English sentences together, of those that Spanish does not have.
const ENGLISH: &[&str] = &[
    "about", "after", "again", "am", "an", "and", "any", "are", "at", "be", "been", "before", "but", "by", "can",
    "cannot", "could", "did", "do", "does", "for", "from", "had", "have", "her", "his", "how", "i", "if", "in", "into",
    "is", "it", "its", "my", "not", "of", "off", "on", "or", "our", "out", "please", "she", "should", "since", "some",
    "thank", "thanks", "that", "the", "their", "them", "there", "these", "they", "this", "to", "under", "up", "us",
    "was", "we", "were", "what", "when", "where", "which", "who", "why", "will", "with", "would", "you", "your",
];
/// Words that hold Spanish sentences together, of those that English does not have.
const SPANISH: &[&str] = &[
    "al", "ayer", "como", "con", "cuando", "cuándo", "cómo", "de", "del", "desde", "donde", "dónde", "el", "ella",
    "ellos", "en", "era", "es", "esa", "ese", "eso", "esta", "estamos", "este", "esto", "estoy", "está", "están",
    "favor", "fue", "gracias", "hasta", "hay", "hola", "hoy", "la", "las", "le", "les", "lo", "los", "mi", "mis",
    "muy", "más", "nada", "ni", "nos", "nuestra", "nuestro", "para", "pero", "por", "porque", "puede", "puedo", "que",
    "quiero", "qué", "se", "sin", "sobre", "soy", "su", "sus", "sí", "también", "tengo", "tiene", "un", "una", "unas",
    "unos", "y", "ya", "yo",
];

/// The ISO 639-1 code of the text's language, or its ISO 639-3 code where it has no shorter one;
/// none where there is nothing to go by.
///
/// A text too short for trigrams is read as English or Spanish, the languages desks get, by the small words in it, for
/// over all languages a detector calls "printer broken" anything. **Source:** trigram detection by the `whatlang` crate.
pub fn detect(text: &str) -> Option<&'static str> {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    if letters < 3 {
        return None;
    }
    let open = Detector::new().detect(text)?;
    if open.script() != whatlang::Script::Latin || (letters >= LETTERS_TO_TRUST && open.is_reliable()) {
        return Some(code(open.lang()));
    }
    spanish_marks(text).or_else(|| small_words(text)).or_else(|| {
        let desk = Detector::with_allowlist(vec![Lang::Eng, Lang::Spa]).detect(text)?;
        Some(code(desk.lang()))
    })
}

/// Letters and signs that Spanish writes and English does not.
fn spanish_marks(text: &str) -> Option<&'static str> {
    text.contains(['ñ', 'Ñ', '¿', '¡']).then_some("es")
}

/// The language of which there are more small words; none where there are as many of both.
fn small_words(text: &str) -> Option<&'static str> {
    let Words { english, spanish } = Words::of(text);
    match english.cmp(&spanish) {
        Ordering::Greater => Some("en"),
        Ordering::Less => Some("es"),
        Ordering::Equal => None,
    }
}

/// How many small words of either language a text has.
#[derive(Default)]
struct Words {
    english: usize,
    spanish: usize,
}

impl Words {
    fn of(text: &str) -> Self {
        let mut words = Words::default();
        for word in text.split(|c: char| !c.is_alphabetic()) {
            let word = word.to_lowercase();
            words.english += usize::from(ENGLISH.binary_search(&word.as_str()).is_ok());
            words.spanish += usize::from(SPANISH.binary_search(&word.as_str()).is_ok());
        }
        words
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
    fn other_languages_are_named_and_nothing_is_nothing() {
        check(
            "Ich kann mich seit heute Morgen nicht mehr in meinem Konto anmelden, bitte helfen Sie mir",
            Some("de"),
        );
        check("Не могу войти в свою учётную запись", Some("ru"));
        check("🙂 12345", None);
        check("", None);
    }

    #[test]
    fn small_words_are_sorted_and_of_one_language() {
        assert!(ENGLISH.is_sorted() && SPANISH.is_sorted());
        assert!(ENGLISH.iter().all(|word| !SPANISH.contains(word)));
    }
}
