//! A model folder whose files have been checked.

use std::path::{Path, PathBuf};

use crate::checksum;
use crate::error::ManifestError;
use crate::spec::Manifest;

/// A model whose every file has the sum its manifest names.
#[derive(Debug, Clone)]
pub struct Model {
    /// Where it lies.
    pub folder: PathBuf,
    /// What it is.
    pub manifest: Manifest,
}

impl Model {
    /// Opens a model folder.
    ///
    /// **Errors:** a bad manifest, a missing file, or a wrong sum, naming both sums.
    pub fn open(folder: &Path) -> Result<Self, ManifestError> {
        let manifest = Manifest::read(folder)?;
        manifest.files.iter().try_for_each(|file| checksum::check(folder, file))?;
        Ok(Model { folder: folder.to_owned(), manifest })
    }

    /// Where a file of the model lies; none where the manifest does not name it.
    pub fn file(&self, path: &str) -> Option<PathBuf> {
        let named = self.manifest.files.iter().any(|file| file.path == path);
        named.then(|| self.folder.join(path))
    }
}
