//! Where the files of models and their versions lie.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use desk::HeadRole;
use desk::model_version::FIRST_VERSION;

use crate::config::Config;
use crate::open;

/// The folders of the models in use.
///
/// Version 1 of a head is the model that the settings name. Version N lies in `models/<name>/<N>/`, below `models_dir`
/// (which several servers may share) or else below the data folder, where new versions are put and those of other servers
/// are unpacked.
#[derive(Debug, Clone)]
pub struct Shelf {
    encoder: PathBuf,
    max_tokens: usize,
    category: PathBuf,
    priority: PathBuf,
    shared: PathBuf,
    own: PathBuf,
}

impl Shelf {
    /// The shelf of these settings.
    ///
    /// **Errors:** a shipped model cannot be unpacked.
    pub fn open(config: &Config) -> Result<Self> {
        Ok(Shelf {
            encoder: open::model_folder(config, &config.models.encoder)?,
            max_tokens: config.encoder.max_tokens,
            category: open::model_folder(config, &config.models.category)?,
            priority: open::model_folder(config, &config.models.priority)?,
            shared: config.models_dir.clone(),
            own: config.data_dir.join("models"),
        })
    }

    /// The encoder's folder.
    pub fn encoder(&self) -> &Path {
        &self.encoder
    }

    /// Longest text the encoder is given. **Units:** tokens.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Folder of the first version of a head.
    pub fn first(&self, head: HeadRole) -> &Path {
        match head {
            HeadRole::Category => &self.category,
            HeadRole::Priority => &self.priority,
        }
    }

    /// Folder of a version, there or not.
    pub fn folder(&self, head: HeadRole, version: i64) -> PathBuf {
        if version == FIRST_VERSION {
            return self.first(head).to_owned();
        }
        let shared = self.below(&self.shared, head, version);
        if shared.exists() {
            shared
        } else {
            self.below(&self.own, head, version)
        }
    }

    /// Where a new version is put.
    pub fn place(&self, head: HeadRole, version: i64) -> PathBuf {
        self.below(&self.own, head, version)
    }

    /// Name of a head's model: that of the folder of its first version.
    pub fn name(&self, head: HeadRole) -> &OsStr {
        self.first(head).file_name().unwrap_or(head.as_str().as_ref())
    }

    fn below(&self, root: &Path, head: HeadRole, version: i64) -> PathBuf {
        root.join(self.name(head)).join(version.to_string())
    }
}
