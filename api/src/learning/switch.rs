//! A version added, made active, or taken back: checked whole before anything is written.

use std::path::{Path, PathBuf};

use desk::model_version::{FIRST_VERSION, active_version, version_before};
use desk::{Activation, Actor, Challenger, HeadRole, ModelOrigin, ModelVersion};
use store::{ModelFile, NewActivation, NewModelVersion, Store, StoreError};
use triage::{EncoderFolder, HeadError, IncomingHead};

use crate::learning::{Shelf, files};

/// The files of a head, and where they wait for their place.
type Prepared = (Vec<ModelFile>, IncomingHead);

/// Why the active version stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum LearningError {
    /// The head has no such version.
    #[error("the {head} head has no version {version}; `deskwise model list` shows them")]
    NoVersion {
        /// The head.
        head: HeadRole,
        /// The version asked for.
        version: i64,
    },
    /// Nothing was active before.
    #[error("the {head} head is at its first state; there is nothing to go back to")]
    NothingBefore {
        /// The head.
        head: HeadRole,
    },
    /// The version is in force already.
    #[error("version {version} of the {head} head is in force; another one can be tried out beside it")]
    InForce {
        /// The head.
        head: HeadRole,
        /// The version asked for.
        version: i64,
    },
    /// The version's files are no good.
    #[error("version {version} of the {head} head cannot be used; the active version stays")]
    Unusable {
        /// The head.
        head: HeadRole,
        /// The version asked for.
        version: i64,
        /// What is wrong with it.
        #[source]
        source: HeadError,
    },
    /// The head is among the versions already.
    #[error("the {head} head of revision {revision} is version {version} already")]
    Known {
        /// The head.
        head: HeadRole,
        /// Its revision.
        revision: String,
        /// The version it is.
        version: i64,
    },
    /// A folder to add is no good.
    #[error("{} cannot be added as a version of the {head} head", .folder.display())]
    Add {
        /// The head.
        head: HeadRole,
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        #[source]
        source: HeadError,
    },
    /// The database refused or failed.
    #[error("the versions cannot be read or written")]
    Store(#[from] StoreError),
    /// The program is stopping.
    #[error("checking the head was interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
}

/// A head in a folder, to be added as a version.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// What it decides.
    pub head: HeadRole,
    /// Where its files lie.
    pub folder: &'a Path,
    /// Where it comes from.
    pub origin: ModelOrigin,
    /// Why it was made, in words.
    pub note: &'a str,
    /// Whether its files go into the database with it; else [`hand_in`](crate::learning::hand_in) brings them there.
    pub keeps_files: bool,
}

/// Copies a head in as the next version; it decides nothing until it is activated.
///
/// **Errors:** a folder that cannot be used, `Known`, the database's; nothing is made known then.
pub async fn add(
    store: &Store,
    shelf: &Shelf,
    candidate: Candidate<'_>,
    actor: &Actor,
) -> Result<ModelVersion, LearningError> {
    let Candidate { head, folder, .. } = candidate;
    let failed = |source| LearningError::Add {
        head,
        folder: folder.to_owned(),
        source,
    };
    let revision = check(shelf, head, folder.to_owned()).await?.map_err(failed)?;
    let known = store.list_model_versions(head).await?;
    if let Some(same) = known.iter().find(|known| known.revision == revision) {
        let version = same.version;
        return Err(LearningError::Known {
            head,
            revision,
            version,
        });
    }
    let version = known.last().map_or(FIRST_VERSION, |last| last.version) + 1;
    let prepared = prepare(folder.to_owned(), shelf.place(head, version)).await?;
    let (files, incoming) = prepared.map_err(failed)?;
    let kept = if candidate.keeps_files { files.as_slice() } else { &[] };
    let put_in_place = || incoming.move_in().map_err(failed);
    let new = NewModelVersion {
        head,
        version,
        revision,
        origin: candidate.origin,
        note: candidate.note.to_owned(),
    };
    store.add_model_version(new, kept, actor, put_in_place).await
}

/// The files in a folder, written beside the place they are for before anything is written to the database: others wait
/// for that to end.
async fn prepare(folder: PathBuf, place: PathBuf) -> Result<Result<Prepared, HeadError>, LearningError> {
    let prepared = tokio::task::spawn_blocking(move || {
        let files = triage::read_head(&folder)?;
        let incoming = IncomingHead::write(&files, &place)?;
        Ok((files, incoming))
    });
    prepared.await.map_err(LearningError::Interrupted)
}

