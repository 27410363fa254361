//! A new version beside the one in force, on tickets that neither has learnt: whether it may come into force, and why.

use std::fmt;

use eval::paired::{Paired, Standing};
use eval::share::wilson;
use eval::{Figure, Prediction};

use crate::learning::lessons::Evidence;

/// How much less often right, and how much more often wrong where it decides alone, a new version may be at most, as far
/// as the held-out tickets can tell, to be put in force.
///
/// Three points are what a desk would not notice: of twenty tickets a day it is one in two days. That they cannot be
/// more takes evidence, at least 125 held-out tickets where both versions are always right; a version that is plainly
/// better needs fewer. **Units:** share of tickets.
pub const MARGIN: f64 = 0.03;

/// What the held-out tickets show of a new version, B, beside the one in force, A.
#[derive(Debug, Clone, Copy)]
pub struct Judged {
    /// Whose word the labels of the tickets are.
    pub evidence: Evidence,
    /// Which version guesses right.
    pub right: Paired,
    /// Which version does no harm: it guesses right or leaves the ticket to a person.
    pub harmless: Paired,
    /// Tickets that B decides alone.
    pub decided: u64,
    /// Of those, the ones it decides right.
    pub decided_right: u64,
}

/// What follows for a new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is right more often, and does no more harm than the margin allows.
    Better,
    /// It is neither right less often nor does more harm than the margin allows.
    NotWorse,
    /// It is right less often.
    Worse,
    /// It decides wrongly more often.
    Harmful,
    /// Too few tickets to tell how often it is right.
    Unclear,
    /// Too few tickets to tell how often it decides wrongly.
    HarmUnclear,
}

impl Judged {
    /// Of what both said of the same tickets.
    pub fn of(a: &[Prediction], b: &[Prediction], evidence: Evidence) -> Self {
        let decided = b.iter().filter(|said| said.decided);
        Judged {
            evidence,
            right: Paired::of(a, b),
            harmless: Paired::by(a, b, |said| said.is_right() || !said.decided),
            decided: decided.clone().count() as u64,
            decided_right: decided.filter(|said| said.is_right()).count() as u64,
        }
    }

    /// What follows.
    pub fn verdict(&self) -> Verdict {
        // The threshold of a head comes from all it was fitted on, which is mostly not of this desk: being right more often
        // on this desk's tickets does not say that what it decides alone is right as often as it was meant to be.
        let (right, harmless) = (self.right.standing(MARGIN), self.harmless.standing(MARGIN));
        match (right, harmless) {
            (Standing::Worse, _) => Verdict::Worse,
            (_, Standing::Worse) => Verdict::Harmful,
            (Standing::Unclear, _) => Verdict::Unclear,
            (_, Standing::Unclear) => Verdict::HarmUnclear,
            (Standing::Better, _) => Verdict::Better,
            (Standing::NotWorse, _) => Verdict::NotWorse,
        }
    }
}

impl Verdict {
    /// Whether the version may come into force by itself.
    pub fn is_good(self) -> bool {
        matches!(self, Verdict::Better | Verdict::NotWorse)
    }

    /// In words; `in_force` says what becomes of a good one.
    pub fn told(self, in_force: &str) -> String {
        match self {
            Verdict::Better => format!("better beyond chance, {in_force}"),
            Verdict::NotWorse => format!("not worse by more than the margin, {in_force}"),
            Verdict::Worse => "worse beyond chance, not put in force".to_owned(),
            Verdict::Harmful => "decides wrongly more often beyond chance, not put in force".to_owned(),
            Verdict::Unclear => "too little to tell, not put in force; `deskwise model shadow` tries it out".to_owned(),
            Verdict::HarmUnclear => "too little to tell how often it decides wrongly, not put in force; \
                `deskwise model shadow` tries it out"
                .to_owned(),
        }
    }
}

/// The figures in words, without the verdict.
impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Evidence { corrected, solved } = self.evidence;
        write!(
            f,
            "right on {} of {} held-out tickets ({corrected} corrected, {solved} merely solved), the one before on {} (at \
             worst {}, McNemar p = {:.3}); decides {} alone and is right on {} of those; decides {} wrongly, the one \
             before {} (at worst {})",
            percent(self.right.accuracy_b()),
            self.right.rows(),
            percent(self.right.accuracy_a()),
            points(self.right.difference().map_or(0.0, |more| more.low)),
            self.right.mcnemar().p,
            interval(wilson(self.decided, self.right.rows())),
            interval(wilson(self.decided_right, self.decided)),
            percent(wilson(
                self.harmless.a_alone + self.harmless.neither,
                self.harmless.rows()
            )),
            percent(wilson(
                self.harmless.b_alone + self.harmless.neither,
                self.harmless.rows()
            )),
            points(-self.harmless.difference().map_or(0.0, |less| less.low)),
        )
    }
}

