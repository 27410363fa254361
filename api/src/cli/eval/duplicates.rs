//! `deskwise eval duplicates`: known duplicates among tickets.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use eval::retrieval::Mode;
use eval::{Kind, duplicates};

use super::{Output, last, retrieval};
use crate::config::Config;

/// Which tickets.
#[derive(Debug, Args)]
pub struct Options {
    /// Folder with tickets.jsonl and duplicates.tsv.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Runs the command.
pub async fn run(options: &Options, config: &Config) -> Result<()> {
    let set = duplicates::read(&options.data)?.into_retrieval();
    let files = duplicates::files(&options.data);
    let run = retrieval::ranked(Kind::Duplicates, &set, Mode::Hybrid, &files, config).await?;
    let title = format!("Duplicates in {}", last(&options.data));
    options.output.finish(&run.files(&title, &set.corpus)?, &run.metrics)
}
