//! `deskwise eval compare A B`: which of two runs is better.

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use clap::Args;
use eval::compare::{self, Comparison};
use eval::{Kind, folder};

/// Two folders of runs.
#[derive(Debug, Args)]
pub struct Options {
    /// Report folder of the one.
    a: PathBuf,
    /// Report folder of the other.
    b: PathBuf,
    /// Prints the comparison as one JSON object on the last line of standard output.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<()> {
    let comparison = compare(options)?;
    if options.json {
        println!("{}", serde_json::to_string(&comparison)?);
    } else {
        println!("{}", comparison.to_markdown());
    }
    Ok(())
}

fn compare(options: &Options) -> Result<Comparison> {
    let Options { a, b, .. } = options;
    let (kind, other) = (folder::read_metrics(a)?.kind, folder::read_metrics(b)?.kind);
    ensure!(
        kind == other,
        "{} measured {kind:?} and {} {other:?}: they cannot be compared",
        a.display(),
        b.display()
    );
    match kind {
        Kind::Classify => compare::heads(&folder::read_predictions(a)?, &folder::read_predictions(b)?),
        Kind::Retrieval | Kind::Duplicates => {
            compare::searches(kind, &folder::read_predictions(a)?, &folder::read_predictions(b)?)
        }
        Kind::Matters | Kind::Answers => {
            bail!("runs on {kind:?} are held against their baseline by `deskwise eval suite`, not compared")
        }
    }
}
