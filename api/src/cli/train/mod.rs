//! `deskwise train`: models from files.

pub(super) mod answerability;
mod classify;
pub(super) mod duplicates;
mod fusion;

use std::fmt::Display;
use std::path::Path;

use anyhow::{Context, Result};
use clap::Subcommand;
use serde::Serialize;

use crate::config::Config;

/// What to train.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A head that names one label a text.
    Classify(classify::Options),
    /// How search weighs its scores.
    Fusion(fusion::Options),
    /// Which tickets are probably about the same matter.
    Duplicates(duplicates::Options),
    /// Whether the knowledge base answers a question at all.
    Answerability(answerability::Options),
}

/// Runs the command.
pub async fn run(command: Command, config: &Config) -> Result<()> {
    match command {
        Command::Classify(options) => {
            let config = config.clone();
            tokio::task::spawn_blocking(move || classify::run(options, &config))
                .await
                .context("training was interrupted")?
        }
        Command::Fusion(options) => fusion::run(&options, config).await,
        Command::Duplicates(options) => duplicates::run(&options, config).await,
        Command::Answerability(options) => answerability::run(&options, config).await,
    }
}

/// Says what a model is worth, as one JSON object or in words, and where it was written.
fn report(figures: &impl Serialize, in_words: impl Display, as_json: bool, out: &Path) -> Result<()> {
    if as_json {
        println!("{}", serde_json::to_string(figures)?);
    } else {
        println!("{in_words}");
    }
    eprintln!("wrote {}", out.display());
    Ok(())
}
