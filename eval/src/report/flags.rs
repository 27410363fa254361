//! The page of the flag of probable duplicates.

use std::cmp::Ordering;

use anyhow::Result;

use super::html::{escape, start, table};
use super::plots::{self, RIGHT, Series, WRONG};
use super::{Page, cards, figures, fingerprints};
use crate::calibration::reliability;
use crate::flags::{Said, best};
use crate::matters::{Compared, Observed, Row};
use crate::metrics::Metrics;

/// Pairs shown of each kind of mistake.
const PAIRS: usize = 25;
/// Characters of a ticket shown.
const CHARS: usize = 220;

const FIRST: &[(&str, &str)] = &[
    ("roc_auc", "AUROC"),
    ("ece", "calibration error"),
    ("flag_precision", "flagged and of one matter"),
    ("flag_recall", "of one matter and flagged"),
    ("candidate_recall", "of one matter and compared"),
];

/// The page of a run.
///
/// **Shape**: `said` `[pairs]`. **Errors**: a plot that cannot be drawn.
pub fn flags_page(title: &str, metrics: &Metrics, observed: &Observed, said: &[Said]) -> Result<String> {
    let lead = format!("{} tickets, {} pairs compared", observed.rows.len(), said.len());
    let mut page = Page::new(title, &lead);
    page.section(
        "Figures",
        "Each with its 95 % interval over families of matters.",
        &cards(metrics, FIRST),
    );
    page.section("Probabilities", "", &figures(&plots_of(observed, said)?));
    let surest_first = |a: &Said, b: &Said| b.probability.total_cmp(&a.probability);
    page.section(
        "Flagged though of two matters",
        "The surest first.",
        &mistakes(observed, said, |said, same| said.flagged && !same, surest_first),
    );
    page.section(
        "Of one matter and not flagged",
        "The least sure first. Tickets that were no candidates of each other are not among them.",
        &mistakes(
            observed,
            said,
            |said, same| !said.flagged && same,
            |a, b| surest_first(b, a),
        ),
    );
    page.section(
        "Measured on",
        "The same sums mean the same data and the same model.",
        &fingerprints(metrics),
    );
    Ok(page.finish())
}

fn plots_of(observed: &Observed, said: &[Said]) -> Result<Vec<(String, &'static str)>> {
    let of = |same: bool| {
        let pairs = observed.pairs.iter().zip(said);
        let alike = pairs.filter(|(pair, _)| observed.is_same(pair) == same);
        alike.map(|(_, said)| said.probability).collect()
    };
    let series = [
        Series {
            name: "one matter",
            values: of(true),
            color: RIGHT,
        },
        Series {
            name: "two matters",
            values: of(false),
            color: WRONG,
        },
    ];
    Ok(vec![
        (
            plots::reliability(&reliability(&best(observed, said)))?,
            "Share that is of one matter by the probability given, over the most probable candidate of each ticket: on the \
             diagonal it means what it says.",
        ),
        (
            plots::histogram_over("probability", &series, 20, 0.0..1.0)?,
            "How far apart the two kinds of pairs are.",
        ),
    ])
}

fn mistakes(
    observed: &Observed,
    said: &[Said],
    is_one: impl Fn(&Said, bool) -> bool,
    order: impl Fn(&Said, &Said) -> Ordering,
) -> String {
    let pairs = observed.pairs.iter().zip(said);
    let mut wrong: Vec<(&Compared, &Said)> = pairs
        .filter(|(pair, said)| is_one(said, observed.is_same(pair)))
        .collect();
    if wrong.is_empty() {
        return "<p>None.</p>".to_owned();
    }
    wrong.sort_by(|a, b| order(a.1, b.1));
    let row = |(pair, said): &(&Compared, &Said)| {
        vec![
            format!("{:.2}", said.probability),
            ticket(&observed.rows[pair.ticket]),
            ticket(&observed.rows[pair.other]),
        ]
    };
    let rows: Vec<Vec<String>> = wrong.iter().take(PAIRS).map(row).collect();
    table(&["probability", "ticket", "candidate"], &rows)
}

fn ticket(row: &Row) -> String {
    let text = desk::text::joined(&row.subject, &row.body);
    format!("<span class=\"tag\">{}</span> {}", escape(&row.id), start(&text, CHARS))
}
