//! What the decision between an answer and silence is worth. Intervals resample whole topics, not single questions.

use std::collections::HashMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::bootstrap::Figure;
use crate::calibration::ece;
use crate::folder::{Files, REPORT};
use crate::metrics::{Kind, Metrics};
use crate::prediction::Prediction;
use crate::questions::Base;
use crate::report;
use crate::scope::grouped_auroc;
use crate::share;

/// What was said to a question. **Persisted** as one line of `predictions.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// The question's id.
    pub id: String,
    /// What was asked.
    pub text: String,
    /// Its language.
    pub language: Option<String>,
    /// What stays together when rows are resampled.
    pub group: String,
    /// What the base had of the articles.
    pub base: Base,
    /// Whether one that answers was among them.
    pub possible: bool,
    /// The article of the passage that came first, shown or not.
    pub first: Option<String>,
    /// Whether that article answers.
    pub right: bool,
    /// Of being answered. **Units:** 0 to 1.
    pub probability: f64,
    /// Whether that reached the threshold.
    pub shown: bool,
}

/// Counts over the questions of one group.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    possible: f64,
    impossible: f64,
    shown_possible: f64,
    shown_impossible: f64,
    shown_right: f64,
}

/// The figures, over all and apart for the questions in English and in Spanish.
pub fn metrics(said: &[Said]) -> Metrics {
    let mut metrics = Metrics::new(Kind::Answers, said.len(), []);
    let mut add = |part: &str, said: Vec<&Said>| {
        for (name, figure) in figures(&said) {
            metrics.add(&format!("{name}{part}"), figure);
        }
    };
    add("", said.iter().collect());
    for (part, language) in [("_en", "en"), ("_es", "es")] {
        add(
            part,
            said.iter()
                .filter(|one| one.language.as_deref() == Some(language))
                .collect(),
        );
    }
    metrics.fact("answerable", said.iter().filter(|one| one.possible).count() as f64);
    metrics.fact("shown", said.iter().filter(|one| one.shown).count() as f64);
    metrics
}

fn figures(said: &[&Said]) -> [(&'static str, Figure); 6] {
    let groups = groups(said);
    let mut tallies = vec![Tally::default(); groups.iter().max().map_or(0, |last| last + 1)];
    for (one, group) in said.iter().zip(&groups) {
        let (possible, shown) = (f64::from(one.possible), f64::from(one.shown));
        let tally = &mut tallies[*group];
        tally.possible += possible;
        tally.impossible += 1.0 - possible;
        tally.shown_possible += possible * shown;
        tally.shown_impossible += (1.0 - possible) * shown;
        tally.shown_right += f64::from(one.right) * shown;
    }
    let ratio = |part: fn(&Tally) -> f64, whole: fn(&Tally) -> f64| {
        let groups: Vec<(f64, f64)> = tallies.iter().map(|tally| (part(tally), whole(tally))).collect();
        share::ratio(&groups)
    };
    let shown = |tally: &Tally| tally.shown_possible + tally.shown_impossible;
    let scores: Vec<(f64, bool)> = said.iter().map(|one| (one.probability, one.possible)).collect();
    let predictions: Vec<Prediction> = said.iter().map(|one| prediction(one)).collect();
    [
        ("roc_auc", grouped_auroc(&scores, &groups)),
        ("ece", ece(&predictions)),
        ("shown_precision", ratio(|tally| tally.shown_possible, shown)),
        ("shown_first_right", ratio(|tally| tally.shown_right, shown)),
        (
            "answerable_shown",
            ratio(|tally| tally.shown_possible, |tally| tally.possible),
        ),
        (
            "unanswerable_shown",
            ratio(|tally| tally.shown_impossible, |tally| tally.impossible),
        ),
    ]
}

/// The group of each, numbered in order of appearance.
fn groups(said: &[&Said]) -> Vec<usize> {
    let mut known: HashMap<&str, usize> = HashMap::new();
    said.iter()
        .map(|one| {
            let next = known.len();
            *known.entry(one.group.as_str()).or_insert(next)
        })
        .collect()
}

fn prediction(said: &Said) -> Prediction {
    Prediction {
        label: if said.possible { "answered" } else { "not" }.to_owned(),
        predicted: "answered".to_owned(),
        confidence: said.probability as f32,
        ..Prediction::default()
    }
}

/// How often the share that is answerable is what the probability says.
pub(crate) fn predictions(said: &[Said]) -> Vec<Prediction> {
    said.iter().map(prediction).collect()
}

/// The files of a run.
///
/// **Errors**: a plot that cannot be drawn, a value that JSON cannot hold.
pub fn files(title: &str, metrics: &Metrics, said: &[Said]) -> Result<Files> {
    let mut files = Files::new(said, metrics)?;
    files.add(REPORT, report::answers_page(title, metrics, said)?.into_bytes());
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(id: &str, language: &str, possible: bool, probability: f64) -> Said {
        Said {
            id: id.to_owned(),
            text: format!("question {id}"),
            language: Some(language.to_owned()),
            group: id.to_owned(),
            base: Base::Whole,
            possible,
            first: Some("article".to_owned()),
            right: possible && probability > 0.7,
            probability,
            shown: probability >= 0.5,
        }
    }

    fn some() -> [Said; 5] {
        [
            said("a", "en", true, 0.9),
            said("b", "en", true, 0.6),
            said("c", "en", false, 0.7),
            said("d", "es", true, 0.3),
            said("e", "es", false, 0.1),
        ]
    }

    #[test]
    fn what_is_shown_and_what_is_silent_is_counted_by_language() {
        let metrics = metrics(&some());
        let value = |name: &str| metrics.figures[name].value;
        assert_eq!(
            (value("shown_precision"), value("shown_first_right")),
            (2.0 / 3.0, 1.0 / 3.0)
        );
        assert_eq!(
            (value("answerable_shown"), value("unanswerable_shown")),
            (2.0 / 3.0, 0.5)
        );
        assert_eq!(
            (value("answerable_shown_es"), value("unanswerable_shown_en")),
            (0.0, 1.0)
        );
        assert_eq!((value("roc_auc"), value("roc_auc_es")), (4.0 / 6.0, 1.0));
        assert!(
            !metrics.figures.contains_key("shown_precision_es"),
            "nothing Spanish was shown"
        );
        assert_eq!((metrics.facts["answerable"], metrics.facts["shown"]), (3.0, 3.0));
    }

    #[test]
    fn the_page_shows_both_kinds_of_mistakes() {
        let said = some();
        let page = report::answers_page("set", &metrics(&said), &said).expect("a page");
        for text in ["question c", "question d", "unanswerable shown"] {
            assert!(page.contains(text), "{text}");
        }
        assert!(!page.contains("question e"), "rightly silent");
    }
}
