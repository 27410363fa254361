//! The search index built anew, by a command or by the server that serves.
//!
//! A running server holds the index, so a command asks it: what is wanted and how far it has come are settings of the
//! store, which all processes of a desk share. Of several servers one does it. Should it die, the next one begins anew.

use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use store::{Store, StoreError};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::app::App;

/// Name of the setting with the latest request; empty where it was withdrawn. **Persisted**.
const WANTED: &str = "reindex.wanted";
/// Name of the setting with what becomes of a request. **Persisted**.
const STATE: &str = "reindex.state";
/// Name of the turn to begin with a request. **Persisted**.
const TURN: &str = "reindex.turn";
/// How long whoever has the turn may take to say that it has begun.
const TURN_LEASE: Duration = Duration::from_secs(10);
/// How often a server says how far it has come.
const TELL: Duration = Duration::from_secs(1);
/// Silence after which another server begins anew. **Units:** s.
pub const SILENCE_SECONDS: i64 = 30;

/// How far a rebuild has come. **Persisted** for as long as it takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The request it answers.
    pub request: String,
    /// When this was said. **Units:** s since 1970.
    pub told_at: i64,
    /// Tickets embedded so far.
    pub tickets: u64,
    /// Tickets to embed in all.
    pub tickets_total: u64,
    /// Passages embedded so far.
    pub passages: u64,
    /// How it ended; none while it goes on.
    pub outcome: Option<Outcome>,
}

/// How a rebuild ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The new index serves.
    Done,
    /// The old index serves on; the chain of causes.
    Failed(String),
}

impl State {
    /// Whether it is about a request that no server need begin with: one did, and has ended or speaks still.
    fn is_of(&self, request: &str, now: i64) -> bool {
        self.request == request && (self.outcome.is_some() || now - self.told_at < SILENCE_SECONDS)
    }
}

/// Builds the index of tickets and of articles anew, and says how far it is in `tell`.
///
/// **Errors:** the database, the encoder or the index is out of reach, or another rebuild runs.
pub async fn build(app: &App, mut tell: impl FnMut(&State)) -> Result<State> {
    let mut state = State::default();
    let tickets = app.triage.reindex(|progress| {
        (state.tickets, state.tickets_total) = (progress.done, progress.total);
        tell(&state);
    });
    let tickets = tickets.await?;
    let passages = app.knowledge.reindex(|passages| {
        state.passages = passages;
        tell(&state);
    });
    let passages = passages.await?;
    Ok(State {
        tickets,
        passages,
        ..state
    })
}

/// Asks the servers of this database to build the index anew; gives back the request. One that waits or is answered is
/// joined.
///
/// **Errors:** the database's.
pub async fn ask(store: &Store) -> Result<String, StoreError> {
    if let Some(request) = wanted(store).await? {
        let (now, state) = (store::now().unix_timestamp(), look(store, &request).await?);
        if state.is_none_or(|state| state.outcome.is_none() && state.is_of(&request, now)) {
            return Ok(request);
        }
    }
    let request = Uuid::now_v7().to_string();
    store.set_setting(WANTED, &request).await?;
    Ok(request)
}

/// How far a request has come; none where no server has begun with it.
///
/// **Errors:** the database's.
pub async fn look(store: &Store, request: &str) -> Result<Option<State>, StoreError> {
    let state = store.get_setting(STATE).await?;
    // A version of the program that says it otherwise has said nothing.
    let state = state.and_then(|state| serde_json::from_str::<State>(&state).ok());
    Ok(state.filter(|state| state.request == request))
}

/// Takes a request back; whether no server had begun with it, nor will.
///
/// **Errors:** the database's.
pub async fn withdraw(store: &Store, request: &str) -> Result<bool, StoreError> {
    // While we have the turn no server begins.
    if !store.take_turn(TURN, TURN_LEASE).await? || look(store, request).await?.is_some() {
        return Ok(false);
    }
    if wanted(store).await?.as_deref() == Some(request) {
        store.set_setting(WANTED, "").await?;
    }
    Ok(true)
}

/// Takes back whatever is wanted: whoever calls this does it.
///
/// **Errors:** the database's.
pub async fn withdraw_all(store: &Store) -> Result<(), StoreError> {
    match wanted(store).await? {
        Some(_) => store.set_setting(WANTED, "").await,
        None => Ok(()),
    }
}

