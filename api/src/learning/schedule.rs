//! Heads fitted anew now and then while the server runs.
//!
//! In a process of its own at the lowest priority: triage, whose encoder would wait behind thousands of texts, keeps the
//! processor to itself whenever it has something to do. The server takes up what comes of it as it takes up every
//! version, and gives the process up when it stops.

use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::process::Command;
use tokio::time::MissedTickBehavior;
use triage::Triage;

use crate::config::Config;
use crate::learning::{Summary, vectors};

/// The lowest priority that Linux knows.
const NICENESS: &str = "19";

/// Name of the turn to retrain, of which every server on the database has one after the other. **Persisted**.
const TURN: &str = "learning.retrain";

/// Retrains at the configured interval until it is dropped; returns at once where none is set.
pub async fn run_schedule(config: Config, triage: Arc<Triage>) {
    let Some(interval) = Some(config.learning.retrain_seconds).filter(|seconds| *seconds > 0) else {
        return;
    };
    let mut tick = tokio::time::interval(Duration::from_secs(interval));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick comes at once; a server that has just started has something better to do.
    tick.tick().await;
    loop {
        tick.tick().await;
        // Of several servers on one database, the one whose tick comes first does it; half an interval later, when
        // another tick is due, the next round begins.
        match triage.store().take_turn(TURN, Duration::from_secs(interval) / 2).await {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => {
                tracing::warn!(error = %error, "the heads could not be retrained");
                continue;
            }
        }
        match retrain(&config, &triage).await {
            Ok(output) => log(&output),
            Err(error) => tracing::warn!(error = format!("{error:#}"), "the heads could not be retrained"),
        }
    }
}

/// One line a head; where the process ended before it could report, what it said last.
fn log(output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout);
    let summaries: Vec<Summary> = said
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    for Summary {
        head,
        outcome,
        reason,
        version,
        embedded,
    } in &summaries
    {
        match version {
            Some(version) => tracing::info!(%head, version, outcome, embedded, reason, "a head was retrained"),
            None => tracing::warn!(%head, outcome, reason, "a head was not retrained"),
        }
    }
    if summaries.is_empty() {
        let said = String::from_utf8_lossy(&output.stderr);
        let reason = said.lines().last().unwrap_or("no reason");
        tracing::warn!(reason, "the heads could not be retrained");
    }
}

async fn retrain(config: &Config, triage: &Triage) -> Result<Output> {
    // This process holds the index, so the other one cannot read the vectors that are in it.
    let vectors = vectors::hand_over(triage, &config.data_dir).await?;
    let mut command = Command::new("nice");
    command.args(["-n", NICENESS]).arg(std::env::current_exe()?);
    if let Some(file) = &config.file {
        command.arg("--config").arg(file);
    }
    command
        .arg("--data-dir")
        .arg(&config.data_dir)
        .args(["retrain", "--json"]);
    command.arg("--vectors").arg(vectors.path());
    // One thread leaves the other cores alone.
    command
        .env("DESK_ENCODER__THREADS", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    Ok(command.output().await?)
}
