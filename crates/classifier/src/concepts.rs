//! Words that mean the same in English and Spanish: what is learnt from one language then counts in the other.
//!
//! The encoder reads English; without this a head learns Spanish from Spanish tickets alone.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

/// The glossary, written for this project.
const GLOSSARY: &str = include_str!("concepts.tsv");
/// Shorter words are looked up whole: their beginnings mean nothing.
const MIN_BEGINNING: usize = 4;

static CONCEPTS: LazyLock<FxHashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let lines = GLOSSARY.lines().filter(|line| !line.starts_with('#'));
    let entries = lines.filter_map(|line| line.split_once('\t'));
    entries
        .flat_map(|(concept, words)| words.split(' ').map(move |word| (word, concept)))
        .collect()
});

/// What a normalised word means, where the glossary knows it: the whole word, else its longest known beginning.
#[must_use]
pub fn concept(word: &str) -> Option<&'static str> {
    let beginnings = word.char_indices().map(|(end, _)| &word[..end]).skip(MIN_BEGINNING);
    let candidates = std::iter::once(word).chain(beginnings.collect::<Vec<_>>().into_iter().rev());
    candidates
        .into_iter()
        .find_map(|beginning| CONCEPTS.get(beginning).copied())
}

#[cfg(test)]
mod tests {
    use super::concept;

    #[test]
    fn both_languages_meet_in_one_concept() {
        assert_eq!(concept("facturas"), Some("invoice"));
        assert_eq!(concept("invoices"), Some("invoice"));
        assert_eq!(concept("contrasena"), concept("passwords"));
    }

    #[test]
    fn short_words_only_match_whole() {
        assert_eq!(concept("app"), Some("app"));
        assert_eq!(concept("appetite"), None);
        assert_eq!(concept(""), None);
        assert_eq!(concept("😀"), None);
    }
}