/// The version that the head in a folder is already; none where it is new.
///
/// **Errors:** as [`add`].
pub async fn find_same(
    store: &Store,
    shelf: &Shelf,
    head: HeadRole,
    folder: &Path,
) -> Result<Option<ModelVersion>, LearningError> {
    let failed = |source| LearningError::Add {
        head,
        folder: folder.to_owned(),
        source,
    };
    let revision = check(shelf, head, folder.to_owned()).await?.map_err(failed)?;
    let known = store.list_model_versions(head).await?;
    Ok(known.into_iter().find(|known| known.revision == revision))
}

/// Makes a version active, for every server on this database; one that is active already stays so, replacing itself.
///
/// **Errors:** `NoVersion`, `Unusable`, the database's; the active version stays then.
pub async fn activate(
    store: &Store,
    shelf: &Shelf,
    head: HeadRole,
    version: i64,
    reason: &str,
    actor: &Actor,
) -> Result<Activation, LearningError> {
    let new = NewActivation {
        head,
        version,
        replacing: None,
        is_rollback: false,
        reason,
    };
    put_in_force(store, shelf, new, actor).await
}

/// Makes the version active that the present one replaced; once more goes further back.
///
/// **Errors:** as [`activate`], and `NothingBefore`.
pub async fn rollback(
    store: &Store,
    shelf: &Shelf,
    head: HeadRole,
    reason: &str,
    actor: &Actor,
) -> Result<Activation, LearningError> {
    let log = store.list_activations(head).await?;
    let new = NewActivation {
        head,
        version: version_before(&log).ok_or(LearningError::NothingBefore { head })?,
        replacing: Some(active_version(&log)),
        is_rollback: true,
        reason,
    };
    put_in_force(store, shelf, new, actor).await
}

/// Makes a version active once its files are found sound.
///
/// **Errors:** as [`activate`], and the store's `Stale` when another version is active than the one to replace.
pub async fn put_in_force(
    store: &Store,
    shelf: &Shelf,
    new: NewActivation<'_>,
    actor: &Actor,
) -> Result<Activation, LearningError> {
    let NewActivation { head, version, .. } = new;
    check_version(store, shelf, head, version).await?;
    let activated = store.activate_model(new, actor).await?;
    activated.ok_or(LearningError::NoVersion { head, version })
}

/// Tries a version out beside the one in force, on every server of this database, once its files are found sound.
///
/// **Errors:** `InForce`, and as [`activate`]; nothing changes then.
pub async fn try_out(
    store: &Store,
    shelf: &Shelf,
    head: HeadRole,
    version: i64,
    actor: &Actor,
) -> Result<Challenger, LearningError> {
    if active_version(&store.list_activations(head).await?) == version {
        return Err(LearningError::InForce { head, version });
    }
    check_version(store, shelf, head, version).await?;
    let challenger = store.set_challenger(head, version, actor).await?;
    challenger.ok_or(LearningError::NoVersion { head, version })
}

/// **Errors:** `NoVersion`, `Unusable`, the database's.
async fn check_version(store: &Store, shelf: &Shelf, head: HeadRole, version: i64) -> Result<(), LearningError> {
    let Some(known) = store.get_model_version(head, version).await? else {
        return Err(LearningError::NoVersion { head, version });
    };
    let unusable = |source| LearningError::Unusable { head, version, source };
    let folder = files::fetch(store, shelf, &known).await?.map_err(unusable)?;
    let found = check(shelf, head, folder).await?.map_err(unusable)?;
    fixed_revision(&known).map_or(Ok(()), |expected| {
        triage::same_revision(&expected, &found).map_err(unusable)
    })
}

/// The revision that the files of a version must have; none of the first, which a newer program may bring anew.
pub fn fixed_revision(known: &ModelVersion) -> Option<String> {
    (known.version != FIRST_VERSION).then(|| known.revision.clone())
}

/// Reads and sums the files on a thread that may block.
async fn check(shelf: &Shelf, head: HeadRole, folder: PathBuf) -> Result<Result<String, HeadError>, LearningError> {
    let (encoder, first) = (shelf.encoder().to_owned(), shelf.first(head).to_owned());
    let max_tokens = shelf.max_tokens();
    let checked = tokio::task::spawn_blocking(move || {
        let path = encoder.as_path();
        triage::check_head(&folder, EncoderFolder { path, max_tokens }, &first)
    });
    checked.await.map_err(LearningError::Interrupted)
}
