//! `deskwise bench encoder`: the median of several rounds over the same texts.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Args;
use encoder::Side;
use encoder::bench::Figures;
use serde::Serialize;

use crate::cli::bench::process::{own_memory_mb, processor};
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

/// The pace, and what the encoder takes beside time.
#[derive(Debug, Serialize)]
struct Printed {
    #[serde(flatten)]
    figures: Figures,
    /// What the system calls the processor; none where it does not say.
    processor: Option<String>,
    /// Version of this program.
    version: &'static str,
    /// From nothing to the first vector. **Units:** seconds.
    load_seconds: f64,
    /// Memory that having loaded the encoder added to this process. **Units:** megabytes (10⁶ bytes).
    memory_mb: f64,
}

/// Runs the command.
pub async fn run(options: Options, config: &Config) -> Result<()> {
    let (load_seconds, memory_mb) = load(config.clone()).await?;
    let figures = measure(config, texts(options.texts.as_deref())?, options.rounds).await?;
    let printed = Printed {
        figures,
        processor: processor(),
        version: env!("CARGO_PKG_VERSION"),
        load_seconds,
        memory_mb,
    };
    print(&printed, options.json)
}

/// Time and memory from nothing to the first vector.
async fn load(config: Config) -> Result<(f64, f64)> {
    let load = move || -> Result<(f64, f64)> {
        let (before, began) = (own_memory_mb()?, Instant::now());
        let encoder = open::encoder(&config)?;
        encoder.embed_blocking(vec!["The first text".to_owned()], Side::Passage)?;
        Ok((began.elapsed().as_secs_f64(), own_memory_mb()? - before))
    };
    tokio::task::spawn_blocking(load)
        .await
        .context("the benchmark was interrupted")?
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

fn print(printed: &Printed, json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string(printed)?);
        return Ok(());
    }
    let figures = &printed.figures;
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
    println!(
        "first vector after {:.2} s, {:.0} MB resident for it",
        printed.load_seconds, printed.memory_mb
    );
    println!(
        "deskwise {} on {}; {} at {}, texts cut at {} tokens; median of {} rounds over texts of SHA-256 {}",
        printed.version,
        printed
            .processor
            .as_deref()
            .unwrap_or("a processor the system does not name"),
        figures.model,
        figures.revision,
        figures.max_tokens,
        figures.rounds,
        figures.texts_sha256
    );
    Ok(())
}
