//! The page of the decision between an answer and silence.

use anyhow::Result;

use super::html::{escape, start, table};
use super::plots::{self, RIGHT, Series, WRONG};
use super::{Page, cards, figures, fingerprints};
use crate::answers::{Said, predictions};
use crate::calibration::reliability;
use crate::metrics::Metrics;

/// Questions shown of each kind of mistake.
const QUESTIONS: usize = 25;
/// Characters of a question shown.
const CHARS: usize = 220;

const FIRST: &[(&str, &str)] = &[
    ("roc_auc", "AUROC"),
    ("ece", "calibration error"),
    ("shown_precision", "shown and answerable"),
    ("shown_first_right", "shown and first right"),
    ("answerable_shown", "answerable shown"),
    ("unanswerable_shown", "unanswerable shown"),
];

/// The page of a run.
///
/// **Errors**: a plot that cannot be drawn.
pub fn answers_page(title: &str, metrics: &Metrics, said: &[Said]) -> Result<String> {
    let mut page = Page::new(title, &format!("{} questions asked", said.len()));
    page.section(
        "Figures",
        "Each with its 95 % interval over the topics.",
        &cards(metrics, FIRST),
    );
    page.section("Probabilities", "", &figures(&plots_of(said)?));
    page.section(
        "Shown though nothing answers",
        "The surest first, with the article that came first.",
        &mistakes(said, |one| one.shown && !one.possible, |one| -one.probability),
    );
    page.section(
        "Silent though something answers",
        "The least sure first, with the article that came first.",
        &mistakes(said, |one| !one.shown && one.possible, |one| one.probability),
    );
    page.section(
        "Measured on",
        "The same sums mean the same data and the same model.",
        &fingerprints(metrics),
    );
    Ok(page.finish())
}

fn plots_of(said: &[Said]) -> Result<Vec<(String, &'static str)>> {
    let of = |possible: bool| {
        let alike = said.iter().filter(|one| one.possible == possible);
        alike.map(|one| one.probability).collect()
    };
    let series = [
        Series {
            name: "answerable",
            values: of(true),
            color: RIGHT,
        },
        Series {
            name: "not answerable",
            values: of(false),
            color: WRONG,
        },
    ];
    Ok(vec![
        (
            plots::reliability(&reliability(&predictions(said)))?,
            "Share that is answerable by the probability given: on the diagonal it means what it says.",
        ),
        (
            plots::histogram_over("probability", &series, 20, 0.0..1.0)?,
            "How far apart the two kinds of questions are.",
        ),
    ])
}

fn mistakes(said: &[Said], is_one: impl Fn(&Said) -> bool, order: impl Fn(&Said) -> f64) -> String {
    let mut wrong: Vec<&Said> = said.iter().filter(|one| is_one(one)).collect();
    if wrong.is_empty() {
        return "<p>None.</p>".to_owned();
    }
    wrong.sort_by(|a, b| order(a).total_cmp(&order(b)));
    let row = |one: &&Said| {
        vec![
            format!("{:.2}", one.probability),
            start(&one.text, CHARS),
            escape(one.first.as_deref().unwrap_or("nothing")),
        ]
    };
    let rows: Vec<Vec<String>> = wrong.iter().take(QUESTIONS).map(row).collect();
    table(&["probability", "question", "first article"], &rows)
}
