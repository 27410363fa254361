//! Forms of words beside their stems: pairs of neighbours, pieces of words and codes (see [`crate::codes`]).
//!
//! Pairs tell a phrase from its scattered words, and pieces of four characters survive a typo and join an accented word
//! to its plain spelling. Each form is a hash with its highest bit set ([`FORM_BIT`]), so that none meets a stem.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Set in the hash of every form and in none of a stem, which has 31 bits. **Persisted** in every stored vector.
pub(crate) const FORM_BIT: u32 = 0x8000_0000;
/// Characters of a piece of a word. **Persisted** in every stored vector.
const PIECE_CHARS: usize = 4;
/// Letters a word needs to be cut into pieces. **Persisted**.
const PIECED_LETTERS_MIN: usize = 4;

/// What kind of form; kinds never share a hash by design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Two words that follow each other, stop words among them.
    Pair,
    /// Part of a word.
    Piece,
    /// An identifier.
    Code,
}

/// The words of a text as they are compared: lower case, without accents.
pub(crate) fn plain_words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(folded)
        .collect()
}

/// A text as words are compared: lower case without accents.
pub fn folded(word: &str) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    word.nfd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Every pair of neighbouring words, in their order.
pub(crate) fn pairs(words: &[String]) -> Vec<u32> {
    words
        .windows(2)
        .map(|pair| hash(Kind::Pair, &[&pair[0], " ", &pair[1]]))
        .collect()
}

/// The pieces of a word, its ends marked; a word with a digit has none, because a code nearly right is wrong.
pub(crate) fn pieces(word: &str) -> Vec<u32> {
    let word = folded(word);
    if word.chars().count() < PIECED_LETTERS_MIN || word.chars().any(|c| c.is_ascii_digit()) {
        return Vec::new();
    }
    let marked = format!("^{word}$");
    let edges: Vec<usize> = marked.char_indices().map(|(at, _)| at).chain([marked.len()]).collect();
    edges
        .windows(PIECE_CHARS + 1)
        .map(|piece| hash(Kind::Piece, &[&marked[piece[0]..piece[PIECE_CHARS]]]))
        .collect()
}

/// The phrases between quotation marks, as words.
pub(crate) fn quoted(text: &str) -> Vec<Vec<String>> {
    text.split(['"', '“', '”', '«', '»'])
        .skip(1)
        .step_by(2)
        .map(plain_words)
        .filter(|words| !words.is_empty())
        .collect()
}

/// FNV-1a of the kind and the parts, the highest bit set.
///
/// **Source** Fowler, Noll and Vo, *The FNV Non-Cryptographic Hash Algorithm* (draft-eastlake-fnv). **Persisted**.
pub(crate) fn hash(kind: Kind, parts: &[&str]) -> u32 {
    let start = 0x811c_9dc5_u32 ^ kind as u32;
    let bytes = parts.iter().flat_map(|part| part.bytes());
    let hash = bytes.fold(start.wrapping_mul(0x0100_0193), |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash | FORM_BIT
}

/// Whether the index of a sparse vector is of a stem and not of another form.
pub(crate) fn is_stem(index: u32) -> bool {
    index & FORM_BIT == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::codes;

    #[test]
    fn accents_and_case_do_not_matter() {
        assert_eq!(plain_words("Facturación, ÉL"), ["facturacion", "el"]);
        assert_eq!(pieces("Facturación"), pieces("facturacion"));
    }

    #[test]
    fn a_typo_leaves_most_pieces() {
        let (right, wrong) = (pieces("subscription"), pieces("subscripton"));
        let shared = wrong.iter().filter(|piece| right.contains(piece)).count();
        assert!(shared * 2 > wrong.len(), "{shared} of {}", wrong.len());
    }

    #[test]
    fn a_word_with_a_digit_has_no_pieces() {
        assert!(pieces("a99817").is_empty());
    }

    #[test]
    fn quotes_hold_phrases() {
        assert_eq!(
            quoted(r#"he said "could not Connect" twice"#),
            [["could", "not", "connect"]]
        );
        assert_eq!(quoted("«sin conexión» y “otra vez”").len(), 2);
        assert!(quoted("6\" pipe").len() <= 1);
        assert!(quoted(r#""""#).is_empty());
    }

    #[test]
    fn forms_never_meet_a_stem() {
        for form in [pairs(&plain_words("a b c")), pieces("invoice"), codes("A1")].concat() {
            assert!(!is_stem(form));
        }
    }
}
