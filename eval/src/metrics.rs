//! What a run found, as programs read it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::agreement::LabelFigures;
use crate::bootstrap::Figure;
use crate::fingerprint::Fingerprints;

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A head on labelled rows.
    Classify,
    /// A search on judged queries.
    Retrieval,
    /// Duplicates among tickets.
    Duplicates,
    /// The flag of probable duplicates.
    Matters,
    /// An answer or silence.
    Answers,
}

/// The figures of a run, each by its name with its interval. **Persisted** as `metrics.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// What was measured.
    pub kind: Kind,
    /// Rows, or queries, judged.
    pub rows: usize,
    /// What it was measured on, and what with.
    #[serde(default)]
    pub fingerprints: Fingerprints,
    /// Numbers that have no interval, such as the precision aimed at or rows left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, f64>,
    /// Precision, recall and F1 by label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub per_label: BTreeMap<String, LabelFigures>,
    /// The figures.
    #[serde(flatten)]
    pub figures: BTreeMap<String, Figure>,
}

impl Metrics {
    /// Figures by name; those without any row to make them from are left out.
    pub fn new<'a>(kind: Kind, rows: usize, figures: impl IntoIterator<Item = (&'a str, Figure)>) -> Self {
        let mut metrics = Metrics {
            kind,
            rows,
            fingerprints: Fingerprints::default(),
            facts: BTreeMap::new(),
            per_label: BTreeMap::new(),
            figures: BTreeMap::new(),
        };
        figures.into_iter().for_each(|(name, figure)| metrics.add(name, figure));
        metrics
    }

    /// One more figure, unless there was no row to make it from.
    pub fn add(&mut self, name: &str, figure: Figure) {
        if figure.is_defined() {
            self.figures.insert(name.to_owned(), figure);
        }
    }

    /// One more number without an interval.
    pub fn fact(&mut self, name: &str, value: f64) {
        self.facts.insert(name.to_owned(), value);
    }

    /// The mean over several draws of the same kind; the interval is the mean of theirs, so it is that of one draw.
    pub fn over_draws(draws: Vec<Metrics>) -> Option<Self> {
        let count = draws.len() as f64;
        let mut mean = draws.first()?.clone();
        for (name, figure) in &mut mean.figures {
            let of = |part: &dyn Fn(&Figure) -> f64| {
                draws
                    .iter()
                    .filter_map(|draw| draw.figures.get(name))
                    .map(part)
                    .sum::<f64>()
                    / count
            };
            *figure = Figure {
                value: of(&|figure| figure.value),
                low: of(&|figure| figure.low),
                high: of(&|figure| figure.high),
            };
        }
        mean.figures
            .retain(|name, _| draws.iter().all(|draw| draw.figures.contains_key(name)));
        mean.per_label.clear();
        if draws.len() > 1 {
            mean.fact("draws", count);
        }
        Some(mean)
    }

    /// The figures as a Markdown table.
    pub fn to_markdown(&self) -> String {
        let mut lines = vec![
            format!("| {} rows | value | 95 % interval |", self.rows),
            "|---|---|---|".to_owned(),
        ];
        for (name, Figure { value, low, high }) in &self.figures {
            lines.push(format!("| {name} | {value:.4} | {low:.4} to {high:.4} |"));
        }
        for (name, value) in &self.facts {
            lines.push(format!("| {name} | {value} | |"));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bootstrap::mean;

    #[test]
    fn draws_are_averaged() {
        let draw = |value: f64| Metrics::new(Kind::Classify, 1, [("accuracy", mean(&[value]))]);
        let over = Metrics::over_draws(vec![draw(0.0), draw(1.0)]).expect("draws");
        assert_eq!((over.figures["accuracy"].value, over.facts["draws"]), (0.5, 2.0));
        assert_eq!(Metrics::over_draws(Vec::new()), None);
    }

    #[test]
    fn figures_stand_at_the_top_of_the_json_and_come_back() {
        let mut metrics = Metrics::new(
            Kind::Classify,
            2,
            [("accuracy", mean(&[0.0, 1.0])), ("none", mean(&[]))],
        );
        metrics.fact("target_precision", 0.95);
        let json = serde_json::to_value(&metrics).expect("JSON");
        assert_eq!(json["kind"], "classify");
        assert_eq!(json["accuracy"]["value"], 0.5);
        assert!(json.get("none").is_none());
        assert_eq!(serde_json::from_value::<Metrics>(json).expect("metrics"), metrics);
        assert!(metrics.to_markdown().contains("| accuracy | 0.5000 |"));
    }
}
