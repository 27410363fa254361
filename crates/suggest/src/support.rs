//! Whether a reworded answer says only what its sources do: each sentence names its source, every number and name in it
//! is there, it denies what the source denies, and some sentence there means the same.

use unicode_segmentation::UnicodeSegmentation;

use crate::error::SuggestError;
use crate::extract::sentences;
use crate::names::names_only_what_is_there;
use crate::{SENTENCES_MAX, Suggest, Suggestion, dot};

/// Words that turn a sentence into its opposite, English and Spanish.
const DENIALS: &[&str] = &[
    "no", "not", "never", "none", "cannot", "without", "nunca", "jamás", "ningún", "ninguna", "sin", "tampoco",
];
/// Sentences beyond which no answer is checked.
const CLAIMS_MAX: usize = 40;
/// How many times as long as its sources an answer may be; one that only rewords them is hardly longer.
const TIMES_SOURCES_MAX: usize = 4;

/// A sentence of the reworded answer.
#[derive(Debug, Clone, PartialEq)]
struct Claim {
    /// Without the marks of its sources.
    said: String,
    /// Sources it names, from 0 once they are checked.
    sources: Vec<usize>,
}

/// A sentence with its vector.
struct Meant<'t> {
    said: &'t str,
    vector: Vec<f32>,
}

impl Suggest {
    /// Whether every sentence of a text that marks its sources as `[1]`, `[2]`… is supported by the suggestions it
    /// names, all of which customers may be sent. A text much longer than these is not looked into.
    ///
    /// **Errors:** the encoder is busy or down.
    pub async fn is_supported(&self, text: &str, suggestions: &[Suggestion]) -> Result<bool, SuggestError> {
        // What is not for customers supports nothing, and keeps its place, for which sentences name it.
        let source = |one: &Suggestion| match one.is_for_customers() {
            true => one.text.clone(),
            false => String::new(),
        };
        let sources: Vec<String> = suggestions.iter().map(source).collect();
        let Some(claims) = claims(text, &sources) else {
            return Ok(false);
        };
        let names_what_is_there = |claim: &Claim| {
            let texts: Vec<&str> = claim.sources.iter().map(|&at| sources[at].as_str()).collect();
            names_only_what_is_there(&claim.said, &texts)
        };
        Ok(!claims.is_empty() && claims.iter().all(names_what_is_there) && self.are_meant(&claims, &sources).await?)
    }

    /// Whether each claim is meant by a sentence of its sources; all texts are embedded in one go.
    async fn are_meant(&self, claims: &[Claim], sources: &[String]) -> Result<bool, SuggestError> {
        let cut = |(at, source): (usize, &String)| -> Vec<String> {
            let is_named = claims.iter().any(|claim| claim.sources.contains(&at));
            let cut = sentences(source).into_iter().filter(|_| is_named).take(SENTENCES_MAX);
            cut.map(|sentence| source[sentence.range].to_owned()).collect()
        };
        let cut: Vec<Vec<String>> = sources.iter().enumerate().map(cut).collect();
        let said = claims.iter().map(|claim| &claim.said);
        let texts = said.chain(cut.iter().flatten()).cloned().collect();
        let mut vectors = self.knowledge.embed_to_compare(texts).await?.into_iter();
        let said: Vec<Vec<f32>> = vectors.by_ref().take(claims.len()).collect();
        let there: Vec<Vec<Meant<'_>>> = cut.iter().map(|cut| meant(cut, &mut vectors)).collect();
        let is_meant = |(claim, vector): (&Claim, &Vec<f32>)| {
            let sentences = claim.sources.iter().flat_map(|&at| &there[at]);
            self.is_meant(&claim.said, vector, sentences)
        };
        Ok(claims.iter().zip(&said).all(is_meant))
    }

    /// Whether the sentence that is closest in meaning is close enough, and denies if and only if the claim does.
    fn is_meant<'t>(&self, said: &str, vector: &[f32], there: impl Iterator<Item = &'t Meant<'t>>) -> bool {
        let likeness = there.map(|meant| (dot(vector, &meant.vector), meant.said));
        let nearest = likeness.max_by(|(one, _), (other, _)| one.total_cmp(other));
        nearest.is_some_and(|(likeness, source)| likeness >= self.config.support_min && denies(said) == denies(source))
    }
}

/// Sentences with the next of these vectors.
fn meant<'t>(said: &'t [String], vectors: impl Iterator<Item = Vec<f32>>) -> Vec<Meant<'t>> {
    let said = said.iter().zip(vectors);
    said.map(|(said, vector)| Meant { said, vector }).collect()
}

/// The sentences with the sources they name; none where a sentence names no source, or one that is not there or empty,
/// or where there is more to check than its sources can mean.
fn claims(text: &str, sources: &[String]) -> Option<Vec<Claim>> {
    let chars_max = TIMES_SOURCES_MAX * sources.iter().map(|source| source.chars().count()).sum::<usize>();
    if text.chars().nth(chars_max).is_some() {
        return None;
    }
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
    let is_source = |at: &usize| sources.get(*at).is_some_and(|source| !source.is_empty());
    for source in found.iter_mut().flat_map(|claim| &mut claim.sources) {
        *source = source.checked_sub(1).filter(is_source)?;
    }
    let fits = found.len() <= CLAIMS_MAX && found.iter().all(|claim| !claim.sources.is_empty());
    fits.then_some(found)
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

fn denies(said: &str) -> bool {
    said.unicode_words().any(|word| {
        let word = word.to_lowercase();
        DENIALS.contains(&word.as_str()) || word.ends_with("n't") || word.ends_with("n’t")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many sources, long enough for what is said here.
    fn sources(count: usize) -> Vec<String> {
        vec!["Turn it off. ".repeat(20); count]
    }

    #[test]
    fn marks_belong_to_their_sentence() {
        let text = "Turn it off [1]. Wait a minute. [2] Call us at [desk] if needed [1][2].";
        let found = claims(text, &sources(2)).expect("all named");
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
            assert_eq!(claims(text, &sources(2)), None, "{text}");
        }
        let one_is_internal = [String::new(), sources(1).remove(0)];
        assert_eq!(claims("Turn it off [1].", &one_is_internal), None);
        assert!(claims("Turn it off [2].", &one_is_internal).is_some());
    }

    #[test]
    fn more_than_sources_can_mean_is_no_claim() {
        let source = sources(1);
        let chars = TIMES_SOURCES_MAX * source[0].chars().count();
        let long = format!("Wait {}", "x".repeat(chars));
        assert_eq!(claims(&format!("{long} [1]."), &source), None);
        let many = "Wait [1]. ".repeat(CLAIMS_MAX + 1);
        assert_eq!(claims(&many, &source), None);
        assert!(claims("Wait [1]. Wait [1].", &source).is_some());
    }

    #[test]
    fn denials_are_heard_in_both_languages() {
        assert!(denies("Do not open it.") && denies("It doesn't open") && denies("No lo abra"));
        assert!(!denies("Open the notes") && !denies("Ábralo"));
    }
}