fn percent(figure: Option<Figure>) -> String {
    figure.map_or("none".to_owned(), |figure| format!("{:.1} %", 100.0 * figure.value))
}

fn interval(figure: Option<Figure>) -> String {
    let ends = |figure: Figure| format!("{:.1} to {:.1}", 100.0 * figure.low, 100.0 * figure.high);
    figure.map_or("none".to_owned(), |figure| {
        format!("{:.1} % ({})", 100.0 * figure.value, ends(figure))
    })
}

fn points(difference: f64) -> String {
    format!("{:+.1} points", 100.0 * difference)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a version was right, and whether it decided alone.
    type Said = (bool, bool);

    /// So many rows on each of which A and B said this.
    fn judged(rows: &[(usize, Said, Said)]) -> Judged {
        let said = |(is_right, decided): Said| Prediction {
            label: "right".to_owned(),
            predicted: if is_right { "right" } else { "wrong" }.to_owned(),
            decided,
            ..Prediction::default()
        };
        let all = |of: fn(&(usize, Said, Said)) -> Said| -> Vec<Prediction> {
            rows.iter()
                .flat_map(|row| std::iter::repeat_n(said(of(row)), row.0))
                .collect()
        };
        let (a, b) = (all(|row| row.1), all(|row| row.2));
        let evidence = Evidence {
            corrected: a.len(),
            solved: 0,
        };
        Judged::of(&a, &b, evidence)
    }

    const RIGHT: Said = (true, true);
    const RIGHT_GUESS: Said = (true, false);
    const WRONG: Said = (false, true);
    const WRONG_GUESS: Said = (false, false);

    #[test]
    fn a_version_that_is_plainly_better_needs_few_tickets() {
        let better = judged(&[(5, RIGHT, RIGHT), (15, WRONG, RIGHT)]);
        assert_eq!(better.verdict(), Verdict::Better);
        let alike = judged(&[(900, RIGHT, RIGHT), (50, RIGHT_GUESS, RIGHT_GUESS), (50, WRONG, WRONG)]);
        assert_eq!(alike.verdict(), Verdict::NotWorse);
        let few = judged(&[(18, RIGHT, RIGHT), (2, WRONG, WRONG)]);
        assert_eq!(few.verdict(), Verdict::Unclear);
    }

    #[test]
    fn a_version_that_is_right_more_often_but_decides_wrongly_more_often_is_not_put_in_force() {
        // Three of four that it decides are right where nine of ten should be, and it guesses far better.
        let bold = judged(&[
            (60, RIGHT_GUESS, RIGHT),
            (90, WRONG_GUESS, RIGHT),
            (50, WRONG_GUESS, WRONG),
        ]);
        assert_eq!(bold.right.standing(MARGIN), Standing::Better);
        assert_eq!(bold.verdict(), Verdict::Harmful);
        assert!(!bold.verdict().is_good());
        let said = bold.to_string();
        assert!(said.contains("decides 100.0 % (98.1 to 100.0) alone"), "{said}");
        assert!(said.contains("right on 75.0 % (68.6 to 80.5) of those"), "{said}");
        assert!(
            said.contains("decides 25.0 % wrongly, the one before 0.0 % (at worst +3"),
            "{said}"
        );

        let few = judged(&[(20, WRONG_GUESS, RIGHT), (1, WRONG_GUESS, WRONG)]);
        assert_eq!(few.verdict(), Verdict::HarmUnclear);
    }

    #[test]
    fn the_words_say_how_much_worse_it_may_be_and_whose_word_the_labels_are() {
        let close = judged(&[(18, RIGHT, RIGHT), (2, WRONG_GUESS, WRONG_GUESS)]);
        let said = close.to_string();
        assert!(
            said.contains("right on 90.0 % of 20 held-out tickets (20 corrected, 0 merely solved)"),
            "{said}"
        );
        assert!(said.contains("(at worst -15.7 points"), "{said}");
        let verdict = close.verdict().told("put in force");
        assert!(verdict.contains("too little to tell"), "{verdict}");
        let nothing = judged(&[(20, RIGHT_GUESS, RIGHT_GUESS)]).to_string();
        assert!(nothing.contains("is right on none of those"), "{nothing}");
    }
}
