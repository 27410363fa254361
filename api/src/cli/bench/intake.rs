//! `deskwise bench intake`: a fresh server of our own, loaded over HTTP on loopback.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

use crate::cli::bench::clients::{Load, Measured, submit_all};
use crate::cli::bench::encoder::measure;
use crate::cli::bench::process::ServerProcess;
use crate::cli::bench::scratch;
use crate::cli::meter;
use crate::config::Config;
use crate::open;

/// Texts at most that the encoder alone is measured on.
const ENCODER_TEXTS: usize = 2_000;
/// Rounds of the encoder alone, before the load and after it: a processor does not keep its pace.
const ENCODER_ROUNDS: usize = 2;

/// How to load the server.
#[derive(Debug, Args)]
pub struct Options {
    /// One ticket body a line; the tickets written for this project when left out.
    #[arg(long, value_name = "FILE")]
    texts: Option<PathBuf>,
    /// Tickets to submit; texts come round again where there are fewer.
    #[arg(long, default_value_t = 10_000)]
    tickets: usize,
    /// Clients at once, each waiting for its answer.
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

/// The figures.
#[derive(Debug, Serialize)]
struct Figures {
    tickets: usize,
    clients: usize,
    decided_in_answer: usize,
    seconds: f64,
    tickets_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    encoder_texts_per_second: f64,
    ratio: f64,
    memory_mb: f64,
    memory_peak_mb: f64,
    ready_seconds_empty: f64,
    ready_seconds_stored: f64,
    kernel: String,
    threads: usize,
}

/// Runs the command.
pub async fn run(options: Options, config: &Config) -> Result<()> {
    let texts = Arc::new(scratch::texts(options.texts.as_deref())?);
    let folder = tempfile::tempdir()?;
    let token = scratch::token(folder.path()).await?;
    // The shipped models are unpacked here, so that the server finds the weights where this process does.
    let models = open::model_folder(config, &config.models.encoder)?;
    let models = models.parent().context("the models have no folder")?.to_owned();
    let before = encoder_alone(config, &texts, options.tickets).await?;
    let server = ServerProcess::start(folder.path(), &models, &[]).await?;
    let ready_seconds_empty = server.ready_seconds;
    let bar = meter::counting("tickets", options.tickets as u64);
    let load = Load {
        url: server.url.clone(),
        token,
        texts: Arc::clone(&texts),
        tickets: options.tickets,
        clients: options.clients.max(1),
    };
    let measured = submit_all(&load, &bar).await?;
    bar.finish_and_clear();
    let (memory_mb, memory_peak_mb) = server.memory_mb()?;
    server.stop()?;
    let again = ServerProcess::start(folder.path(), &models, &[]).await?;
    let ready_seconds_stored = again.ready_seconds;
    again.stop()?;
    let after = encoder_alone(config, &texts, options.tickets).await?;
    let encoder_texts_per_second = (before.texts_per_second + after.texts_per_second) / 2.0;
    let tickets_per_second = options.tickets as f64 / measured.seconds;
    let Measured {
        seconds,
        latency,
        decided,
    } = measured;
    let figures = Figures {
        tickets: options.tickets,
        clients: load.clients,
        decided_in_answer: decided,
        seconds,
        tickets_per_second,
        p50_ms: latency.value_at_quantile(0.5) as f64 / 1e3,
        p99_ms: latency.value_at_quantile(0.99) as f64 / 1e3,
        encoder_texts_per_second,
        ratio: tickets_per_second / encoder_texts_per_second,
        memory_mb,
        memory_peak_mb,
        ready_seconds_empty,
        ready_seconds_stored,
        kernel: after.kernel,
        threads: after.threads,
    };
    print(&figures, options.json)
}

/// The encoder by itself, on the texts as triage reads them: an even sample of those that are submitted.
async fn encoder_alone(config: &Config, texts: &[(String, String)], tickets: usize) -> Result<encoder::bench::Figures> {
    let said =
        |(subject, body): &(String, String)| desk::text::without_quoted_history(&desk::text::joined(subject, body));
    let submitted = texts.iter().cycle().take(tickets);
    let texts = submitted
        .step_by(tickets.div_ceil(ENCODER_TEXTS).max(1))
        .map(said)
        .collect();
    measure(config, texts, ENCODER_ROUNDS).await
}

fn print(figures: &Figures, json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string(figures)?);
    } else {
        println!("{}", serde_json::to_string_pretty(figures)?);
    }
    Ok(())
}
