//! Whether a reworded answer says only what its sources do: each sentence names its source, every number and name in it
//! is there, it denies what the source denies, and some sentence there means the same.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::error::SuggestError;
use crate::extract::sentences;
use crate::{Suggest, Suggestion, dot};

/// Words that turn a sentence into its opposite, English and Spanish.
const DENIALS: &[&str] = &[
    "no", "not", "never", "none", "cannot", "without", "nunca", "jamás", "ningún", "ninguna", "sin", "tampoco",
];

/// A sentence of the reworded answer.
#[derive(Debug, Clone, PartialEq)]
struct Claim {
    /// Without the marks of its sources.
    said: String,
    /// Sources it names, from 0 once they are checked.
    sources: Vec<usize>,
}

impl Suggest {
    /// Whether every sentence of a text that marks its sources as `[1]`, `[2]`… is supported by the suggestions it names.
    ///
    /// **Errors:** the encoder is busy or down.
    pub async fn is_supported(&self, text: &str, suggestions: &[Suggestion]) -> Result<bool, SuggestError> {
        let Some(claims) = claims(text, suggestions.len()) else {
            return Ok(false);
        };
        for claim in &claims {
            let texts: Vec<&str> = claim.sources.iter().map(|&at| suggestions[at].text.as_str()).collect();
            if !names_only_what_is_there(&claim.said, &texts) || !self.is_meant(&claim.said, &texts).await? {
                return Ok(false);
            }
        }
        Ok(!claims.is_empty())
    }

    /// Whether a sentence of the sources is close in meaning, and denies if and only if the claim does.
    async fn is_meant(&self, said: &str, sources: &[&str]) -> Result<bool, SuggestError> {
        let of = |source: &&str| -> Vec<String> {
            let text = |range: Range<usize>| source[range].to_owned();
            sentences(source)
                .into_iter()
                .map(|sentence| text(sentence.range))
                .collect()
        };
        let there: Vec<String> = sources.iter().flat_map(of).collect();
        let mut texts = vec![said.to_owned()];
        texts.extend(there.iter().cloned());
        let vectors = self.triage.embed(texts).await?;
        let Some((claimed, vectors)) = vectors.split_first() else {
            return Ok(false);
        };
        let likeness = vectors.iter().map(|vector| dot(claimed, vector));
        let nearest = likeness.zip(&there).max_by(|(one, _), (other, _)| one.total_cmp(other));
        Ok(nearest
            .is_some_and(|(likeness, source)| likeness >= self.config.support_min && denies(said) == denies(source)))
    }
}

/// The sentences with the sources they name; none where a sentence names no source, or one that is not there.
fn claims(text: &str, sources: usize) -> Option<Vec<Claim>> {
    let mut found: Vec<Claim> = Vec::new();
    for sentence in sentences(text) {
        let mut rest = &text[sentence.range];
        // A mark after the full stop belongs to the sentence before it.
        while let Some((number, after)) = leading_mark(rest) {
            found.last_mut()?.sources.push(number);
            rest = after.trim_start();
        }
        let (said, named) = without_marks(rest);
        if said.chars().any(char::is_alphanumeric) {
            found.push(Claim { said, sources: named });
        }
    }
    for source in found.iter_mut().flat_map(|claim| &mut claim.sources) {
        *source = source.checked_sub(1).filter(|source| *source < sources)?;
    }
    found.iter().all(|claim| !claim.sources.is_empty()).then_some(found)
}

/// The number in a `[n]` at the start of a text, and what follows.
fn leading_mark(text: &str) -> Option<(usize, &str)> {
    let (number, after) = text.strip_prefix('[')?.split_once(']')?;
    Some((number.parse().ok()?, after))
}

/// A sentence without its `[n]`, and the numbers that were in them.
fn without_marks(sentence: &str) -> (String, Vec<usize>) {
    let (mut said, mut named) = (String::new(), Vec::new());
    let mut rest = sentence;
    while let Some(open) = rest.find('[') {
        said.push_str(&rest[..open]);
        match leading_mark(&rest[open..]) {
            Some((number, after)) => {
                named.push(number);
                rest = after;
            }
            None => {
                said.push('[');
                rest = &rest[open + 1..];
            }
        }
    }
    said.push_str(rest);
    (said.trim().to_owned(), named)
}

/// Whether every word with a digit, an at sign, a slash or an inner capital is in one of the sources.
fn names_only_what_is_there(said: &str, sources: &[&str]) -> bool {
    let there: Vec<String> = sources.iter().map(|source| source.to_lowercase()).collect();
    said.split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| is_name(word))
        .all(|word| there.iter().any(|source| holds(source, &word.to_lowercase())))
}

fn is_name(word: &str) -> bool {
    let has = |is: fn(char) -> bool| word.chars().any(is);
    has(|c| c.is_ascii_digit()) || has(|c| "@/".contains(c)) || word.chars().skip(1).any(char::is_uppercase)
}

/// Whether a text has a word, and not only as a part of a longer one.
fn holds(text: &str, word: &str) -> bool {
    let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(word)
        .any(|(at, found)| is_edge(text[..at].chars().next_back()) && is_edge(text[at + found.len()..].chars().next()))
}

fn denies(said: &str) -> bool {
    said.unicode_words().any(|word| {
        let word = word.to_lowercase();
        DENIALS.contains(&word.as_str()) || word.ends_with("n't") || word.ends_with("n’t")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_belong_to_their_sentence() {
        let text = "Turn it off [1]. Wait a minute. [2] Call us at [desk] if needed [1][2].";
        let found = claims(text, 2).expect("all named");
        let found: Vec<_> = found
            .iter()
            .map(|claim| (claim.said.as_str(), claim.sources.as_slice()))
            .collect();
        assert_eq!(
            found,
            [
                ("Turn it off .", [0].as_slice()),
                ("Wait a minute.", &[1]),
                ("Call us at [desk] if needed .", &[0, 1]),
            ]
        );
    }

    #[test]
    fn a_sentence_without_a_source_or_with_an_unknown_one_is_no_claim() {
        for text in ["Turn it off. Wait [1].", "Turn it off [3].", "Turn it off [0].", "[1]"] {
            assert_eq!(claims(text, 2), None, "{text}");
        }
    }

    #[test]
    fn numbers_and_names_must_be_there() {
        let sources = ["Hold the button for 10 seconds, then open https://status.example/now in OpenDesk."];
        assert!(names_only_what_is_there("Press it 10 seconds in OpenDesk.", &sources));
        assert!(!names_only_what_is_there("Press it 100 seconds.", &sources));
        assert!(!names_only_what_is_there("Press it 1 second.", &sources));
        assert!(!names_only_what_is_there("Write to help@shop.example.", &sources));
    }

    #[test]
    fn denials_are_heard_in_both_languages() {
        assert!(denies("Do not open it.") && denies("It doesn't open") && denies("No lo abra"));
        assert!(!denies("Open the notes") && !denies("Ábralo"));
    }
}
