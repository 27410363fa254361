//! Heads fitted anew now and then while the server runs.
//!
//! In a process of its own that runs when nothing else does: triage, whose encoder would wait behind thousands of texts,
//! keeps the processor to itself whenever it has something to do. The server takes up what comes of it as it takes up
//! every version, writes for it what would hold other writers up, and gives the process up when it stops.

use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use desk::HeadRole;
use store::StoreError;
use tokio::process::Command;
use triage::Triage;

use crate::app::App;
use crate::config::Config;
use crate::learning::{Summary, tidy, vectors};

/// Runs a command when no other wants the processor, and gives way at once to whatever wakes: at the lowest niceness it would
/// go on till its slice is over, which the encoder's threads, who wait for each other, would wait for.
const WHEN_IDLE: [&str; 3] = ["chrt", "--idle", "0"];

/// Name of the turn to retrain, of which every server on the database has one after the other; it is kept until the next
/// round is due, so that a server which starts knows when. **Persisted**.
const TURN: &str = "learning.retrain";
/// How long a round of a server that died holds the next one up.
const TURN_LEASE: Duration = Duration::from_secs(20);

/// Fits the heads anew where a round is due and no other server on this database has begun it, and logs what came of it. A
/// round that fails is due again an interval later, like any other; one that is broken off, with its server, as soon as its
/// lease is over.
///
/// **Errors:** the database's.
pub async fn retrain_in_turn(config: &Config, app: &App) -> Result<(), StoreError> {
    let Some(turn) = app.store().begin_turn(TURN, TURN_LEASE).await? else {
        return Ok(());
    };
    let next = store::now() + Duration::from_secs(config.learning.retrain_seconds);
    let round = turn.hold_until(next, retrain_and_tidy(config, app));
    if round.await.is_none() {
        tracing::warn!("retraining is given up, as the turn went to another server");
    }
    Ok(())
}

async fn retrain_and_tidy(config: &Config, app: &App) {
    match retrain(config, &app.triage).await {
        Ok(output) => log(&output),
        Err(error) => tracing::warn!(error = format!("{error:#}"), "the heads could not be retrained"),
    }
    if let Err(error) = tidy(app.store(), &app.shelf).await {
        tracing::warn!(
            error = format!("{error:#}"),
            "the files of versions are brought in or forgotten later"
        );
    }
}

/// One line a head, and what the process said last where it did not come to its end.
fn log(output: &Output) {
    let summaries = summaries(output);
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
    if let Some(reason) = why_it_ended(output, &summaries) {
        tracing::warn!(reason, status = %output.status, heads = summaries.len(), "the heads could not be retrained");
    }
}

fn summaries(output: &Output) -> Vec<Summary> {
    let said = String::from_utf8_lossy(&output.stdout);
    said.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// The last line of a process that failed for another reason than it has given for one of the heads: it was killed, or
/// broke before or after it spoke of them.
fn why_it_ended(output: &Output, summaries: &[Summary]) -> Option<String> {
    let is_told = summaries.len() == HeadRole::ALL.len() && summaries.iter().any(|said| said.version.is_none());
    let is_explained = output.status.success() || (output.status.code().is_some() && is_told);
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or("no reason");
    (!is_explained).then(|| last.to_owned())
}

async fn retrain(config: &Config, triage: &Triage) -> Result<Output> {
    // This process holds the index, so the other one cannot read the vectors that are in it.
    let vectors = vectors::hand_over(triage, &config.data_dir).await?;
    let [runner, how @ ..] = WHEN_IDLE;
    let mut command = Command::new(runner);
    command.args(how).arg(std::env::current_exe()?);
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
    let output = command.output().await;
    output.with_context(|| format!("cannot run {runner}, of Debian's util-linux"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    const CATEGORY: &str = "{\"head\": \"category\", \"outcome\": \"promoted\", \"reason\": \"better\", \"version\": 2, \"embedded\": 3}\n";
    const PRIORITY: &str = "{\"head\": \"priority\", \"outcome\": \"not_ready\", \"reason\": \"too few\"}\n";
    const SUCCESS: i32 = 0;
    const FAILURE: i32 = 1 << 8;
    const KILLED: i32 = 9;

    fn check(raw_status: i32, said: &[&str], expect: Option<&str>) {
        let output = Output {
            status: ExitStatus::from_raw(raw_status),
            stdout: said.concat().into_bytes(),
            stderr: b"a word\nthe last word\n".to_vec(),
        };
        let summaries = summaries(&output);
        assert_eq!(summaries.len(), said.len());
        assert_eq!(why_it_ended(&output, &summaries).as_deref(), expect);
    }

    #[test]
    fn a_process_that_did_not_come_to_its_end_is_heard() {
        check(SUCCESS, &[CATEGORY, PRIORITY], None);
        check(FAILURE, &[PRIORITY, PRIORITY], None);
        check(FAILURE, &[], Some("the last word"));
        check(FAILURE, &[CATEGORY], Some("the last word"));
        check(FAILURE, &[CATEGORY, CATEGORY], Some("the last word"));
        check(KILLED, &[CATEGORY], Some("the last word"));
        check(KILLED, &[CATEGORY, PRIORITY], Some("the last word"));
    }
}
