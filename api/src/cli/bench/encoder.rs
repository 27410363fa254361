//! `deskwise bench encoder`: the median of several rounds over the same texts.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use encoder::bench::Figures;

use crate::cli::embed::read_texts;
use crate::config::Config;
use crate::{open, sample};

/// What to measure the encoder on.
#[derive(Debug, Args)]
pub struct Options {
    /// One text a line; the tickets written for this project when left out.
    #[arg(long, value_name = "FILE")]
    texts: Option<PathBuf>,
    /// Rounds over all texts; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(options: Options, config: &Config) -> Result<()> {
    let figures = measure(config, texts(options.texts.as_deref())?, options.rounds).await?;
    print(&figures, options.json)
}

/// The lines of a file, or the tickets written for this project.
///
/// **Errors:** the file cannot be read.
pub fn texts(path: Option<&Path>) -> Result<Vec<String>> {
    let Some(path) = path else {
        let joined = |(subject, body): &(String, String)| desk::text::joined(subject, body);
        return Ok(sample::texts().iter().map(joined).collect());
    };
    read_texts(path)
}

/// The encoder alone on these texts.
///
/// **Errors:** there are none, or the encoder's.
pub async fn measure(config: &Config, texts: Vec<String>, rounds: usize) -> Result<Figures> {
    ensure!(!texts.is_empty(), "there are no texts to measure on");
    let mut config = config.clone();
    // A round is handed over as a whole.
    config.encoder.queue_texts = config.encoder.queue_texts.max(texts.len());
    let measure = move || -> Result<Figures> {
        let encoder = open::encoder(&config)?;
        Ok(encoder::bench::bench(&encoder, &texts, rounds)?)
    };
    tokio::task::spawn_blocking(measure)
        .await
        .context("the benchmark was interrupted")?
}

fn print(figures: &Figures, json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string(figures)?);
        return Ok(());
    }
    println!(
        "{} texts ({} tokens) in {:.2} s: {:.0} texts/s, {:.0} tokens/s ({}, {} threads)",
        figures.texts,
        figures.tokens,
        figures.seconds,
        figures.texts_per_second,
        figures.tokens_per_second,
        figures.kernel,
        figures.threads
    );
    println!(
        "one by one, {:.0} tokens each: p50 {:.2} ms, p99 {:.2} ms",
        figures.single.tokens, figures.single.p50_ms, figures.single.p99_ms
    );
    Ok(())
}
