//! How much of what was typed the lines have.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use crate::titles::terms::StandIn;
use crate::typed::{Typed, WORDS_MAX, is_stop_word};

/// Weight of a word that says nothing by itself, where another word weighs 1.
const STOP_WORD_WEIGHT: f32 = 0.1;
/// Letters from which on the beginning of a single word is looked for in headings too.
const HEADING_LETTERS: usize = 3;

/// A line of an article: its slot and which line.
pub(super) type LineAt = (u32, u16);

/// How much of what was typed a line has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tally {
    /// Weight of the words it has.
    pub has: f32,
    /// The same, each word as much as its likeness counts.
    pub worth: f32,
    /// Where it has each typed word.
    stands: [Option<u16>; WORDS_MAX],
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            has: 0.0,
            worth: 0.0,
            stands: [None; WORDS_MAX],
        }
    }
}

impl Tally {
    /// How many of the typed words it has.
    pub fn words(&self) -> usize {
        self.stands.iter().flatten().count()
    }

    /// How many words follow the one before them as typed.
    pub fn in_order(&self) -> usize {
        let follows = |pair: &&[Option<u16>]| matches!(pair, [Some(before), Some(next)] if before + 1 == *next);
        self.stands.windows(2).filter(follows).count()
    }

    /// Adds the typed word at `at`, found as the line's word at `word`.
    fn add(&mut self, at: usize, weight: f32, counts: f32, word: u16) {
        self.has += weight;
        self.worth += weight * counts;
        self.stands[at] = Some(word);
    }
}

/// What each line has of the typed words, of the articles asked for: `meant` are the stand-ins of each word. Words that
/// say nothing by themselves are looked up last and only in lines that have others, because they stand in very many.
pub(super) fn tallies(meant: &[Vec<StandIn<'_>>], typed: &Typed, asked_for: &[bool]) -> FxHashMap<LineAt, Tally> {
    let mut tallies: FxHashMap<LineAt, Tally> = FxHashMap::default();
    let (stop, telling): (Vec<usize>, Vec<usize>) = (0..meant.len()).partition(|at| weight(typed, *at) < 1.0);
    let only_stop = telling.is_empty();
    let titles_alone = is_hardly_begun(typed);
    for at in telling.into_iter().chain(stop) {
        let weight = weight(typed, at);
        for (line, (counts, word)) in best_places(&meant[at], asked_for, titles_alone) {
            if weight >= 1.0 || only_stop {
                tallies.entry(line).or_default().add(at, weight, counts, word);
            } else if let Some(tally) = tallies.get_mut(&line) {
                tally.add(at, weight, counts, word);
            }
        }
    }
    tallies
}

/// What all the typed words weigh.
pub(super) fn whole_weight(typed: &Typed) -> f32 {
    (0..typed.words.len()).map(|at| weight(typed, at)).sum()
}

/// What a typed word weighs; one that may go on can become any word.
fn weight(typed: &Typed, at: usize) -> f32 {
    let goes_on = typed.unfinished && at + 1 == typed.words.len();
    match typed.words.get(at) {
        Some(word) if is_stop_word(word) && !goes_on => STOP_WORD_WEIGHT,
        _ => 1.0,
    }
}

/// Whether so little was typed that headings would only hide the titles.
fn is_hardly_begun(typed: &Typed) -> bool {
    let short = |word: &str| word.chars().count() < HEADING_LETTERS;
    typed.words.len() == 1 && typed.growing().is_some_and(short)
}

/// Of each line the place of the word that counts most, the first of them.
fn best_places(stand_ins: &[StandIn<'_>], asked_for: &[bool], titles_alone: bool) -> FxHashMap<LineAt, (f32, u16)> {
    let mut best: FxHashMap<LineAt, (f32, u16)> = FxHashMap::default();
    for stand_in in stand_ins {
        let counts = stand_in.counts;
        let places = stand_in.places.iter().filter(|place| !titles_alone || place.line == 0);
        for place in places.filter(|place| asked_for[place.slot as usize]) {
            let held = best.entry((place.slot, place.line)).or_insert((counts, place.word));
            if (counts, Reverse(place.word)) > (held.0, Reverse(held.1)) {
                *held = (counts, place.word);
            }
        }
    }
    best
}
