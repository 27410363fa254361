//! Whether what came out of a suite is what must come out, and no worse than what came out before.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::bootstrap::Figure;
use crate::folder::pretty;
use crate::metrics::Metrics;
use crate::suite::{Bound, Step};

/// What came out of a suite once. **Persisted** under `eval/baselines/`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The figures of each step.
    pub steps: BTreeMap<String, Metrics>,
}

impl Baseline {
    /// The baseline in a file; none where there is no such file.
    ///
    /// **Errors**: it cannot be read, or is broken.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let baseline = serde_json::from_str(&text).with_context(|| format!("{} is not a baseline", path.display()))?;
        Ok(Some(baseline))
    }

    /// Writes the baseline; what each label got stays in the reports.
    ///
    /// **Errors**: it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut short = self.clone();
        short.steps.values_mut().for_each(|metrics| metrics.per_label.clear());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(path, pretty(&short)?).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepVerdict {
    /// The step.
    pub name: String,
    /// Whether every bound is kept and nothing is worse than before.
    pub passed: bool,
    /// Each bound.
    pub bounds: Vec<BoundVerdict>,
    /// Whether the baseline was measured on other data, so that it says nothing of this.
    pub other_data: bool,
    /// The figures.
    pub metrics: Metrics,
}

/// What became of a bound.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BoundVerdict {
    /// The figure.
    pub metric: String,
    /// What came out; none where the step has no such figure.
    pub figure: Option<Figure>,
    /// What must come out.
    pub bound: f64,
    /// Whether it did.
    pub kept: bool,
    /// Whether what should come out did.
    pub aim_reached: Option<bool>,
    /// How it compares with the baseline.
    pub since: Since,
    /// What came out before.
    pub baseline: Option<Figure>,
}

/// A figure beside its baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Since {
    /// Better than the baseline's interval.
    Better,
    /// Within it.
    Same,
    /// Worse than it.
    Worse,
    /// There is none.
    New,
}

/// Judges a step.
pub fn judge(step: &Step, metrics: Metrics, baseline: Option<&Metrics>) -> StepVerdict {
    let other_data = baseline.is_some_and(|before| before.fingerprints.data != metrics.fingerprints.data);
    let before = baseline.filter(|_| !other_data);
    let bounds: Vec<BoundVerdict> = step
        .bounds
        .iter()
        .map(|bound| {
            let baseline = before.and_then(|before| before.figures.get(&bound.metric).copied());
            bound.judge(metrics.figures.get(&bound.metric).copied(), baseline)
        })
        .collect();
    StepVerdict {
        name: step.name.clone(),
        passed: bounds.iter().all(|bound| bound.kept && bound.since != Since::Worse),
        bounds,
        other_data,
        metrics,
    }
}

impl Bound {
    fn judge(&self, figure: Option<Figure>, baseline: Option<Figure>) -> BoundVerdict {
        let since = match figure.zip(baseline) {
            None => Since::New,
            Some((figure, before)) => self.since(figure, before),
        };
        BoundVerdict {
            metric: self.metric.clone(),
            bound: self.at_least.or(self.at_most).unwrap_or(f64::NAN),
            kept: figure.is_some_and(|figure| self.is_kept(figure)),
            aim_reached: figure
                .zip(self.aim)
                .map(|(figure, aim)| self.reaches(figure.value, aim)),
            figure,
            since,
            baseline,
        }
    }

    fn is_kept(&self, figure: Figure) -> bool {
        let (low, high) = if self.within_interval {
            (figure.low, figure.high)
        } else {
            (figure.value, figure.value)
        };
        self.at_least.is_none_or(|least| high >= least) && self.at_most.is_none_or(|most| low <= most)
    }

    fn reaches(&self, value: f64, aim: f64) -> bool {
        if self.at_least.is_some() {
            value >= aim
        } else {
            value <= aim
        }
    }

    fn since(&self, figure: Figure, before: Figure) -> Since {
        let (above, below) = (figure.value > before.high, figure.value < before.low);
        match (above, below, self.at_least.is_some()) {
            (false, false, _) => Since::Same,
            (true, _, true) | (_, true, false) => Since::Better,
            _ => Since::Worse,
        }
    }
}

/// Verdicts as a Markdown table.
pub fn to_markdown(verdicts: &[StepVerdict]) -> String {
    let mut lines = vec![
        "| step | figure | value | 95 % interval | must | | aim | since the baseline |".to_owned(),
        "|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    for verdict in verdicts {
        lines.extend(verdict.bounds.iter().map(|bound| line(&verdict.name, bound)));
        if verdict.other_data {
            lines.push(format!(
                "| {} | | | | | | | the baseline is of other data |",
                verdict.name
            ));
        }
    }
    lines.join("\n")
}

