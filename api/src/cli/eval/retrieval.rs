//! `deskwise eval retrieval`: search on judged queries.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use eval::Kind;
use eval::beir::{self, Beir};
use eval::retrieval::{self, Mode, Ranked};
use search::{Search, SearchConfig};

use super::{Output, last};
use crate::cli::meter;
use crate::config::Config;
use crate::open;

/// What to ask, and how.
#[derive(Debug, Args)]
pub struct Options {
    /// Folder in BEIR layout: corpus.jsonl, queries.jsonl, qrels/test.tsv.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Which kinds of likeness are used.
    #[arg(long, default_value = "hybrid")]
    mode: ModeName,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeName {
    Hybrid,
    Dense,
    Sparse,
}

/// Runs the command.
pub async fn run(options: &Options, config: &Config) -> Result<()> {
    let set = beir::read(&options.data)?;
    let files = beir::files(&options.data);
    let run = ranked(Kind::Retrieval, &set, mode(options.mode), &files, config).await?;
    let title = format!("Search ({:?}) on {}", mode(options.mode), last(&options.data));
    options.output.finish(&run.files(&title, &set.corpus)?, &run.metrics)
}

/// Asks a search of its own, as the desk's is, in a folder that goes away afterwards.
pub async fn ranked(kind: Kind, set: &Beir, mode: Mode, files: &[PathBuf], config: &Config) -> Result<Ranked> {
    // The knowledge base reads texts as they are, triage by the encoder's glossary.
    let (encoder, name) = match kind {
        Kind::Duplicates => (open::encoder(config)?, &config.models.encoder),
        Kind::Classify | Kind::Retrieval | Kind::Matters | Kind::Answers => {
            (open::search_encoder(config)?.verbatim(), &config.models.search_encoder)
        }
    };
    let place = tempfile::tempdir().context("cannot make a temporary folder")?;
    let search = Search::open(SearchConfig::edge(place.path()).with_fusion(open::fusion(config)?)).await?;
    let bar = meter::counting("texts", 0);
    let rankings = retrieval::run(&search, &encoder, set, mode, &mut meter::moved(&bar)).await?;
    bar.finish_and_clear();
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    Ranked::new(kind, rankings, &files, &open::model_folder(config, name)?)
}

fn mode(name: ModeName) -> Mode {
    match name {
        ModeName::Hybrid => Mode::Hybrid,
        ModeName::Dense => Mode::Dense,
        ModeName::Sparse => Mode::Sparse,
    }
}
