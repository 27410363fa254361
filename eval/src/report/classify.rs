//! The page of a head.

use anyhow::Result;

use super::html::{bar, escape, start, table};
use super::plots::{self, RIGHT, Series, WRONG};
use super::{Page, cards, confusion, figures, fingerprints};
use crate::agreement::Indexed;
use crate::bootstrap::Figure;
use crate::metrics::Metrics;
use crate::nearest::nearest;
use crate::prediction::{Outsider, Prediction};
use crate::rows::LabelledText;
use crate::{abstention, calibration};

/// Mistakes shown.
const MISTAKES: usize = 25;
/// Neighbours shown with each.
const NEIGHBOURS: usize = 3;
/// Characters of a text shown.
const CHARS: usize = 400;
/// Labels shown before the rest is folded away.
const LABELS: usize = 40;

const FIRST: &[(&str, &str)] = &[
    ("accuracy", "accuracy"),
    ("macro_f1", "macro-F1"),
    ("ece", "calibration error (ECE)"),
    ("ece_by_chance", "ECE by chance, were every confidence true"),
    ("brier", "Brier score"),
    ("coverage_at_target_precision", "decided alone at the target precision"),
    ("precision_when_decided", "right when decided alone"),
    ("ood_auroc", "AUROC, out of scope"),
    ("ood_recall", "out of scope and said so"),
    ("ood_not_decided", "out of scope and left to a person"),
    ("in_scope_kept", "in scope and taken so"),
    ("alternatives_coverage", "right label among the alternatives"),
    ("alternatives_size", "alternatives, mean number"),
    ("majority_accuracy", "accuracy of the most frequent label"),
    ("majority_macro_f1", "macro-F1 of the most frequent label"),
];

/// A wrong row and what lies near it.
#[derive(Debug, Clone)]
pub struct Mistake {
    /// The row.
    pub prediction: Prediction,
    /// The rows nearest to it.
    pub neighbours: Vec<Neighbour>,
}

/// A row near a mistake.
#[derive(Debug, Clone)]
pub struct Neighbour {
    /// Its text and label.
    pub row: LabelledText,
    /// Its likeness. **Units:** -1 to 1.
    pub cosine: f32,
}

/// The surest mistakes, each with its neighbours among these rows.
///
/// **Shape**: `vectors` `[predictions][dimensions]`, `pool_vectors` `[pool][dimensions]`.
pub fn mistakes(
    predictions: &[Prediction],
    vectors: &[Vec<f32>],
    pool: &[LabelledText],
    pool_vectors: &[Vec<f32>],
) -> Vec<Mistake> {
    let mut wrong: Vec<usize> = (0..predictions.len())
        .filter(|&at| !predictions[at].is_right())
        .collect();
    wrong.sort_by(|&a, &b| predictions[b].confidence.total_cmp(&predictions[a].confidence));
    let with_neighbours = |&at: &usize| {
        let own = pool.get(at).filter(|row| row.text == predictions[at].text).map(|_| at);
        let near = nearest(&vectors[at], pool_vectors, NEIGHBOURS, own);
        Mistake {
            prediction: predictions[at].clone(),
            neighbours: near
                .into_iter()
                .map(|(at, cosine)| Neighbour {
                    row: pool[at].clone(),
                    cosine,
                })
                .collect(),
        }
    };
    wrong.iter().take(MISTAKES).map(with_neighbours).collect()
}

/// Keeps as many as a page shows, the surest first.
pub fn keep_worst(mistakes: &mut Vec<Mistake>) {
    mistakes.sort_by(|a, b| b.prediction.confidence.total_cmp(&a.prediction.confidence));
    mistakes.truncate(MISTAKES);
}

/// The page of a run.
///
/// **Errors**: a plot that cannot be drawn.
pub fn classify_page(
    title: &str,
    metrics: &Metrics,
    predictions: &[Prediction],
    outsiders: Option<&[Outsider]>,
    mistakes: &[Mistake],
) -> Result<String> {
    let rows = Indexed::new(predictions);
    let lead = format!("{} rows, {} labels", predictions.len(), rows.labels.len());
    let mut page = Page::new(title, &lead);
    page.section(
        "Figures",
        "Each with its 95 % interval: how far it would move on another draw of as many rows.",
        &cards(metrics, FIRST),
    );
    page.section("Confidence", "", &figures(&plots_of(metrics, predictions, outsiders)?));
    page.section(
        "Confusion",
        "Right labels down, said labels across. Blue: the share of a label's rows that were recognised. Amber: the \
         share that was taken for another label, darker than to scale so that few rows are seen.",
        &format!("<div class=\"wide\">{}</div>", confusion::matrix(&rows)?),
    );
    page.section("Most frequent mix-ups", "", &confusion::mix_ups(&rows));
    page.section("Labels", "The weakest first.", &labels(metrics));
    page.section(
        "Worst mistakes",
        "Wrong rows the head was surest of, each with the nearest rows that it learnt from, where these are known, else the \
         nearest that it was judged on. Neighbours of the said label point at texts that are hard; neighbours of the right \
         label at a head that missed; both at once at doubtful labels.",
        &cases(mistakes),
    );
    page.section(
        "Measured on",
        "The same sums mean the same data and the same model.",
        &fingerprints(metrics),
    );
    Ok(page.finish())
}

