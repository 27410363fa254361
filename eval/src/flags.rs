//! What the flag of probable duplicates is worth. Intervals resample whole families of matters, not single pairs.

use std::collections::HashMap;

use anyhow::Result;
use serde::Serialize;

use crate::bootstrap::Figure;
use crate::calibration::ece;
use crate::folder::{Files, REPORT};
use crate::matters::{Compared, Observed, Row};
use crate::metrics::Metrics;
use crate::prediction::Prediction;
use crate::scope::grouped_auroc;
use crate::{report, share};

/// What a model said of a compared pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Said {
    /// Of being one matter. **Units:** 0 to 1.
    pub probability: f64,
    /// Whether that reaches the threshold.
    pub flagged: bool,
}

/// A compared pair and what was said of it. **Persisted** as one line of `predictions.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Line<'a> {
    /// Id of the ticket that came in.
    ticket: &'a str,
    /// Id of its candidate.
    other: &'a str,
    /// What stays together when pairs are resampled.
    group: &'a str,
    /// Whether both are about one matter.
    same: bool,
    /// Of being one matter. **Units:** 0 to 1.
    probability: f64,
    /// Whether that reached the threshold.
    flagged: bool,
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
    share::ratio(
        &tallies
            .iter()
            .map(|tally| (part(tally), whole(tally)))
            .collect::<Vec<_>>(),
    )
}

/// How often a pair of one matter is more probable than one of two.
fn area(observed: &Observed, said: &[Said]) -> Figure {
    let pairs = observed.pairs.iter().zip(said);
    let scores: Vec<(f64, bool)> = pairs
        .map(|(pair, said)| (said.probability, observed.is_same(pair)))
        .collect();
    let groups = observed.groups();
    let groups: Vec<usize> = observed.pairs.iter().map(|pair| groups[pair.ticket]).collect();
    grouped_auroc(&scores, &groups)
}

/// The files of a run. **Shape:** `said` `[pairs]`.
///
/// **Errors**: a plot that cannot be drawn, a value that JSON cannot hold.
pub fn files(title: &str, metrics: &Metrics, observed: &Observed, said: &[Said]) -> Result<Files> {
    let line = |(pair, said): (&Compared, &Said)| Line {
        ticket: &observed.rows[pair.ticket].id,
        other: &observed.rows[pair.other].id,
        group: observed.rows[pair.ticket].group(),
        same: observed.is_same(pair),
        probability: said.probability,
        flagged: said.flagged,
    };
    let lines: Vec<Line<'_>> = observed.pairs.iter().zip(said).map(line).collect();
    let mut files = Files::new(&lines, metrics)?;
    let page = report::flags_page(title, metrics, observed, said)?;
    files.add(REPORT, page.into_bytes());
    Ok(files)
}

/// The most probable candidate of each ticket: what an agent looks at.
pub(crate) fn best(observed: &Observed, said: &[Said]) -> Vec<Prediction> {
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
    use crate::folder::read_predictions;
    use crate::metrics::Kind;

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

    fn observed() -> (Observed, [Said; 4]) {
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
        (observed, said)
    }

    #[test]
    fn a_run_is_written_with_its_pairs_and_its_mistakes() {
        let (observed, said) = observed();
        let mut metrics = Metrics::new(Kind::Matters, observed.rows.len(), []);
        for (name, figure) in super::figures(&observed, &said) {
            metrics.add(&name, figure);
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let files = super::files("Flags", &metrics, &observed, &said).expect("files");
        files.write(folder.path()).expect("room");
        let lines: Vec<serde_json::Value> = read_predictions(folder.path()).expect("lines");
        assert_eq!(lines.len(), 4);
        assert_eq!(
            lines[1],
            serde_json::json!({"ticket": "a", "other": "d", "group": "m", "same": false, "probability": 0.8, "flagged": true})
        );
        let page = std::fs::read_to_string(folder.path().join(REPORT)).expect("a page");
        let (_, mistakes) = page.split_once("Flagged though of two matters").expect("the section");
        assert!(mistakes.contains(">d</span>"), "{mistakes}");
    }

    #[test]
    fn what_was_no_candidate_is_missed_and_languages_are_counted_apart() {
        let (observed, said) = observed();
        let figures: HashMap<String, Figure> = super::figures(&observed, &said).into_iter().collect();
        let value = |name: &str| figures[name].value;
        assert_eq!(value("candidate_recall"), 3.0 / 6.0);
        assert_eq!((value("flag_precision"), value("flag_recall")), (2.0 / 3.0, 2.0 / 6.0));
        assert_eq!((value("flag_recall_en"), value("flag_recall_cross")), (1.0, 0.0));
        assert_eq!(value("roc_auc"), 1.0 / 3.0);
        assert!(value("flag_recall_es").is_nan());
    }
}
