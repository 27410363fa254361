//! What the flag of probable duplicates is worth. Intervals resample whole families of matters, not single pairs.

use std::collections::HashMap;

use crate::bootstrap::{Figure, bootstrap};
use crate::calibration::ece;
use crate::matters::{Compared, Observed, Row};
use crate::prediction::Prediction;
use crate::scope::auroc;

/// What a model said of a compared pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Said {
    /// Of being one matter. **Units:** 0 to 1.
    pub probability: f64,
    /// Whether that reaches the threshold.
    pub flagged: bool,
}

/// Counts over the pairs of one group.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    flagged: f64,
    right: f64,
    compared: f64,
    known: f64,
}

/// The figures by name. **Shape:** `said` `[pairs]`.
pub fn figures(observed: &Observed, said: &[Said]) -> Vec<(String, Figure)> {
    let all = tallies(observed, said, |_, _| true);
    let mut figures = vec![
        ("candidate_recall".to_owned(), ratio(&all, |t| t.compared, |t| t.known)),
        ("flag_precision".to_owned(), ratio(&all, |t| t.right, |t| t.flagged)),
        ("flag_recall".to_owned(), ratio(&all, |t| t.right, |t| t.known)),
        ("roc_auc".to_owned(), area(observed, said)),
        ("ece".to_owned(), ece(&best(observed, said))),
    ];
    for language in ["en", "es"] {
        let within = |one: &Row, other: &Row| is_in(one, language) && is_in(other, language);
        figures.extend(of_part(language, &tallies(observed, said, within)));
    }
    let across =
        |one: &Row, other: &Row| one.language.is_some() && other.language.is_some() && one.language != other.language;
    figures.extend(of_part("cross", &tallies(observed, said, across)));
    figures
}

fn is_in(row: &Row, language: &str) -> bool {
    row.language.as_deref() == Some(language)
}

fn of_part(part: &str, tallies: &[Tally]) -> [(String, Figure); 2] {
    [
        (
            format!("flag_precision_{part}"),
            ratio(tallies, |t| t.right, |t| t.flagged),
        ),
        (format!("flag_recall_{part}"), ratio(tallies, |t| t.right, |t| t.known)),
    ]
}

/// By group, over the pairs that count.
fn tallies(observed: &Observed, said: &[Said], counts: impl Fn(&Row, &Row) -> bool) -> Vec<Tally> {
    let groups = observed.groups();
    let mut tallies = vec![Tally::default(); groups.iter().max().map_or(0, |last| last + 1)];
    let is_counted = |one: usize, other: usize| counts(&observed.rows[one], &observed.rows[other]);
    for (pair, said) in observed.pairs.iter().zip(said) {
        if is_counted(pair.ticket, pair.other) {
            let same = f64::from(observed.is_same(pair));
            let tally = &mut tallies[groups[pair.ticket]];
            tally.flagged += f64::from(said.flagged);
            tally.right += f64::from(said.flagged) * same;
            tally.compared += same;
        }
    }
    for (one, other) in observed.known() {
        tallies[groups[one]].known += f64::from(is_counted(one, other));
    }
    tallies
}

fn ratio(tallies: &[Tally], part: fn(&Tally) -> f64, whole: fn(&Tally) -> f64) -> Figure {
    bootstrap(tallies.len(), |rows| {
        let sum = |of: fn(&Tally) -> f64| rows.iter().map(|&row| of(&tallies[row])).sum::<f64>();
        sum(part) / sum(whole)
    })
}

fn area(observed: &Observed, said: &[Said]) -> Figure {
    let pairs = observed.pairs.iter().zip(said);
    let (same, other): (Vec<_>, Vec<_>) = pairs.partition(|(pair, _)| observed.is_same(pair));
    let probabilities =
        |some: Vec<(&Compared, &Said)>| -> Vec<f64> { some.into_iter().map(|(_, said)| said.probability).collect() };
    auroc(&probabilities(same), &probabilities(other))
}

/// The most probable candidate of each ticket: what an agent looks at.
fn best(observed: &Observed, said: &[Said]) -> Vec<Prediction> {
    let mut best: HashMap<usize, (f64, bool)> = HashMap::new();
    for (pair, said) in observed.pairs.iter().zip(said) {
        let first = best
            .entry(pair.ticket)
            .or_insert((said.probability, observed.is_same(pair)));
        if said.probability > first.0 {
            *first = (said.probability, observed.is_same(pair));
        }
    }
    let mut best: Vec<(usize, (f64, bool))> = best.into_iter().collect();
    best.sort_by_key(|(ticket, _)| *ticket);
    best.into_iter()
        .map(|(_, (probability, same))| prediction(probability, same))
        .collect()
}

fn prediction(probability: f64, same: bool) -> Prediction {
    Prediction {
        label: if same { "same" } else { "other" }.to_owned(),
        predicted: "same".to_owned(),
        confidence: probability as f32,
        ..Prediction::default()
    }
}

#[cfg(test)]
mod tests {
    use desk::duplicate::Shared;

    use super::*;

    fn row(id: &str, matter: &str, language: &str) -> Row {
        Row {
            id: id.to_owned(),
            matter: Some(matter.to_owned()),
            family: None,
            subject: String::new(),
            body: String::new(),
            language: Some(language.to_owned()),
            requester: None,
            account: None,
            hours: None,
        }
    }

    #[test]
    fn what_was_no_candidate_is_missed_and_languages_are_counted_apart() {
        let pair = |ticket, other| Compared {
            ticket,
            other,
            shared: Shared::default(),
        };
        let observed = Observed {
            rows: vec![
                row("a", "m", "en"),
                row("b", "m", "en"),
                row("c", "m", "es"),
                row("d", "n", "en"),
            ],
            pairs: vec![pair(0, 1), pair(0, 3), pair(1, 0), pair(2, 0)],
        };
        let said = [(0.9, true), (0.8, true), (0.7, true), (0.2, false)];
        let said = said.map(|(probability, flagged)| Said { probability, flagged });
        let figures: HashMap<String, Figure> = super::figures(&observed, &said).into_iter().collect();
        let value = |name: &str| figures[name].value;
        assert_eq!(value("candidate_recall"), 3.0 / 6.0);
        assert_eq!((value("flag_precision"), value("flag_recall")), (2.0 / 3.0, 2.0 / 6.0));
        assert_eq!((value("flag_recall_en"), value("flag_recall_cross")), (1.0, 0.0));
        assert_eq!(value("roc_auc"), 1.0 / 3.0);
        assert!(value("flag_recall_es").is_nan());
    }
}