fn plots_of(
    metrics: &Metrics,
    predictions: &[Prediction],
    outsiders: Option<&[Outsider]>,
) -> Result<Vec<(String, &'static str)>> {
    let scores: Vec<(f64, bool)> = predictions
        .iter()
        .map(|p| (f64::from(p.confidence), p.is_right()))
        .collect();
    let mut plots = vec![
        (
            plots::reliability(&calibration::reliability(predictions))?,
            "Reliability: how often rows of a confidence are right. On the dashed line confidence means what it says; \
             dots are mean confidences, stronger bars hold more rows.",
        ),
        (
            coverage(metrics, &scores)?,
            "Precision against coverage: what is right as less is left to people. Dashed: the precision aimed at. Dot: \
             what the head does.",
        ),
        (confidences(&scores)?, "Confidence of right and wrong rows."),
    ];
    // Rows judged by cross-validation have no energy.
    if predictions.iter().any(|prediction| prediction.energy != 0.0) {
        plots.push((
            energies(predictions, outsiders)?,
            "Energy (log-sum-exp of the logits): how much a text looks like anything the head was trained on.",
        ));
    }
    Ok(plots)
}

fn coverage(metrics: &Metrics, scores: &[(f64, bool)]) -> Result<String> {
    let value = |name: &str| metrics.figures.get(name).map(|figure| figure.value);
    let chosen = value("coverage_at_target_precision").zip(value("precision_when_decided"));
    let target = metrics.facts.get("target_precision").copied();
    let points = abstention::precision_against_coverage(scores);
    plots::coverage("share decided alone", &points, target, chosen)
}

fn confidences(scores: &[(f64, bool)]) -> Result<String> {
    let of = |right: bool| -> Vec<f64> {
        let kind = scores.iter().filter(|(_, is_right)| *is_right == right);
        kind.map(|(score, _)| *score).collect()
    };
    let right_and_wrong = [
        Series {
            name: "right",
            values: of(true),
            color: RIGHT,
        },
        Series {
            name: "wrong",
            values: of(false),
            color: WRONG,
        },
    ];
    plots::histogram("confidence", &right_and_wrong, 20)
}

fn energies(predictions: &[Prediction], outsiders: Option<&[Outsider]>) -> Result<String> {
    let mut kinds = vec![Series {
        name: "in scope",
        values: predictions.iter().map(|p| f64::from(p.energy)).collect(),
        color: RIGHT,
    }];
    kinds.extend(outsiders.map(|outsiders| Series {
        name: "out of scope",
        values: outsiders.iter().map(|o| f64::from(o.energy)).collect(),
        color: WRONG,
    }));
    plots::histogram("energy", &kinds, 30)
}

fn labels(metrics: &Metrics) -> String {
    let mut labels: Vec<_> = metrics
        .per_label
        .iter()
        .filter(|(_, figures)| figures.rows > 0)
        .collect();
    labels.sort_by(|a, b| a.1.f1.value.total_cmp(&b.1.f1.value));
    let row = |(label, figures): &(&String, &crate::agreement::LabelFigures)| {
        vec![
            escape(label),
            figures.rows.to_string(),
            with_interval(figures.precision),
            with_interval(figures.recall),
            with_interval(figures.f1),
            bar(figures.f1.value),
        ]
    };
    let rows: Vec<Vec<String>> = labels.iter().map(row).collect();
    let shown = |rows: &[Vec<String>]| table(&["label", "rows", "precision", "recall", "F1", ""], rows);
    let (weak, rest) = rows.split_at(rows.len().min(LABELS));
    if rest.is_empty() {
        shown(weak)
    } else {
        let folded = format!(
            "<details><summary>{} more labels</summary>{}</details>",
            rest.len(),
            shown(rest)
        );
        shown(weak) + &folded
    }
}

fn with_interval(figure: Figure) -> String {
    format!("{:.3} ({:.3} to {:.3})", figure.value, figure.low, figure.high)
}

fn cases(mistakes: &[Mistake]) -> String {
    if mistakes.is_empty() {
        return "<p>Every row is right.</p>".to_owned();
    }
    mistakes.iter().map(case).collect()
}

fn case(Mistake { prediction, neighbours }: &Mistake) -> String {
    let near: String = neighbours
        .iter()
        .map(|Neighbour { row, cosine }| {
            format!(
                "<li>{cosine:.2} <span class=\"tag {}\">{}</span> {}</li>",
                kind(&row.label, prediction),
                escape(&row.label),
                start(&row.text, CHARS / 2)
            )
        })
        .collect();
    format!(
        "<div class=\"case\"><p class=\"text\">{}</p>said <span class=\"tag wrong\">{}</span> {:.2} sure, right \
         <span class=\"tag right\">{}</span> {:.2}<ul>{near}</ul></div>\n",
        start(&prediction.text, CHARS),
        escape(&prediction.predicted),
        prediction.confidence,
        escape(&prediction.label),
        prediction.right_probability
    )
}

fn kind(label: &str, prediction: &Prediction) -> &'static str {
    if label == prediction.label {
        "right"
    } else if label == prediction.predicted {
        "wrong"
    } else {
        ""
    }
}
