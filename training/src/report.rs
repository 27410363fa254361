//! What is known of a fitted head, for people and for programs.

use std::fmt::Write as _;

use classifier::Vote;
use classifier::abstention::Outcome;
use serde::{Serialize, Serializer};

use crate::dataset::Dropped;
use crate::scores::{Interval, LabelScore, Scores};

/// Figures of a training run; every one on rows the fit had not seen, and those of the target precision and of the
/// alternatives on the very rows that thresholds and quantile were derived from.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Rows learnt from.
    pub rows: usize,
    /// Rows left out.
    pub dropped: Dropped,
    /// Labels with their held-out counts.
    #[serde(serialize_with = "label_figures")]
    pub labels: Vec<(String, LabelScore)>,
    /// Embedding dimensions, word terms, character terms.
    pub features: [usize; 3],
    /// Strength of the penalty that won.
    pub l2: f64,
    /// All strengths tried.
    pub tried: Vec<Tried>,
    /// What logits are divided by.
    pub temperature: f32,
    /// Mean held-out log-loss calibrated by temperature alone.
    pub temperature_loss: f64,
    /// The same with an isotonic curve behind the temperature; the lesser of the two decided.
    pub isotonic_loss: f64,
    /// How stored examples vote, where they do.
    pub vote: Option<Vote>,
    /// Over all rows.
    pub scores: Scores,
    /// By value of the slice column.
    pub slices: Vec<Slice>,
    /// Share of given labels that should be right.
    pub target_precision: f64,
    /// Whether each label has its own threshold.
    pub threshold_per_label: bool,
    /// What that costs.
    #[serde(serialize_with = "outcome_figures")]
    pub answered: Outcome,
    /// The list of alternatives.
    pub alternatives: Promise,
    /// On the test rows, where there are some.
    pub test: Option<Tested>,
}

/// Figures on rows kept out of everything.
#[derive(Debug, Clone, Serialize)]
pub struct Tested {
    /// The figures.
    pub scores: Scores,
    /// Rows whose label was not learnt; they count as wrong.
    pub unknown_labels: usize,
    /// Share of rows that get a label at the target precision, in `0..=1`.
    pub coverage: Interval,
    /// Share of those whose label is right, in `0..=1`.
    pub precision: Interval,
}

/// One strength of the penalty.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tried {
    /// The strength.
    pub l2: f64,
    /// Held-out log-loss after calibration.
    pub log_loss: f64,
    /// Held-out accuracy.
    pub accuracy: f64,
}

/// Figures of the rows that share a value.
#[derive(Debug, Clone, Serialize)]
pub struct Slice {
    /// The value.
    pub name: String,
    /// The figures.
    pub scores: Scores,
}

/// What the alternatives promise and keep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Promise {
    /// Share of texts whose label should be among them.
    pub promised: f64,
    /// Share whose label was.
    pub held: f64,
    /// Labels in a list, on average.
    pub mean_size: f64,
}

impl Report {
    /// The figures as a Markdown section.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text =
            String::from("| rows | number | accuracy | macro-F1 | calibration error |\n|---|---|---|---|---|\n");
        let named =
            std::iter::once(("all", &self.scores)).chain(self.slices.iter().map(|s| (s.name.as_str(), &s.scores)));
        let test = self.test.iter().map(|tested| ("test", &tested.scores));
        named
            .chain(test)
            .for_each(|(name, scores)| score_line(&mut text, name, scores));
        let _ = writeln!(
            text,
            "\n| label | rows | precision | recall | F1 |\n|---|---|---|---|---|"
        );
        for (label, score) in &self.labels {
            let (precision, recall) = (score.precision(), score.recall());
            let _ = writeln!(
                text,
                "| {label} | {} | {precision:.3} | {recall:.3} | {:.3} |",
                score.rows,
                score.f1()
            );
        }
        let _ = writeln!(text, "\n{}", self.sentences());
        text
    }

    fn sentences(&self) -> String {
        [Some(self.promises()), self.tested(), Some(self.making())]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn tested(&self) -> Option<String> {
        let Tested {
            coverage,
            precision,
            unknown_labels,
            ..
        } = self.test.as_ref()?;
        let unknown = match unknown_labels {
            0 => String::new(),
            rows => format!(" {rows} of them have a label that was not learnt and count as wrong."),
        };
        Some(format!(
            "On the test rows it answers {:.1} % and is right in {:.1} % ({:.1} to {:.1}) of those.{unknown}",
            coverage.value * 100.0,
            precision.value * 100.0,
            precision.low * 100.0,
            precision.high * 100.0,
        ))
    }

    fn making(&self) -> String {
        let vote = self.vote.map_or_else(
            || "no neighbour votes".to_owned(),
            |Vote {
                 neighbours,
                 width,
                 weight,
                 ..
             }| format!("the {neighbours} nearest examples vote (width {width}, weight {weight:.3})"),
        );
        let calibration = if self.isotonic_loss < self.temperature_loss {
            "temperature and an isotonic curve"
        } else {
            "temperature"
        };
        format!(
            "Left out: {} copies, {} copies with another label, {} texts that are in the test. Penalty {}, {vote}, \
             calibrated by {calibration} (held-out log-loss {:.4} by temperature {:.3}, {:.4} by isotonic), {} \
             embedding numbers, {} word terms, {} character terms.",
            self.dropped.copies,
            self.dropped.contradictions,
            self.dropped.in_test,
            self.l2,
            self.temperature_loss,
            self.temperature,
            self.isotonic_loss,
            self.features[0],
            self.features[1],
            self.features[2],
        )
    }

    fn promises(&self) -> String {
        let own = if self.threshold_per_label {
            "a threshold for each label"
        } else {
            "one threshold for all labels"
        };
        let Outcome { coverage, precision } = self.answered;
        let Promise {
            promised,
            held,
            mean_size,
        } = self.alternatives;
        format!(
            "Asked to be right {:.0} % of the time, with {own}, it answers {:.1} % of the texts and is right in {:.1} % \
             of those; the rest goes to a person. The alternatives should hold the right label {:.0} % of the time: \
             they did {:.1} % of the time, with {mean_size:.2} labels on average. Thresholds and alternatives are judged \
             here on the rows they were derived from, which flatters them a little.",
            self.target_precision * 100.0,
            coverage * 100.0,
            precision * 100.0,
            promised * 100.0,
            held * 100.0,
        )
    }
}

fn score_line(text: &mut String, name: &str, scores: &Scores) {
    let figure = |Interval { value, low, high }: Interval| format!("{value:.3} ({low:.3} to {high:.3})");
    let (accuracy, f1, ece) = (figure(scores.accuracy), figure(scores.macro_f1), figure(scores.ece));
    let _ = writeln!(text, "| {name} | {} | {accuracy} | {f1} | {ece} |", scores.rows);
}

#[derive(Serialize)]
struct LabelFigures<'a> {
    label: &'a str,
    rows: usize,
    precision: f64,
    recall: f64,
    f1: f64,
}

fn label_figures<S: Serializer>(labels: &[(String, LabelScore)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(labels.iter().map(|(label, score)| LabelFigures {
        label,
        rows: score.rows,
        precision: score.precision(),
        recall: score.recall(),
        f1: score.f1(),
    }))
}

#[derive(Serialize)]
struct OutcomeFigures {
    coverage: f32,
    precision: f32,
}

fn outcome_figures<S: Serializer>(outcome: &Outcome, serializer: S) -> Result<S::Ok, S::Error> {
    OutcomeFigures {
        coverage: outcome.coverage,
        precision: outcome.precision,
    }
    .serialize(serializer)
}
