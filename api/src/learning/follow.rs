//! A server follows the log of active versions: what another process activates, it serves within a second.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use desk::model_version::FIRST_VERSION;
use desk::{Actor, HeadRole};
use store::StoreError;
use time::OffsetDateTime;
use triage::HeadError;

use crate::app::App;
use crate::learning::files::fetch;
use crate::learning::switch::fixed_revision;

/// A folder, and the revision of the head in it where that is fixed.
type Files = (PathBuf, Option<String>);

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
    let tried = match files(app, head, version).await? {
        Ok((folder, revision)) => app.triage.set_challenger(head, version, revision, folder).await,
        Err(error) => Err(error.into()),
    };
    match tried {
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
async fn files(app: &App, head: HeadRole, version: i64) -> Result<Result<Files, HeadError>, StoreError> {
    let Some(known) = app.store().get_model_version(head, version).await? else {
        return Ok(Ok((app.shelf.folder(head, version), None)));
    };
    let folder = fetch(app.store(), &app.shelf, &known).await?;
    Ok(folder.map(|folder| (folder, fixed_revision(&known))))
}

async fn serve(app: &App, head: HeadRole, version: i64) -> Result<(), StoreError> {
    let switched = match files(app, head, version).await? {
        Ok((folder, revision)) => app.triage.switch_head(head, version, revision, folder).await,
        Err(error) => Err(error.into()),
    };
    match switched {
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
