//! `deskwise train classify`: from anyone's labelled file to a model folder.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use training::{Columns, DataSource, Recipe};

use crate::cli::meter;
use crate::config::Config;
use crate::open;

/// What to train a head on.
#[derive(Debug, Args)]
pub struct Options {
    /// CSV with a header, or JSON Lines; the recipe's when left out, if it names one.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Column with the text; several are joined. The recipe's when left out, else `text`.
    #[arg(long, value_name = "COLUMN")]
    text: Vec<String>,
    /// Column with the label. The recipe's when left out, else `label`.
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// Column by whose values figures are also reported apart. The recipe's when left out, for the data it names.
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
pub fn run(options: Options, config: &Config) -> Result<()> {
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
    super::report(&report, report.to_markdown(), options.json, &training.out)
}

impl Options {
    /// The columns named here, else the recipe's, else those of a plain file. Other data than the recipe's need not have
    /// its slice.
    fn columns(&self, named: &DataSource) -> Columns {
        let text = [&self.text, &named.text]
            .into_iter()
            .find(|columns| !columns.is_empty());
        let label = self.label.as_ref().or(named.label.as_ref());
        let of_recipe = named.slice.as_ref().filter(|_| self.data.is_none());
        Columns {
            text: text.cloned().unwrap_or_else(|| vec!["text".to_owned()]),
            label: label.cloned().unwrap_or_else(|| "label".to_owned()),
            slice: self.slice.clone().or_else(|| of_recipe.cloned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slice_of_a_recipe_is_of_its_own_data() {
        let named = DataSource {
            slice: Some("language".to_owned()),
            ..DataSource::default()
        };
        let slice = |data: Option<&str>, slice: Option<&str>| {
            let options = Options {
                data: data.map(PathBuf::from),
                text: Vec::new(),
                label: None,
                slice: slice.map(str::to_owned),
                test: None,
                recipe: None,
                seed: None,
                finetune: None,
                out: PathBuf::from("head"),
                json: false,
            };
            options.columns(&named).slice
        };
        assert_eq!(slice(None, None).as_deref(), Some("language"));
        assert_eq!(slice(Some("mine.csv"), None), None);
        assert_eq!(slice(Some("mine.csv"), Some("shop")).as_deref(), Some("shop"));
    }
}
