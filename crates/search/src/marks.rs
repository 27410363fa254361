//! Where a text has the words of a query, by the same analysis that found it.

use std::collections::HashSet;
use std::ops::Range;

use crate::forms::is_stem;
use crate::words::Words;

/// The stretches of `text` that are words of `query`, in their order. **Units:** bytes.
pub(crate) fn marks(
    words: &Words,
    text: &str,
    text_language: Option<&str>,
    query: &str,
    query_language: Option<&str>,
) -> Vec<Range<usize>> {
    // A few words are easily taken for another language: the text's own analysis counts as well.
    let wanted: HashSet<u32> = [query_language, text_language]
        .into_iter()
        .flat_map(|language| stems(words.query(query, language).indices))
        .collect();
    let plain: HashSet<String> = runs(query)
        .map(|run| query[run].to_lowercase())
        .filter(|word| word.chars().any(|c| c.is_ascii_digit()))
        .collect();
    runs(text)
        .filter(|run| {
            let word = &text[run.clone()];
            plain.contains(&word.to_lowercase())
                || stems(words.document(word, text_language).indices).any(|stem| wanted.contains(&stem))
        })
        .collect()
}

fn stems(indices: Vec<u32>) -> impl Iterator<Item = u32> {
    indices.into_iter().filter(|index| is_stem(*index))
}

/// The runs of letters and digits; what joins the parts of a code is within it.
pub(crate) fn runs(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    text.split(|c: char| !c.is_alphanumeric()).filter_map(move |word| {
        let at = from + text[from..].find(word)?;
        from = at + word.len();
        (!word.is_empty()).then_some(at..from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FormWeights;

    fn check(text: &str, query: &str, language: &str, expect: &[&str]) {
        let words = Words::new(FormWeights::default()).unwrap();
        let found = marks(&words, text, Some(language), query, Some(language));
        let found: Vec<_> = found.into_iter().map(|mark| &text[mark]).collect();
        assert_eq!(found, expect, "{query:?} in {text:?}");
    }

    #[test]
    fn stems_are_marked_and_stop_words_are_not() {
        check(
            "The printers were jammed.",
            "why is the printer jamming",
            "en",
            &["printers", "jammed"],
        );
        check(
            "Las facturas de mayo",
            "la factura de mayo",
            "es",
            &["facturas", "mayo"],
        );
    }

    #[test]
    fn a_query_taken_for_another_language_marks_all_the_same() {
        let words = Words::new(FormWeights::default()).unwrap();
        let text = "Turn the paper round.";
        let found = marks(&words, text, Some("en"), "printer prints blank paper", Some("es"));
        assert_eq!(found.into_iter().map(|mark| &text[mark]).collect::<Vec<_>>(), ["paper"]);
    }

    #[test]
    fn codes_are_marked() {
        check("See **TL-4410** and 4402.", "tl-4410", "en", &["TL", "4410"]);
    }

    #[test]
    fn nothing_marks_nothing() {
        check("Some text.", "", "en", &[]);
        check("", "text", "en", &[]);
    }
}
