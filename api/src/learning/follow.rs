//! A server follows the log of active versions: what another process activates, it serves within a second.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use desk::model_version::FIRST_VERSION;
use desk::{Actor, HeadRole};
use store::StoreError;
use time::OffsetDateTime;
use triage::Ticks;

use crate::app::App;
use crate::learning::switch::fixed_revision;

/// How often the log is looked at.
const INTERVAL: Duration = Duration::from_millis(500);

/// Why a server does not serve the active version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The version that cannot be used.
    pub version: i64,
    /// The chain of causes.
    pub reason: String,
    /// Since when.
    pub since: OffsetDateTime,
}

/// What this server refused, by head.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<BTreeMap<HeadRole, Refusal>>);

impl Refusals {
    /// Why the active version of a head is not served; none while it is.
    pub fn of(&self, head: HeadRole) -> Option<Refusal> {
        self.lock().get(&head).cloned()
    }

    fn clear(&self, head: HeadRole) {
        self.lock().remove(&head);
    }

    /// Keeps a refusal; whether it is a new one.
    fn keep(&self, head: HeadRole, version: i64, reason: &str) -> bool {
        let mut refusals = self.lock();
        let is_known = refusals
            .get(&head)
            .is_some_and(|known| known.version == version && known.reason == reason);
        if !is_known {
            let refusal = Refusal {
                version,
                reason: reason.to_owned(),
                since: store::now(),
            };
            refusals.insert(head, refusal);
        }
        !is_known
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<HeadRole, Refusal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows the log until told to stop.
pub async fn run_follower(app: Arc<App>, stop: impl Future<Output = ()>) {
    let mut ticks = Ticks::new(INTERVAL, stop);
    while ticks.next().await {
        if let Err(error) = follow(&app).await {
            tracing::debug!(error = %error, "the active versions cannot be read");
        }
    }
}

/// Serves the active version of each head, as far as it can be used; what cannot be used is tried again next time, for
/// its files may still come.
///
/// **Errors:** the database's; what serves goes on serving.
pub async fn follow(app: &App) -> Result<(), StoreError> {
    for &head in HeadRole::ALL {
        let active = app.store().last_activation(head).await?;
        let version = active.map_or(FIRST_VERSION, |active| active.version);
        if app.triage.models().head(head).version == version {
            app.refusals.clear(head);
        } else {
            serve(app, head, version).await?;
        }
    }
    follow_challengers(app).await
}

/// Tries out what is to be tried out, and nothing else.
async fn follow_challengers(app: &App) -> Result<(), StoreError> {
    let wanted = app.store().list_challengers().await?;
    for &head in HeadRole::ALL {
        let wanted = wanted.iter().find(|wanted| wanted.head == head);
        let tried = app.triage.models().challenger(head).map(|tried| tried.version);
        match wanted.map(|wanted| wanted.version) {
            Some(version) if tried != Some(version) => try_out(app, head, version).await?,
            None if tried.is_some() => app.triage.drop_challenger(head),
            Some(_) | None => app.challenger_refusals.clear(head),
        }
    }
    Ok(())
}

async fn try_out(app: &App, head: HeadRole, version: i64) -> Result<(), StoreError> {
    let (folder, revision) = files(app, head, version).await?;
    match app.triage.set_challenger(head, version, revision, folder).await {
        Ok(()) => {
            tracing::info!(%head, version, "a version is tried out");
            app.challenger_refusals.clear(head);
        }
        Err(error) => {
            app.triage.drop_challenger(head);
            let reason = error.chain();
            if app.challenger_refusals.keep(head, version, &reason) {
                tracing::error!(%head, version, reason, "the version to try out cannot be used");
            }
        }
    }
    Ok(())
}

/// Where the files of a version lie, and the revision they must have.
async fn files(app: &App, head: HeadRole, version: i64) -> Result<(PathBuf, Option<String>), StoreError> {
    let known = app.store().get_model_version(head, version).await?;
    let revision = known.as_ref().and_then(fixed_revision);
    Ok((app.shelf.folder(head, version), revision))
}

async fn serve(app: &App, head: HeadRole, version: i64) -> Result<(), StoreError> {
    let (folder, revision) = files(app, head, version).await?;
    match app.triage.switch_head(head, version, revision, folder).await {
        Ok(()) => {
            tracing::info!(head = %head, version, "another version serves");
            app.refusals.clear(head);
            Ok(())
        }
        Err(error) => refuse(app, head, version, &error.chain()).await,
    }
}

async fn refuse(app: &App, head: HeadRole, version: i64, reason: &str) -> Result<(), StoreError> {
    if !app.refusals.keep(head, version, reason) {
        return Ok(());
    }
    let serving = app.triage.models().head(head).version;
    tracing::error!(head = %head, version, serving, reason, "the active version cannot be used");
    match app.store().get_model_version(head, version).await? {
        Some(known) => {
            let actor = Actor::system("models");
            app.store().record_model_refusal(&known, reason, &actor).await
        }
        None => Ok(()),
    }
}
