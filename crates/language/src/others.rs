//! Any language but English and Spanish, in a text about which the detector of all languages is not sure.

use whichlang::Lang;

use crate::code;
use crate::small_words::SmallWords;

/// Letters from which on a language counts that two detectors name.
const LETTERS_TO_AGREE: usize = 16;
/// Letters from which on one of them may name it alone.
const LETTERS_TO_NAME: usize = 24;
/// How sure the detector of all languages must be of one that the detector of the larger ones does not know.
const CONFIDENCE_MIN: f64 = 0.4;

/// What the detector of the larger languages knows, of those written in Latin letters, beside English and Spanish.
const LARGER: &[&str] = &["de", "fr", "it", "nl", "pt", "sv", "tr", "vi"];

/// Letters that neither English nor Spanish writes.
const LETTERS: &str = "àâãäåæçèêëìîïòôõöøùûýþßœăąćčđęěğıłńňőřśșşšťțůűźżž";

/// The language of a text that `open` is not sure of; none where it may be English or Spanish as well.
///
/// **Units:** `letters` is how many the text has.
pub(crate) fn detect(text: &str, letters: usize, open: &whatlang::Info, small: &SmallWords) -> Option<&'static str> {
    let named = Some(code(open.lang())).filter(is_other);
    let larger = of_larger(text).filter(is_other);
    let smaller = named.filter(|named| !LARGER.contains(named));
    if writes_letters_of_others(text) {
        return smaller.or(larger);
    }
    if named.is_none() || small.has_any_alone() {
        return None;
    }
    if letters >= LETTERS_TO_AGREE && larger == named {
        return named;
    }
    let smaller = smaller.filter(|_| open.confidence() > CONFIDENCE_MIN);
    smaller.or(larger).filter(|_| letters >= LETTERS_TO_NAME)
}

/// Whether a word has a letter of other languages. A name has it in English, too, so words with a capital do not count.
fn writes_letters_of_others(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_alphabetic());
    let mut small = words.filter(|word| !word.starts_with(char::is_uppercase));
    small.any(|word| !word.is_ascii() && word.contains(|c| LETTERS.contains(c)))
}

fn is_other(language: &&'static str) -> bool {
    !matches!(*language, "en" | "es")
}

/// Which of the larger languages written in Latin letters the text is in, by the detector of those alone.
pub(crate) fn of_larger(text: &str) -> Option<&'static str> {
    match whichlang::detect_language(text) {
        Lang::Eng => Some("en"),
        Lang::Spa => Some("es"),
        Lang::Deu => Some("de"),
        Lang::Fra => Some("fr"),
        Lang::Ita => Some("it"),
        Lang::Nld => Some("nl"),
        Lang::Por => Some("pt"),
        Lang::Swe => Some("sv"),
        Lang::Tur => Some("tr"),
        Lang::Vie => Some("vi"),
        _ => None,
    }
}
