//! Vectors that retraining need not make: those that the index has, and those that the last retraining made.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use encoder::Encoder;
use store::Store;
use tempfile::NamedTempFile;
use training::KnownVectors;
use triage::{Embedded, Triage};

use crate::config::Config;
use crate::learning::lessons::settled_ids;
use crate::open;

/// What the last retraining needed, below the data folder.
const FILE: &str = "retrain.vectors";

/// Known vectors, shared by the heads that are fitted one after the other.
pub type SharedVectors = Arc<Mutex<KnownVectors>>;

/// The vectors that are known when retraining begins: of the file in `given`, which a server hands over, or else of the
/// index, where it can be opened beside a running server; and what the last retraining kept.
///
/// Whatever cannot be read is embedded anew, so nothing here fails.
pub async fn known(config: &Config, store: &Store, encoder: &Encoder, given: Option<&Path>) -> SharedVectors {
    let mut known = KnownVectors::default();
    let kept = file(config);
    for path in given.into_iter().chain(kept.exists().then_some(kept.as_path())) {
        if let Err(error) = known.read(path) {
            tracing::warn!(error = format!("{error:#}"), "vectors are made anew");
        }
    }
    if given.is_none() {
        match of_index(config, store, encoder.dimensions()).await {
            Ok(vectors) => remember(&mut known, vectors),
            Err(error) => tracing::info!(error = format!("{error:#}"), "the index is not read for its vectors"),
        }
    }
    Arc::new(Mutex::new(known))
}

/// Keeps what was needed for the next time.
///
/// **Errors:** the disk's.
pub fn keep(config: &Config, known: &SharedVectors) -> Result<()> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    known.forget_unused();
    let file = write(&config.data_dir, &known).context("the vectors cannot be kept")?;
    file.persist(self::file(config))?;
    Ok(())
}

/// A file with the vectors that the index of a running desk has of settled tickets, for another process.
///
/// **Errors:** the database's, the index's, the disk's.
pub async fn hand_over(triage: &Triage, data_dir: &Path) -> Result<NamedTempFile> {
    let mut known = KnownVectors::default();
    let settled = settled_ids(triage.store()).await?;
    remember(&mut known, triage.stored_vectors(&settled).await?);
    let data_dir = data_dir.to_owned();
    let written = tokio::task::spawn_blocking(move || write(&data_dir, &known)).await;
    Ok(written.context("writing vectors was interrupted")??)
}

async fn of_index(config: &Config, store: &Store, dimensions: usize) -> Result<Vec<Embedded>> {
    let search = open::search(config).await?;
    triage::ensure_tickets(&search, dimensions).await?;
    Ok(triage::stored_vectors(&search, &settled_ids(store).await?).await?)
}

fn remember(known: &mut KnownVectors, vectors: Vec<Embedded>) {
    for Embedded { fingerprint, vector } in vectors {
        known.insert(fingerprint, vector);
    }
}

fn write(folder: &Path, known: &KnownVectors) -> io::Result<NamedTempFile> {
    let file = NamedTempFile::new_in(folder)?;
    known.write(&mut io::BufWriter::new(&file))?;
    Ok(file)
}

fn file(config: &Config) -> PathBuf {
    config.data_dir.join(FILE)
}
