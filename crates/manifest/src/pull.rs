//! Fetches what a model folder lacks: all of it or nothing.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Attempt, ManifestError};
use crate::model::{Model, read_manifest, verify};
use crate::progress::Progress;
use crate::schema::{FileEntry, Manifest};
use crate::source::{Place, Request};

/// File that only one pull at a time holds locked.
const LOCK_FILE: &str = ".pull.lock";
/// How the names of temporary folders begin.
const STAGING_PREFIX: &str = ".pull-";

/// How to pull; the caller reads the world, this crate does not.
#[derive(Debug, Clone)]
pub struct PullOptions {
    /// A folder that may have the files, tried before all sources.
    pub folder: Option<PathBuf>,
    /// Python interpreter that has `pip`.
    pub python: PathBuf,
    /// Address of the hub, if not the public one.
    pub hub_endpoint: Option<String>,
}

impl Default for PullOptions {
    fn default() -> Self {
        Self {
            folder: None,
            python: PathBuf::from("python3"),
            hub_endpoint: None,
        }
    }
}

/// The model in `dir`, its missing or altered files fetched first.
///
/// Files are fetched beside their place, checked, and renamed: nothing half-written is ever seen. Of several pulls at
/// once one fetches and the others wait for it. With everything in place nothing is locked, written or asked for.
///
/// **Errors**: no manifest, no source with the right files (each named with its reason), a folder that cannot be
/// written.
pub fn pull(dir: &Path, options: &PullOptions, progress: &mut dyn FnMut(Progress)) -> Result<Model, ManifestError> {
    let manifest = read_manifest(dir)?;
    if wanting(dir, &manifest)?.is_empty() {
        return Ok(Model {
            folder: dir.to_owned(),
            manifest,
        });
    }
    let _lock = lock(dir)?; // released when the file is closed
    remove_leftovers(dir)?;
    let missing = wanting(dir, &manifest)?; // another pull may have been here
    if !missing.is_empty() {
        fetch(dir, &manifest, &missing, options, progress)?;
    }
    Ok(Model {
        folder: dir.to_owned(),
        manifest,
    })
}

/// Files that are not there or are not the right ones.
fn wanting<'m>(dir: &Path, manifest: &'m Manifest) -> Result<Vec<&'m FileEntry>, ManifestError> {
    let mut missing = Vec::new();
    for entry in &manifest.files {
        match verify(dir, entry) {
            Ok(()) => {}
            Err(ManifestError::MissingFile { .. } | ManifestError::WrongSum { .. }) => missing.push(entry),
            Err(error) => return Err(error),
        }
    }
    Ok(missing)
}

fn lock(dir: &Path) -> Result<File, ManifestError> {
    let path = dir.join(LOCK_FILE);
    let locked = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .and_then(|file| {
            file.lock()?;
            Ok(file)
        });
    locked.map_err(|source| ManifestError::WriteFile { path, source })
}

/// Whoever holds the lock knows that temporary folders belong to pulls that were killed.
fn remove_leftovers(dir: &Path) -> Result<(), ManifestError> {
    let failed = |source: io::Error| ManifestError::WriteFile {
        path: dir.to_owned(),
        source,
    };
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let is_staging = entry.file_name().to_string_lossy().starts_with(STAGING_PREFIX);
        if is_staging && entry.path().is_dir() {
            fs::remove_dir_all(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

fn fetch(
    dir: &Path,
    manifest: &Manifest,
    missing: &[&FileEntry],
    options: &PullOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), ManifestError> {
    let mut attempts = Vec::new();
    for place in Place::all(manifest, options) {
        tracing::info!(model.name = %manifest.name, source = %place, "fetching model files");
        let staging = staging(dir)?;
        let request = Request {
            files: missing,
            staging: staging.path(),
            options,
        };
        match place
            .fetch(&request, progress)
            .and_then(|()| check_all(staging.path(), missing))
        {
            Ok(()) => return install(staging.path(), dir, missing),
            Err(error) => attempts.push(Attempt {
                place: place.to_string(),
                error,
            }),
        }
    }
    Err(ManifestError::NoSource {
        model: manifest.name.clone(),
        attempts,
    })
}

fn staging(dir: &Path) -> Result<TempDir, ManifestError> {
    tempfile::Builder::new()
        .prefix(STAGING_PREFIX)
        .tempdir_in(dir)
        .map_err(|source| ManifestError::WriteFile {
            path: dir.to_owned(),
            source,
        })
}

fn check_all(staging: &Path, files: &[&FileEntry]) -> Result<(), ManifestError> {
    files.iter().try_for_each(|entry| verify(staging, entry))
}

fn install(staging: &Path, dir: &Path, files: &[&FileEntry]) -> Result<(), ManifestError> {
    for entry in files {
        let target = dir.join(&entry.path);
        move_into_place(&staging.join(&entry.path), &target)
            .map_err(|source| ManifestError::WriteFile { path: target, source })?;
    }
    Ok(())
}

/// The data reaches the disk before the name does, so that a power cut leaves no empty file either.
fn move_into_place(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    File::open(from)?.sync_all()?;
    fs::rename(from, to)
}
