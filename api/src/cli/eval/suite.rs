//! `deskwise eval suite`: measurements against their bounds and their baseline.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use eval::suite::{self, Suite};
use eval::verdict::{self, Baseline, StepVerdict, judge};
use serde::Serialize;

use super::step::Steps;
use crate::config::Config;

/// Where data sets lie, when `--data-root` is left out.
const DATA_ROOT: &str = "DESK_EVAL_DATA";

/// Which suite, on data from where.
#[derive(Debug, Args)]
pub struct Options {
    /// The suite.
    file: PathBuf,
    /// Folder the suite's data lie in; DESK_EVAL_DATA when left out.
    #[arg(long, value_name = "DIR")]
    data_root: Option<PathBuf>,
    /// What came out before; `../baselines/NAME.json` beside the suite's folder when left out.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Makes what comes out now the baseline.
    #[arg(long)]
    accept: bool,
    /// Runs these steps only.
    #[arg(long, value_name = "NAME")]
    step: Vec<String>,
    /// Folder with one report a step.
    #[arg(long, value_name = "DIR", default_value = "eval-report")]
    report: PathBuf,
    /// Prints the verdicts as one JSON object on the last line of standard output.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Outcome<'a> {
    suite: &'a str,
    passed: bool,
    steps: &'a [StepVerdict],
}

/// Runs the command.
///
/// **Errors**: a step that the suite does not have; and, everything that was measured being printed and written first, a
/// step that cannot be measured, a bound that is missed, or a figure worse than its baseline.
pub async fn run(options: &Options, config: &Config) -> Result<()> {
    let suite = suite::read(&options.file)?;
    let chosen = suite.chosen(&options.step)?;
    let baseline_file = options.baseline_file(&suite.name);
    let mut baseline = Baseline::read(&baseline_file)?.unwrap_or_default();
    let steps = Steps {
        config,
        data_root: options.data_root(),
        report: options.report.clone(),
    };
    let mut verdicts = Vec::new();
    let mut broken = None;
    for step in chosen {
        eprintln!("{}: {}", suite.name, step.name);
        match steps.run(step).await {
            Ok(measured) => verdicts.push(judge(step, measured, baseline.steps.get(&step.name))),
            Err(error) => {
                broken = Some(error.context(format!("step {}", step.name)));
                break;
            }
        }
    }
    // Where nothing was measured there is nothing to say but why.
    if broken.is_none() || !verdicts.is_empty() {
        options.print(&suite.name, &verdicts, broken.is_none())?;
    }
    if options.accept && !verdicts.is_empty() {
        accept(&mut baseline, &suite, &verdicts);
        baseline.write(&baseline_file)?;
        eprintln!("wrote {}", baseline_file.display());
    }
    if let Some(error) = broken {
        return Err(error);
    }
    match verdicts.iter().filter(|verdict| !verdict.passed).count() {
        0 => Ok(()),
        failed => bail!("{failed} of {} steps of {} failed", verdicts.len(), suite.name),
    }
}

/// Takes what came out for the baseline.
fn accept(baseline: &mut Baseline, suite: &Suite, verdicts: &[StepVerdict]) {
    let now = verdicts
        .iter()
        .map(|verdict| (verdict.name.clone(), verdict.metrics.clone()));
    baseline.steps.extend(now);
    // A step that the suite has no longer would be judged by nobody.
    let is_there = |name: &String| suite.steps.iter().any(|step| step.name == *name);
    baseline.steps.retain(|name, _| is_there(name));
}

impl Options {
    fn data_root(&self) -> Option<PathBuf> {
        self.data_root
            .clone()
            .or_else(|| std::env::var_os(DATA_ROOT).map(PathBuf::from))
    }

    fn baseline_file(&self, name: &str) -> PathBuf {
        let suites = self.file.parent().unwrap_or(Path::new("."));
        self.baseline
            .clone()
            .unwrap_or_else(|| suites.join("../baselines").join(format!("{name}.json")))
    }

    fn print(&self, suite: &str, verdicts: &[StepVerdict], is_whole: bool) -> Result<()> {
        if self.json {
            let outcome = Outcome {
                suite,
                passed: is_whole && verdicts.iter().all(|verdict| verdict.passed),
                steps: verdicts,
            };
            println!("{}", serde_json::to_string(&outcome)?);
        } else {
            println!("{}", verdict::to_markdown(verdicts));
        }
        Ok(())
    }
}
