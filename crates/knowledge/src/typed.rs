//! What someone has typed so far: words that are compared without case and accents, the last one perhaps unfinished.

use std::collections::HashMap;
use std::ops::Range;

use search::folded;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

/// Words that are looked at, the last ones: titles are shorter.
pub(crate) const WORDS_MAX: usize = 16;
/// Words that say nothing by themselves in the languages of the desk, as [`folded`] writes them.
const STOP_WORDS: &[&str] = &[
    "a", "al", "an", "and", "are", "as", "at", "be", "by", "can", "como", "con", "cuando", "de", "del", "do", "does",
    "el", "en", "es", "esta", "este", "for", "from", "hay", "how", "i", "if", "in", "is", "it", "la", "las", "lo",
    "los", "me", "mi", "my", "no", "not", "of", "on", "or", "para", "pero", "por", "puedo", "que", "se", "si", "su",
    "sus", "that", "the", "this", "to", "un", "una", "we", "what", "when", "where", "why", "with", "y", "yo", "you",
    "your",
];

/// The words of a text that is being typed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Typed {
    /// As [`folded`] writes them, in their order.
    pub words: Vec<String>,
    /// Whether nothing follows the last word, so that it may go on.
    pub unfinished: bool,
    /// Where the last word begins in the text. **Units:** bytes.
    last: usize,
}

impl Typed {
    /// The words of what was typed.
    pub fn of(text: &str) -> Self {
        let runs: Vec<Range<usize>> = words(text).collect();
        let shown = &runs[runs.len().saturating_sub(WORDS_MAX)..];
        Typed {
            words: shown.iter().map(|run| folded(&text[run.clone()])).collect(),
            unfinished: runs.last().is_some_and(|run| run.end == text.len()),
            last: runs.last().map_or(0, |run| run.start),
        }
    }

    /// The last word, where it may go on.
    pub fn growing(&self) -> Option<&str> {
        self.words.last().filter(|_| self.unfinished).map(String::as_str)
    }

    /// `text`, which this was made of, before its last word.
    pub fn before_last<'t>(&self, text: &'t str) -> &'t str {
        text[..self.last].trim()
    }
}

/// Whether a word says nothing by itself.
pub(crate) fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

/// Where the words of a text are: runs of letters and digits, where no spaces are written each sign by itself.
/// **Units:** bytes. **Source** Unicode Standard Annex #29, section 4.
pub(crate) fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.unicode_word_indices().flat_map(move |(at, word)| {
        let mut from = at;
        word.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c))
            .filter_map(move |part| {
                let start = from;
                from += part.len() + text[start + part.len()..].chars().next().map_or(0, char::len_utf8);
                (!part.is_empty()).then_some(start..start + part.len())
            })
    })
}

/// The stretches of `text` that are among the words found, rising. A word that was found by its beginning is marked
/// as far as it was typed. **Units:** bytes.
pub(crate) fn marks(text: &str, found: &HashMap<String, usize>) -> Vec<Range<usize>> {
    let mark = |run: Range<usize>| {
        let typed = *found.get(&folded(&text[run.clone()]))?;
        Some(run.start..run.start + beginning(&text[run], typed))
    };
    words(text).filter_map(mark).collect()
}

/// The length of a word's beginning that has so many characters when folded. **Units:** bytes.
fn beginning(word: &str, folded_chars: usize) -> usize {
    let mut seen = 0;
    for (at, grapheme) in word.grapheme_indices(true) {
        if seen >= folded_chars {
            return at;
        }
        seen += folded(grapheme).chars().count();
    }
    word.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[&str], unfinished: bool) {
        let typed = Typed::of(text);
        assert_eq!(
            (typed.words, typed.unfinished),
            (expect.iter().map(ToString::to_string).collect(), unfinished)
        );
    }

    #[test]
    fn words_are_compared_without_case_and_accents() {
        check("Cómo CIERRO la caj", &["como", "cierro", "la", "caj"], true);
        check("error TL-4410 ", &["error", "tl", "4410"], false);
        check("ERR_47", &["err", "47"], true);
        check("don't?", &["don", "t"], false);
        check("日本 abc Привет", &["日", "本", "abc", "привет"], true);
        check(" ?!… ", &[], false);
        check("", &[], false);
    }

    #[test]
    fn the_last_words_of_a_long_text_count() {
        let typed = Typed::of(&format!("{}printer", "word ".repeat(4_000)));
        assert_eq!((typed.words.len(), typed.growing()), (WORDS_MAX, Some("printer")));
    }

    #[test]
    fn what_is_before_the_last_word_is_as_it_was_typed() {
        let text = " How do I  Print re";
        assert_eq!(Typed::of(text).before_last(text), "How do I  Print");
        assert_eq!(Typed::of("re").before_last("re"), "");
    }

    #[test]
    fn stop_words_are_sorted() {
        assert!(STOP_WORDS.is_sorted());
        assert!(is_stop_word("the") && is_stop_word("como") && !is_stop_word("till"));
    }

    #[test]
    fn a_word_is_marked_as_far_as_it_was_typed() {
        let found = HashMap::from([("facturacion".to_owned(), 3), ("caja".to_owned(), 4)]);
        let text = "La Facturación de la CAJA";
        let marked: Vec<_> = marks(text, &found).into_iter().map(|mark| &text[mark]).collect();
        assert_eq!(marked, ["Fac", "CAJA"]);
        assert_eq!(beginning("n\u{303}u", 1), "n\u{303}".len());
    }
}
