//! `deskwise train classify`: from anyone's labelled file to a model folder.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use training::{Columns, DataSource, Recipe, Report};

use crate::cli::{answerability, duplicates, fusion, meter};
use crate::config::Config;
use crate::open;

/// What to train.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A head that names one label a text.
    Classify(Classify),
    /// How search weighs its scores.
    Fusion(fusion::Options),
    /// Which tickets are probably about the same matter.
    Duplicates(duplicates::Options),
    /// Whether the knowledge base answers a question at all.
    Answerability(answerability::Options),
}

/// What to train a head on.
#[derive(Debug, Args)]
pub struct Classify {
    /// CSV with a header, or JSON Lines; the recipe's when left out, if it names one.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Column with the text; several are joined. The recipe's when left out, else `text`.
    #[arg(long, value_name = "COLUMN")]
    text: Vec<String>,
    /// Column with the label. The recipe's when left out, else `label`.
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// Column by whose values figures are also reported apart.
    #[arg(long, value_name = "COLUMN")]
    slice: Option<String>,
    /// Labelled file to check the head on; texts in both are not trained on.
    #[arg(long, value_name = "FILE")]
    test: Option<PathBuf>,
    /// How to train, as TOML.
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
    /// Seed in place of the recipe's.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Trains the encoder itself on the labels first, and writes it to this folder; goes on where it was broken off.
    #[arg(long, value_name = "DIR")]
    finetune: Option<PathBuf>,
    /// Folder to write; its name becomes the model's.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Prints the figures as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(command: Command, config: &Config) -> Result<()> {
    let options = match command {
        Command::Classify(options) => options,
        Command::Fusion(options) => return fusion::run(&options, config).await,
        Command::Answerability(options) => return answerability::run(&options, config).await,
        Command::Duplicates(options) => return duplicates::run(&options, config).await,
    };
    let config = config.clone();
    tokio::task::spawn_blocking(move || classify(options, &config))
        .await
        .context("training was interrupted")?
}

fn classify(options: Classify, config: &Config) -> Result<()> {
    let mut recipe = options
        .recipe
        .as_deref()
        .map(Recipe::read)
        .transpose()?
        .unwrap_or_default();
    recipe.seed = options.seed.unwrap_or(recipe.seed);
    let columns = options.columns(&recipe.data);
    let data = options.data.or_else(|| recipe.data.file.clone());
    let training = training::Options {
        recipe,
        data: data.context("no data to learn from: name a file with --data")?,
        columns,
        test: options.test,
        encoder: open::model_folder(config, &config.models.encoder)?,
        encoder_config: open::encoder_settings(config)?,
        finetune: options.finetune,
        out: options.out,
    };
    let bar = meter::counting("train", 0);
    let mut acted = meter::acted(&bar);
    let report = training::train_classify(&training, &mut |progress| {
        acted(progress.act, progress.done, progress.total);
    })?;
    bar.finish_and_clear();
    print(&report, options.json)?;
    eprintln!("wrote {}", training.out.display());
    Ok(())
}

impl Classify {
    /// The columns named here, else the recipe's, else those of a plain file.
    fn columns(&self, named: &DataSource) -> Columns {
        let text = [&self.text, &named.text]
            .into_iter()
            .find(|columns| !columns.is_empty());
        let label = self.label.as_ref().or(named.label.as_ref());
        Columns {
            text: text.cloned().unwrap_or_else(|| vec!["text".to_owned()]),
            label: label.cloned().unwrap_or_else(|| "label".to_owned()),
            slice: self.slice.clone().or_else(|| named.slice.clone()),
        }
    }
}

fn print(report: &Report, json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string(report)?);
    } else {
        println!("{}", report.to_markdown());
    }
    Ok(())
}
