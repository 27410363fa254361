//! What speaks for a passage answering a question.
//!
//! Nothing here grows with the knowledge base: no score over how rare a word is in it, no distance to the other
//! articles. So one right article among three is as sure as among three thousand.

use desk::{Article, Passage};
use search::{Hit, Search, primary_language};

use crate::index;

/// Kinds of evidence.
pub const EVIDENCE: usize = 5;

/// Whether more of each speaks for an answer. A fit that says otherwise is refused.
pub const SPEAKS_FOR: [bool; EVIDENCE] = [true; EVIDENCE];

/// Telling words from which on a question is long; more of them say no more.
const LONG: usize = 12;

/// Passages that what speaks for one is made from, however many are wanted: the model was fitted so.
pub(crate) const COMPARED: usize = 8;

/// What the probability is made from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Cosine of the passage to the question, -1 to 1.
    pub cosine: f64,
    /// Share of the question's telling words that the passage says, with its title and headings.
    pub words: f64,
    /// Share of them that any of the passages that were found says: what none says, the knowledge base hardly knows.
    pub known_words: f64,
    /// Share of the question's identifiers and quoted phrases that the passage holds, over the passages found in its
    /// language that hold as many: an error code stands in one passage, the name of a product in many.
    /// **Units:** 0 to 1.
    pub exact: f64,
    /// How much is asked: `ln(1 + n)` of the telling words, of a long question only so many.
    pub length: f64,
}

/// A passage that was found, compared with the question.
#[derive(Debug, Clone)]
pub(crate) struct Compared {
    language: Option<String>,
    cosine: f64,
    /// Share of the identifiers and quoted phrases that it holds.
    exact: f64,
    /// For each word of the question, how much the passage says it, 0 to 1; none for one that tells nothing.
    words: Vec<Option<f32>>,
}

impl Compared {
    /// Compares a hit, by its row, with what was asked.
    pub fn new(
        search: &Search,
        asked: &str,
        language: Option<&str>,
        hit: &Hit,
        (passage, article): &(Passage, Article),
    ) -> Self {
        let fields = &article.fields;
        let read = index::readable(&fields.title, &passage.headings, &passage.text);
        Compared {
            language: fields
                .language
                .as_deref()
                .map(|code| primary_language(code).into_owned()),
            cosine: hit.dense.unwrap_or_default().into(),
            exact: hit.exact.into(),
            words: search.coverage(asked, language, &read, fields.language.as_deref()),
        }
    }
}

impl Evidence {
    /// What speaks for one of these passages, best first, were those before it not there; none where there is no such
    /// one. It is compared with those up to the next multiple of [`COMPARED`], so that nothing depends on how many
    /// passages were asked for.
    pub(crate) fn at(found: &[Compared], place: usize) -> Option<Self> {
        let end = (place / COMPARED + 1) * COMPARED;
        Self::of(found.get(place..end.min(found.len()))?)
    }

    /// What speaks for the first of these passages, best first; none without one.
    fn of(found: &[Compared]) -> Option<Self> {
        let first = found.first()?;
        let mut known = first.words.clone();
        for other in found {
            let both = known.iter_mut().zip(&other.words);
            both.for_each(|(most, has)| *most = most.map(|most| most.max(has.unwrap_or_default())));
        }
        let alike = found.iter().filter(|one| one.language == first.language);
        let holders = alike.filter(|one| one.exact >= first.exact).count().max(1);
        let telling = first.words.iter().flatten().count();
        Some(Evidence {
            cosine: first.cosine,
            words: mean(&first.words),
            known_words: mean(&known),
            exact: first.exact / holders as f64,
            length: (telling.min(LONG) as f64).ln_1p(),
        })
    }

    /// In the order of the fields.
    pub fn features(&self) -> [f64; EVIDENCE] {
        [self.cosine, self.words, self.known_words, self.exact, self.length]
    }
}

/// Of the words that tell something; 0 where none does.
fn mean(words: &[Option<f32>]) -> f64 {
    let telling = words.iter().flatten().count().max(1) as f64;
    words.iter().flatten().map(|has| f64::from(*has)).sum::<f64>() / telling
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(cosine: f64, words: &[Option<f32>]) -> Compared {
        Compared {
            language: None,
            cosine,
            exact: 0.0,
            words: words.to_vec(),
        }
    }

    #[test]
    fn nothing_found_is_no_evidence() {
        assert_eq!(Evidence::of(&[]), None);
    }

    #[test]
    fn the_first_passage_speaks_and_the_others_know_words() {
        let found = [
            compared(0.6, &[None, Some(1.0), Some(0.0), Some(0.0)]),
            compared(0.9, &[None, Some(0.0), Some(0.5), Some(0.0)]),
        ];
        let evidence = Evidence::of(&found).expect("evidence");
        assert_eq!(
            (evidence.cosine, evidence.words, evidence.known_words),
            (0.6, 1.0 / 3.0, 0.5)
        );
        assert_eq!(evidence.length, 4_f64.ln());
    }

    #[test]
    fn evidence_does_not_depend_on_how_many_passages_are_asked_for() {
        let found: Vec<Compared> = (0..50_u8)
            .map(|n| Compared {
                exact: 1.0,
                ..compared(0.6, &[Some(0.0), Some(f32::from(n) / 50.0)])
            })
            .collect();
        let asked = |limit: usize| &found[..limit.next_multiple_of(COMPARED).min(found.len())];
        for limit in 1..=found.len() {
            for place in 0..limit {
                let evidence = Evidence::at(asked(limit), place);
                assert!(evidence.is_some(), "{place} of {limit}");
                assert_eq!(evidence, Evidence::at(&found, place), "{place} of {limit}");
            }
        }
        assert_eq!(Evidence::at(&found, 0), Evidence::of(&found[..COMPARED]));
        assert_eq!(Evidence::at(&found, 50), None);
        assert_eq!(Evidence::at(&[], 0), None);
    }

    #[test]
    fn a_right_article_alone_is_no_less_sure_than_among_others_that_say_nothing() {
        let right = compared(0.7, &[Some(1.0), Some(1.0)]);
        let other = compared(0.1, &[Some(0.0), Some(0.0)]);
        assert_eq!(
            Evidence::of(std::slice::from_ref(&right)),
            Evidence::of(&[right, other])
        );
    }

    #[test]
    fn what_one_passage_names_tells_more_than_what_many_name() {
        let holding = |language: &str, exact: f64| Compared {
            language: Some(language.to_owned()),
            exact,
            ..compared(0.4, &[Some(1.0)])
        };
        let check = |found: &[Compared], expect: f64| assert_eq!(Evidence::of(found).expect("evidence").exact, expect);
        let first = holding("en", 1.0);
        check(std::slice::from_ref(&first), 1.0);
        check(&[first.clone(), holding("es", 1.0), holding("en", 0.5)], 1.0);
        check(&[first.clone(), holding("en", 1.0)], 0.5);
        check(&[holding("en", 0.0), first], 0.0);
    }

    #[test]
    fn only_stop_words_and_long_texts_have_sane_evidence() {
        let silent = Evidence::of(&[compared(0.2, &[None, None])]).expect("evidence");
        assert_eq!((silent.words, silent.known_words, silent.length), (0.0, 0.0, 0.0));
        let of = |words: usize| Evidence::of(&[compared(0.2, &vec![Some(1.0); words])]);
        assert_eq!(of(LONG), of(10 * LONG));
    }
}
