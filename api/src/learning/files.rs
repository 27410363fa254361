//! The files of versions: kept in the database, which all servers of a desk share, and unpacked where one lacks them.

use std::path::PathBuf;

use anyhow::Result;
use desk::model_version::FIRST_VERSION;
use desk::{HeadRole, ModelVersion};
use store::{Store, StoreError};
use triage::HeadError;

use crate::learning::Shelf;

/// The folder of a version, filled from the database where its files are not in it or are not what they were. It lacks
/// them still where the database has none.
///
/// **Errors:** the database's; within, why the folder cannot be filled.
pub async fn fetch(
    store: &Store,
    shelf: &Shelf,
    known: &ModelVersion,
) -> Result<Result<PathBuf, HeadError>, StoreError> {
    let ModelVersion { head, version, .. } = *known;
    let folder = shelf.folder(head, version);
    // What lies where servers share their models an operator has put there.
    let is_ours = version != FIRST_VERSION && folder == shelf.place(head, version);
    if !is_ours || holds(folder.clone(), known.revision.clone()).await {
        return Ok(Ok(folder));
    }
    let files = store.model_files(head, version).await?;
    if files.is_empty() {
        return Ok(Ok(folder));
    }
    let to = folder.clone();
    let installed = tokio::task::spawn_blocking(move || triage::install_head(&files, &to)).await;
    let installed = installed.unwrap_or(Err(HeadError::Interrupted));
    if installed.is_ok() {
        tracing::info!(%head, version, "the files of a version are unpacked");
    }
    Ok(installed.map(|()| folder))
}

/// The folder of a version by its number, with its files, also where another server made it.
///
/// **Errors:** the database's, and why the folder cannot be filled.
pub async fn folder(store: &Store, shelf: &Shelf, head: HeadRole, version: i64) -> Result<PathBuf> {
    match store.get_model_version(head, version).await? {
        Some(known) => Ok(fetch(store, shelf, &known).await??),
        None => Ok(shelf.folder(head, version)),
    }
}

/// Brings into the database the files of versions that were added without them, as those were before it kept any, as far as
/// they lie here.
///
/// **Errors:** the database's, and files that cannot be read.
pub async fn hand_in(store: &Store, shelf: &Shelf) -> Result<()> {
    for &head in HeadRole::ALL {
        for version in store.versions_without_files(head).await? {
            let folder = shelf.folder(head, version);
            let known = store.get_model_version(head, version).await?;
            if let Some(known) = known
                && holds(folder.clone(), known.revision).await
            {
                let files = tokio::task::spawn_blocking(move || triage::read_head(&folder)).await??;
                store.keep_model_files(head, version, &files).await?;
                tracing::info!(%head, version, "the files of a version are kept in the database");
            }
        }
    }
    Ok(())
}

async fn holds(folder: PathBuf, revision: String) -> bool {
    let looked = tokio::task::spawn_blocking(move || triage::holds_head(&folder, &revision));
    looked.await.unwrap_or(false)
}
