//! `deskwise eval`: what models, search and the desk itself are worth, in figures with intervals.

mod classify;
mod compare;
mod duplicates;
mod heads;
mod history;
mod output;
mod retrained;
mod retrieval;
mod step;
mod suite;
mod taught;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use crate::config::Config;

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A head on labelled rows.
    Classify(classify::Options),
    /// Search on judged queries, in BEIR layout.
    Retrieval(retrieval::Options),
    /// Duplicates among tickets.
    Duplicates(duplicates::Options),
    /// A suite of measurements against its bounds and its baseline.
    Suite(suite::Options),
    /// Two runs on the same rows: which is better, and whether that is chance.
    Compare(compare::Options),
    /// A head on the desk's own past tickets, before it is switched on.
    History(history::Options),
}

/// Where a run goes.
#[derive(Debug, Clone, Args)]
struct Output {
    /// Folder for predictions.jsonl, metrics.json and report.html; those of an earlier run are replaced.
    #[arg(long, value_name = "DIR", default_value = "eval-report")]
    report: PathBuf,
    /// Prints the figures as one JSON object on the last line of standard output.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(command: Command, config: &Config) -> Result<()> {
    match command {
        Command::Classify(options) => {
            let config = config.clone();
            tokio::task::spawn_blocking(move || classify::run(options, &config))
                .await
                .context("the evaluation was interrupted")?
        }
        Command::Retrieval(options) => retrieval::run(&options, config).await,
        Command::Duplicates(options) => duplicates::run(&options, config).await,
        Command::Suite(options) => suite::run(&options, config).await,
        Command::Compare(options) => compare::run(&options),
        Command::History(options) => history::run(options, config).await,
    }
}

/// The last part of a path: what a page calls it, wherever it lies on this machine.
fn last(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy()
}
