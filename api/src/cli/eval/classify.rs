//! `deskwise eval classify`: a head on labelled rows.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use eval::classify::{self, Models, Source};
use eval::rows::Columns;

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
    /// CSV with a header, or JSON Lines.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Column with the text; several are joined.
    #[arg(long, value_name = "COLUMN", default_value = "text")]
    text: Vec<String>,
    /// Column with the label.
    #[arg(long, value_name = "COLUMN", default_value = "label")]
    label: String,
    /// File with texts, under the same columns, that belong to no label.
    #[arg(long, value_name = "FILE")]
    out_of_scope: Option<PathBuf>,
    /// File of which the head has learnt, besides what it knows itself to have learnt: texts in both are left out, and
    /// mistakes are shown beside these rows.
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
        columns: Columns {
            text: options.text,
            label: options.label,
        },
        only: None,
        out_of_scope: options.out_of_scope,
        train: options.train,
    };
    let set = source.read()?;
    let models = Models {
        head: &open::model_folder(config, &options.head)?,
        encoder: &open::model_folder(config, &config.models.encoder)?,
        target_precision: options.target_precision,
    };
    let encoder = open::encoder(config)?;
    let bar = meter::counting("texts", set.rows.len() as u64);
    let run = classify::run(models, &encoder, set, &mut meter::moved(&bar))?;
    bar.finish_and_clear();
    eprintln!("{}", left_out(&run.metrics));
    let title = format!("{} on {}", last(Path::new(&options.head)), last(&source.data));
    options.output.finish(&run.files(&title)?, &run.metrics)
}

/// What was left out, or why nothing could be.
fn left_out(metrics: &eval::Metrics) -> String {
    let fact = |name: &str| metrics.facts.get(name);
    match (fact("rows_left_out_as_learnt"), fact("outsiders_left_out_as_learnt")) {
        (Some(rows), Some(outsiders)) => {
            format!("{rows} rows and {outsiders} texts out of scope are left out: the head has learnt them")
        }
        (Some(rows), None) => format!("{rows} rows are left out: the head has learnt them"),
        (None, _) => {
            "the head was written before heads knew what they have learnt: whatever it has learnt of these rows is \
                      judged as well, unless --train names it"
                .to_owned()
        }
    }
}
