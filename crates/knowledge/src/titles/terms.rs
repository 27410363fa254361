//! The words of all lines and where they stand; of a typed word, which of them it may mean.

use std::collections::BTreeMap;
use std::ops::Bound;

/// What a word counts that only begins as typed.
const BEGINNING: f32 = 0.9;
/// What a word counts that is nearly the one typed.
const NEARLY: f32 = 0.6;
/// Letters of a word in which one may be wrong.
const ONE_WRONG_LETTERS: usize = 4;
/// Letters of a word in which two may be wrong.
const TWO_WRONG_LETTERS: usize = 8;

/// The words of all lines, folded, in their order.
#[derive(Debug, Default)]
pub(super) struct Terms(BTreeMap<String, Vec<Place>>);

/// Where a word stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The article.
    pub slot: u32,
    /// Its line: the title is 0.
    pub line: u16,
    /// Which word of the line.
    pub word: u16,
}

/// A known word that stands for a typed one.
pub(super) struct StandIn<'t> {
    /// The word, folded.
    pub term: &'t str,
    /// Where it stands.
    pub places: &'t [Place],
    /// How much it counts, 0 to 1.
    pub counts: f32,
    /// How many characters of it were typed.
    pub typed: usize,
}

impl Terms {
    /// Notes where a word stands.
    pub fn put(&mut self, term: String, place: Place) {
        self.0.entry(term).or_default().push(place);
    }

    /// Forgets that a word stands anywhere in an article.
    pub fn forget(&mut self, term: &str, slot: u32) {
        let Some(held) = self.0.get_mut(term) else { return };
        held.retain(|place| place.slot != slot);
        if held.is_empty() {
            self.0.remove(term);
        }
    }

    /// Whether a word is the beginning of words that stand in `seen` slots and none of these itself.
    pub fn goes_on(&self, word: &str, seen: impl Fn(u32) -> bool) -> bool {
        // The word itself comes before those it begins.
        let first = self.seen_with(word, seen).next();
        first.is_some_and(|(term, _)| term != word)
    }

    /// The words in `seen` slots that stand for a typed one: itself, those it begins where it is unfinished, or else
    /// those it is nearly. Words that stand elsewhere alone change nothing, so nobody learns what is not theirs.
    pub fn stand_ins<'t>(&'t self, word: &str, unfinished: bool, seen: impl Fn(u32) -> bool) -> Vec<StandIn<'t>> {
        let typed = word.chars().count();
        let known = self
            .seen_with(word, &seen)
            .take_while(|(term, _)| unfinished || *term == word);
        let found: Vec<_> = known
            .map(|(term, places)| StandIn {
                term,
                places,
                counts: if term == word { 1.0 } else { BEGINNING },
                typed,
            })
            .collect();
        if found.is_empty() {
            return self.nearly(word, unfinished, seen);
        }
        found
    }

    /// Known words in which few letters differ, never the first one; a word with a digit is right or wrong.
    fn nearly<'t>(&'t self, word: &str, unfinished: bool, seen: impl Fn(u32) -> bool) -> Vec<StandIn<'t>> {
        let letters = word.chars().count();
        let wrong = usize::from(letters >= ONE_WRONG_LETTERS) + usize::from(letters >= TWO_WRONG_LETTERS);
        let first = word.chars().next().map_or(0, char::len_utf8);
        if wrong == 0 || word.chars().any(char::is_numeric) {
            return Vec::new();
        }
        let is_near = |term: &str| {
            let long = term.chars().count();
            let end = term.char_indices().nth(letters).map_or(term.len(), |(at, _)| at);
            let compared = if unfinished { &term[..end] } else { term };
            long + wrong >= letters && strsim::osa_distance(word, compared) <= wrong
        };
        self.beginning_with(&word[..first])
            .filter(|(term, places)| is_near(term) && stands_in(places, &seen))
            .map(|(term, places)| StandIn {
                term,
                places,
                counts: NEARLY,
                typed: term.chars().count(),
            })
            .collect()
    }

    fn seen_with<'t>(
        &'t self,
        word: &str,
        seen: impl Fn(u32) -> bool,
    ) -> impl Iterator<Item = (&'t String, &'t Vec<Place>)> {
        self.beginning_with(word)
            .filter(move |(_, places)| stands_in(places, &seen))
    }

    fn beginning_with<'t, 'w>(
        &'t self,
        word: &'w str,
    ) -> impl Iterator<Item = (&'t String, &'t Vec<Place>)> + use<'t, 'w> {
        self.0
            .range::<str, _>((Bound::Included(word), Bound::Unbounded))
            .take_while(move |(term, _)| term.starts_with(word))
    }
}

fn stands_in(places: &[Place], seen: impl Fn(u32) -> bool) -> bool {
    places.iter().any(|place| seen(place.slot))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(words: &[&str]) -> Terms {
        let mut terms = Terms::default();
        for (slot, word) in (0..).zip(words) {
            let (line, word_at) = (0, 0);
            terms.put(
                (*word).to_owned(),
                Place {
                    slot,
                    line,
                    word: word_at,
                },
            );
        }
        terms
    }

    fn check(word: &str, unfinished: bool, expect: &[&str]) {
        let terms = known(&["pin", "print", "printed", "printer", "subscription", "tl4410"]);
        let found: Vec<_> = terms
            .stand_ins(word, unfinished, |_| true)
            .iter()
            .map(|one| one.term)
            .collect();
        assert_eq!(found, expect, "{word:?}");
    }

    #[test]
    fn a_word_means_itself_and_what_it_begins() {
        check("print", false, &["print"]);
        check("print", true, &["print", "printed", "printer"]);
        check("p", true, &["pin", "print", "printed", "printer"]);
    }

    #[test]
    fn what_is_not_known_means_what_it_is_nearly() {
        check("pritner", false, &["printer"]);
        check("pritn", true, &["print", "printed", "printer"]);
        check("subcriptoin", false, &["subscription"]);
        check("pim", false, &[]);
        check("srinter", false, &[]);
        check("tl4411", false, &[]);
    }

    #[test]
    fn a_word_that_stands_nowhere_is_forgotten() {
        let mut terms = known(&["print", "printer"]);
        terms.forget("printer", 1);
        assert!(!terms.goes_on("printe", |_| true) && terms.goes_on("prin", |_| true));
    }

    #[test]
    fn a_word_that_stands_where_nobody_looks_changes_nothing() {
        let terms = known(&["print", "prince", "printer"]);
        let all_but = |hidden: u32| move |slot: u32| slot != hidden;
        let found = |word: &str, unfinished: bool, hidden: u32| -> Vec<&str> {
            let found = terms.stand_ins(word, unfinished, all_but(hidden));
            found.iter().map(|one| one.term).collect()
        };
        assert_eq!(found("print", true, 0), ["printer"]);
        assert_eq!(found("prinz", false, 1), ["print"]);
        assert_eq!(found("prince", false, 1), [""; 0]);
        assert!(terms.goes_on("prin", all_but(0)) && terms.goes_on("print", all_but(0)));
        assert!(!terms.goes_on("printe", all_but(2)) && !terms.goes_on("print", all_but(2)));
    }
}
