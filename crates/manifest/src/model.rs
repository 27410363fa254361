//! A model folder whose files are the ones its manifest names.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::digest::sha256_of;
use crate::error::ManifestError;
use crate::schema::{FileEntry, Manifest};

/// File that describes a model folder.
pub const MANIFEST_FILE: &str = "manifest.toml";

/// A verified model folder.
#[derive(Debug, Clone)]
pub struct Model {
    /// Where it lies.
    pub folder: PathBuf,
    /// What it is.
    pub manifest: Manifest,
}

impl Model {
    /// Opens a model folder after checking the SHA-256 of every file.
    ///
    /// **Errors**: no or a bad manifest, a missing file, a wrong sum (naming both sums).
    pub fn open(folder: &Path) -> Result<Self, ManifestError> {
        let manifest = read_manifest(folder)?;
        manifest.files.iter().try_for_each(|entry| verify(folder, entry))?;
        Ok(Self {
            folder: folder.to_owned(),
            manifest,
        })
    }

    /// Where a file of the model lies.
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }
}

/// The manifest of a folder, its files unchecked.
pub(crate) fn read_manifest(folder: &Path) -> Result<Manifest, ManifestError> {
    let path = folder.join(MANIFEST_FILE);
    match fs::read_to_string(&path) {
        Ok(text) => Manifest::parse(&path, &text),
        Err(source) => Err(ManifestError::ReadManifest { path, source }),
    }
}

/// Refuses a file that is not there or has another sum than its entry says.
pub(crate) fn verify(folder: &Path, entry: &FileEntry) -> Result<(), ManifestError> {
    let path = folder.join(&entry.path);
    let found = sha256_of(&path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => ManifestError::MissingFile { path: path.clone() },
        _ => ManifestError::ReadFile {
            path: path.clone(),
            source,
        },
    })?;
    if found == entry.sha256 {
        return Ok(());
    }
    Err(ManifestError::WrongSum {
        path,
        expected: entry.sha256.clone(),
        found,
    })
}
