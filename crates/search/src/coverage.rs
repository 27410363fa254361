//! How much of a query a text says, word by word, by the analysis that finds it.
//!
//! Unlike a BM25 score it does not depend on what else is in the collection, so it means the same among five points
//! and among a million.

use std::collections::HashSet;

use crate::forms::pieces;
use crate::marks::runs;
use crate::words::Words;

/// Share of the pieces of a word that another must have to be taken for the same one, mistyped.
const ALIKE: f32 = 0.4;
/// Words of a query that are looked for.
const QUERY_WORDS_MAX: usize = 64;

/// For each word of the query, each once and in their order, how much the text has it: 1 for the word in any of its
/// forms, for one like it the share of its pieces, else 0; none for a word that tells nothing. A run of words that no
/// space parts counts by the share of them. Of a long query the first words.
pub(crate) fn coverage(
    words: &Words,
    query: &str,
    query_language: Option<&str>,
    text: &str,
    text_language: Option<&str>,
) -> Vec<Option<f32>> {
    let said = Said::of(words, text, text_language);
    // A few words are easily taken for another language: the text's own analysis counts as well.
    let of_word = |word: String| {
        let of_query = words.stems(&word, query_language);
        let of_text = words.stems(&word, text_language);
        let is_stop_word = of_query.is_empty() || of_text.is_empty();
        let has = || match words.unspaced(&word).as_slice() {
            run @ [_, _, ..] => said.share(run),
            _ => said.has(&word, of_query.iter().chain(&of_text)),
        };
        (!is_stop_word).then(has)
    };
    distinct(query).take(QUERY_WORDS_MAX).map(of_word).collect()
}

/// The words of a text, each once.
fn distinct(text: &str) -> impl Iterator<Item = String> {
    let mut seen = HashSet::new();
    runs(text)
        .map(|run| text[run].to_lowercase())
        .filter(move |word| seen.insert(word.clone()))
}

/// What a text says.
struct Said {
    /// And what is in runs that no space parts, in whatever language the text is.
    stems: HashSet<u32>,
    pieces: Vec<Vec<u32>>,
}

impl Said {
    fn of(words: &Words, text: &str, language: Option<&str>) -> Self {
        let said: Vec<String> = distinct(text).collect();
        let stems = |word: &String| words.stems(word, language).into_iter().chain(words.unspaced(word));
        Said {
            stems: said.iter().flat_map(stems).collect(),
            pieces: said.iter().map(|word| pieces(word)).collect(),
        }
    }

    /// How many of these words it has, of all of them.
    fn share(&self, run: &[u32]) -> f32 {
        let has = run.iter().filter(|word| self.stems.contains(word)).count();
        has as f32 / run.len() as f32
    }

    fn has<'a>(&self, word: &str, mut stems: impl Iterator<Item = &'a u32>) -> f32 {
        if stems.any(|stem| self.stems.contains(stem)) {
            return 1.0;
        }
        let wanted = pieces(word);
        let shared = |other: &Vec<u32>| {
            let both = wanted.iter().filter(|piece| other.contains(piece)).count();
            both as f32 / wanted.len().max(other.len()).max(1) as f32
        };
        let most = self.pieces.iter().map(shared).fold(0.0, f32::max);
        if most >= ALIKE { most } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FormWeights;

    fn check(query: &str, text: &str, language: &str, expect: &[Option<f32>]) {
        let words = Words::new(FormWeights::default()).unwrap();
        let found = coverage(&words, query, Some(language), text, Some(language));
        assert_eq!(found, expect, "{query:?} in {text:?}");
    }

    const YES: Option<f32> = Some(1.0);
    const NO: Option<f32> = Some(0.0);

    #[test]
    fn telling_words_are_looked_for_in_any_form() {
        let text = "The receipt printer prints blank paper";
        check(
            "is the printer printing blanks?",
            text,
            "en",
            &[None, None, YES, YES, YES],
        );
        check("recipe for a cake", text, "en", &[NO, None, None, NO]);
        check("error TL-4410", "**TL-4410**: closed", "en", &[NO, YES, YES]);
        check("la factura de mayo", "Las facturas", "es", &[None, YES, None, NO]);
    }

    #[test]
    fn a_typo_counts_by_what_it_leaves() {
        for (typed, said) in [("subscripton", "your subscription"), ("scaner", "the scanner")] {
            let words = Words::new(FormWeights::default()).unwrap();
            let found = coverage(&words, typed, Some("en"), said, Some("en"));
            assert!(
                matches!(found[..], [Some(has)] if (ALIKE..1.0).contains(&has)),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_sentence_without_spaces_counts_by_its_words() {
        let share = |query: &str, text: &str, language: Option<&str>| {
            let words = Words::new(FormWeights::default()).unwrap();
            let found = coverage(&words, query, language, text, language);
            assert_eq!(found.len(), 1, "{query}");
            found[0].unwrap()
        };
        for language in [Some("zh"), None, Some("en")] {
            let right = share("如何重置我的密码", "重置密码：如何重置您的密码", language);
            let other = share("如何重置我的密码", "我的发票金额不对", language);
            assert!((0.5..1.0).contains(&right), "{language:?}: {right}");
            assert!((0.0..0.5).contains(&other), "{language:?}: {other}");
            assert_eq!(share("重置密码", "重置密码", language), 1.0);
        }
        assert!(share("請求書はどこですか", "プリンターが動かない", Some("ja")) < 0.5);
    }

    #[test]
    fn each_word_counts_once_and_a_long_query_by_its_first_words() {
        check("paper, Paper!", "paper", "en", &[YES]);
        let long: String = (0..200).map(|n| format!("word{n} ")).collect();
        let words = Words::new(FormWeights::default()).unwrap();
        assert_eq!(coverage(&words, &long, None, "word1", None).len(), QUERY_WORDS_MAX);
    }

    #[test]
    fn nothing_asks_for_nothing() {
        check("", "text", "en", &[]);
        check("the of and", "the text of it", "en", &[None, None, None]);
        check("text", "", "en", &[NO]);
    }
}
