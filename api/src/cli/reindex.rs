//! `deskwise reindex`: the search index anew from the database, also while a server uses it.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use indicatif::ProgressBar;
use store::Store;

use crate::cli::meter;
use crate::config::{Config, SearchBackend};
use crate::open::{self, Desk};
use crate::reindex::{self, Outcome, SILENCE_SECONDS, State};

/// How often the answer of a server is looked for.
const LOOK: Duration = Duration::from_millis(250);
/// How long a server may take to begin, where one has the data folder.
const BEGIN: Duration = Duration::from_secs(20);
/// How long a server is waited for where there may be none.
const BEGIN_IF_THERE: Duration = Duration::from_secs(3);
/// Silence after which a server is given up: later than another one would take its place.
const SILENCE: Duration = Duration::from_secs(2 * SILENCE_SECONDS as u64);

/// Builds the index anew; the database is the only truth. A server that runs does it itself, and serves meanwhile.
pub async fn run(config: &Config) -> Result<()> {
    let built = match open::desk(config).await {
        Ok(desk) => build(desk, config).await?,
        Err(error) if open::is_in_use(&error) => {
            let store = open::store(config).await?;
            let answered = asked(&store, BEGIN).await?;
            store.close().await;
            let none = format!("no server began within {} s; nothing has changed", BEGIN.as_secs());
            answered.ok_or_else(|| error.context(none))?
        }
        Err(error) => return Err(error),
    };
    println!(
        "the index holds {} tickets and {} passages of articles",
        built.tickets, built.passages
    );
    Ok(())
}

/// Builds the index here, unless servers elsewhere use the same one: what those write meanwhile only they know.
async fn build(desk: Desk, config: &Config) -> Result<State> {
    let is_shared = config.search.backend == SearchBackend::Server;
    let answered = if is_shared {
        asked(desk.app.store(), BEGIN_IF_THERE).await?
    } else {
        reindex::withdraw_all(desk.app.store()).await?;
        None
    };
    let built = match answered {
        Some(built) => built,
        None => {
            let bar = meter::counting("tickets", 0);
            let built = reindex::build(&desk.app, |state| show(&bar, state)).await?;
            bar.finish();
            built
        }
    };
    desk.app.triage.finish().await;
    desk.app.store().close().await;
    Ok(built)
}

/// What a running server makes of it; none where no server begins in time.
async fn asked(store: &Store, patience: Duration) -> Result<Option<State>> {
    let request = reindex::ask(store).await?;
    let bar = meter::counting("tickets", 0);
    let (mut known, mut heard) = (None, Instant::now());
    loop {
        let state = reindex::look(store, &request).await?;
        if state != known {
            (known, heard) = (state, Instant::now());
        }
        match &known {
            Some(state) if is_done(state, heard.elapsed())? => {
                bar.finish();
                return Ok(known);
            }
            Some(state) => show(&bar, state),
            None if heard.elapsed() >= patience && reindex::withdraw(store, &request).await? => return Ok(None),
            None => {}
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether the new index serves.
///
/// **Errors:** the server failed, or has not been heard of for too long.
fn is_done(state: &State, silent: Duration) -> Result<bool> {
    match &state.outcome {
        Some(Outcome::Done) => Ok(true),
        Some(Outcome::Failed(reason)) => {
            bail!("the server could not build the index anew, the old one serves on: {reason}")
        }
        None if silent >= SILENCE => bail!("the server fell silent; the next one to start builds the index anew"),
        None => Ok(false),
    }
}

fn show(bar: &ProgressBar, state: &State) {
    // How many passages there will be nobody knows, so the bar counts tickets and the passages are said beside it.
    bar.set_length(state.tickets_total);
    bar.set_position(state.tickets);
    if state.passages > 0 {
        bar.set_message(format!("tickets and {} passages", state.passages));
    }
}