/// Builds the index anew where that is wanted and no other server does.
///
/// **Errors:** the database's; what becomes of the rebuild itself is told to whoever asked.
pub async fn answer(app: &App) -> Result<(), StoreError> {
    let store = app.store();
    let Some(request) = waiting(store).await? else {
        return Ok(());
    };
    // Another server may have begun between the look and the turn.
    if !store.take_turn(TURN, TURN_LEASE).await? || waiting(store).await?.as_ref() != Some(&request) {
        return Ok(());
    }
    tracing::info!("the index is built anew, because a command asked for it");
    let state = build_and_tell(app, &request).await;
    match &state.outcome {
        Some(Outcome::Failed(reason)) => tracing::warn!(reason, "the index could not be built anew"),
        _ => tracing::info!(
            tickets = state.tickets,
            passages = state.passages,
            "the index was built anew"
        ),
    }
    tell(store, state).await
}

/// Builds the index and says again and again how far it is; gives back how it ended.
async fn build_and_tell(app: &App, request: &str) -> State {
    let of_request = |state: &State| State {
        request: request.to_owned(),
        ..state.clone()
    };
    let (said, heard) = watch::channel(of_request(&State::default()));
    let building = build(app, |state| {
        said.send_replace(of_request(state));
    });
    tokio::pin!(building);
    let mut tick = tokio::time::interval(TELL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let built = loop {
        tokio::select! {
            built = &mut building => break built,
            _ = tick.tick() => {
                let state = heard.borrow().clone();
                if let Err(error) = tell(app.store(), state).await {
                    tracing::debug!(error = %error, "how far the index is could not be said");
                }
            }
        }
    };
    let state = match built {
        Ok(state) => State {
            outcome: Some(Outcome::Done),
            ..state
        },
        Err(error) => State {
            outcome: Some(Outcome::Failed(format!("{error:#}"))),
            ..heard.borrow().clone()
        },
    };
    of_request(&state)
}

async fn tell(store: &Store, state: State) -> Result<(), StoreError> {
    let state = State {
        told_at: store::now().unix_timestamp(),
        ..state
    };
    let state = serde_json::to_string(&state).unwrap_or_default();
    store.set_setting(STATE, &state).await
}

/// The request that no server has taken up.
async fn waiting(store: &Store) -> Result<Option<String>, StoreError> {
    let Some(request) = wanted(store).await? else {
        return Ok(None);
    };
    let now = store::now().unix_timestamp();
    let state = look(store, &request).await?;
    Ok(Some(request).filter(|request| !state.is_some_and(|state| state.is_of(request, now))))
}

async fn wanted(store: &Store) -> Result<Option<String>, StoreError> {
    let wanted = store.get_setting(WANTED).await?;
    Ok(wanted.filter(|request| !request.is_empty()))
}

#[cfg(test)]
mod tests {
    use store::{DataFolder, StoreConfig};

    use super::*;

    #[tokio::test]
    async fn a_request_waits_until_a_server_speaks_of_it_and_again_when_that_falls_silent() {
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let url = DataFolder::database_url(scratch.path());
        let store = Store::open(&StoreConfig::new(url)).await.expect("a store");
        assert_eq!(waiting(&store).await.expect("settings"), None);
        let request = ask(&store).await.expect("asked");
        assert_eq!(ask(&store).await.expect("asked"), request, "one that waits is joined");
        assert_eq!(waiting(&store).await.expect("settings"), Some(request.clone()));

        let state = |outcome: Option<Outcome>| State {
            request: request.clone(),
            outcome,
            ..State::default()
        };
        tell(&store, state(None)).await.expect("told");
        assert_eq!(waiting(&store).await.expect("settings"), None);
        let silent = serde_json::to_string(&state(None)).expect("JSON");
        store.set_setting(STATE, &silent).await.expect("a setting");
        assert_eq!(waiting(&store).await.expect("settings"), Some(request.clone()));
        assert!(!withdraw(&store, &request).await.expect("settings"), "it was begun");

        tell(&store, state(Some(Outcome::Done))).await.expect("told");
        assert_eq!(waiting(&store).await.expect("settings"), None);
        assert_ne!(
            ask(&store).await.expect("asked"),
            request,
            "what has ended is not joined"
        );
    }

    #[tokio::test]
    async fn what_is_withdrawn_waits_no_longer() {
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let url = DataFolder::database_url(scratch.path());
        let store = Store::open(&StoreConfig::new(url)).await.expect("a store");
        let request = ask(&store).await.expect("asked");
        assert!(withdraw(&store, &request).await.expect("settings"));
        assert_eq!(waiting(&store).await.expect("settings"), None);
    }
}