fn line(step: &str, verdict: &BoundVerdict) -> String {
    let figure = verdict.figure.map_or_else(
        || "missing | ".to_owned(),
        |Figure { value, low, high }| format!("{value:.4} | {low:.4} to {high:.4}"),
    );
    let kept = if verdict.kept { "kept" } else { "MISSED" };
    let aim = match verdict.aim_reached {
        Some(true) => "reached",
        Some(false) => "not yet",
        None => "",
    };
    let before = verdict
        .baseline
        .map_or_else(String::new, |before| format!(" ({:.4})", before.value));
    let since = match verdict.since {
        Since::Better => "better",
        Since::Same => "same",
        Since::Worse => "WORSE",
        Since::New => "new",
    };
    format!(
        "| {step} | {} | {figure} | {} | {kept} | {aim} | {since}{before} |",
        verdict.metric, verdict.bound
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::Fingerprint;
    use crate::metrics::Kind;
    use crate::suite::{Duplicates, Task};

    fn figure(value: f64) -> Figure {
        Figure {
            value,
            low: value - 0.02,
            high: value + 0.02,
        }
    }

    fn metrics(accuracy: f64, ece: f64) -> Metrics {
        Metrics::new(
            Kind::Classify,
            10,
            [("accuracy", figure(accuracy)), ("ece", figure(ece))],
        )
    }

    fn bound(metric: &str, at_least: Option<f64>, at_most: Option<f64>) -> Bound {
        Bound {
            metric: metric.to_owned(),
            at_least,
            at_most,
            aim: Some(0.95),
            within_interval: false,
        }
    }

    fn step(bounds: Vec<Bound>) -> Step {
        Step {
            name: "s".to_owned(),
            task: Task::Duplicates(Duplicates { data: "d".into() }),
            bounds,
        }
    }

    #[test]
    fn bounds_hold_from_below_and_from_above() {
        let step = step(vec![bound("accuracy", Some(0.9), None), bound("ece", None, Some(0.03))]);
        assert!(judge(&step, metrics(0.91, 0.02), None).passed);
        assert!(!judge(&step, metrics(0.89, 0.02), None).passed);
        assert!(!judge(&step, metrics(0.91, 0.04), None).passed);
    }

    #[test]
    fn an_interval_may_be_enough_and_a_missing_figure_never_is() {
        let near = Bound {
            within_interval: true,
            ..bound("accuracy", Some(0.9), None)
        };
        assert!(judge(&step(vec![near.clone()]), metrics(0.89, 0.0), None).passed);
        assert!(!judge(&step(vec![near]), metrics(0.87, 0.0), None).passed);
        assert!(!judge(&step(vec![bound("ndcg", Some(0.0), None)]), metrics(0.9, 0.0), None).passed);
    }

    #[test]
    fn worse_than_the_baseline_beyond_its_interval_fails() {
        let step = step(vec![bound("accuracy", Some(0.5), None), bound("ece", None, Some(0.5))]);
        let since = |accuracy: f64, ece: f64| {
            let verdict = judge(&step, metrics(accuracy, ece), Some(&metrics(0.9, 0.1)));
            (verdict.passed, verdict.bounds[0].since, verdict.bounds[1].since)
        };
        assert_eq!(since(0.89, 0.11), (true, Since::Same, Since::Same));
        assert_eq!(since(0.87, 0.1), (false, Since::Worse, Since::Same));
        assert_eq!(since(0.9, 0.13), (false, Since::Same, Since::Worse));
        assert_eq!(since(0.93, 0.07), (true, Since::Better, Since::Better));
    }

    #[test]
    fn a_baseline_of_other_data_says_nothing() {
        let mut before = metrics(0.99, 0.0);
        before.fingerprints.data = vec![Fingerprint {
            name: "x".to_owned(),
            sha256: "y".to_owned(),
        }];
        let verdict = judge(
            &step(vec![bound("accuracy", Some(0.5), None)]),
            metrics(0.6, 0.0),
            Some(&before),
        );
        assert!(verdict.passed && verdict.other_data);
        assert!(to_markdown(&[verdict]).contains("other data"));
    }

    #[test]
    fn a_baseline_is_written_and_read_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("b/n.json");
        assert_eq!(Baseline::read(&path).expect("none"), None);
        let baseline = Baseline {
            steps: [("s".to_owned(), metrics(0.9, 0.1))].into(),
        };
        baseline.write(&path).expect("room");
        let read = Baseline::read(&path).expect("a baseline").expect("one");
        // Reading a decimal may miss its last binary digit.
        let difference = read.steps["s"].figures["ece"].high - baseline.steps["s"].figures["ece"].high;
        assert!(difference.abs() < 1e-12, "{difference}");
        assert_eq!(read.steps["s"].rows, 10);
    }
}
