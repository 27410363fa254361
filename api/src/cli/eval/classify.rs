//! `deskwise eval classify`: a head on labelled rows.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use eval::classify::{self, Models, Source};

use super::{Output, last};
use crate::cli::meter;
use crate::config::Config;
use crate::open;

/// A head, and the rows to judge it on.
#[derive(Debug, Args)]
pub struct Options {
    /// Folder of the head, or its name below models_dir.
    #[arg(long, value_name = "DIR")]
    head: String,
    /// CSV with a header.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Column with the text.
    #[arg(long, value_name = "COLUMN", default_value = "text")]
    text: String,
    /// Column with the label.
    #[arg(long, value_name = "COLUMN", default_value = "label")]
    label: String,
    /// CSV with texts that belong to no label.
    #[arg(long, value_name = "FILE")]
    out_of_scope: Option<PathBuf>,
    /// CSV the head has learnt from: texts in both are left out, and mistakes are shown beside what it has learnt.
    #[arg(long, value_name = "FILE")]
    train: Option<PathBuf>,
    /// Asks the head for another precision than its manifest does, between 0 and 1.
    #[arg(long, value_name = "SHARE")]
    target_precision: Option<f64>,
    #[command(flatten)]
    output: Output,
}

/// Runs the command.
pub fn run(options: Options, config: &Config) -> Result<()> {
    let source = Source {
        data: options.data,
        text: options.text,
        label: options.label,
        only: None,
        out_of_scope: options.out_of_scope,
        train: options.train,
    };
    let set = source.read()?;
    if set.leaks > 0 {
        eprintln!("{} texts are also in the training data and were left out", set.leaks);
    }
    let models = Models {
        head: &open::model_folder(config, &options.head)?,
        encoder: &open::model_folder(config, &config.models.encoder)?,
        target_precision: options.target_precision,
    };
    let encoder = open::encoder(config)?;
    let bar = meter::counting("texts", set.rows.len() as u64);
    let run = classify::run(models, &encoder, &set, &mut meter::moved(&bar))?;
    bar.finish_and_clear();
    let title = format!("{} on {}", last(Path::new(&options.head)), last(&source.data));
    options.output.finish(&run.files(&title)?, &run.metrics)
}
