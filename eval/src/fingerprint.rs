//! What a figure was measured on and with, so that two figures can be told to be comparable.

use std::path::Path;

use anyhow::{Context, Result};
use manifest::{MANIFEST_FILE, sha256_of};
use serde::{Deserialize, Serialize};

/// Data and models of a run. **Persisted** in `metrics.json` and in baselines.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprints {
    /// Every file that was read.
    pub data: Vec<Fingerprint>,
    /// Every model that took part.
    pub models: Vec<Fingerprint>,
}

/// One file of data, or one model by its manifest, which names the sums of its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// The file's name, or the model's.
    pub name: String,
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

impl Fingerprint {
    /// Of a file of data; its folder's name goes along, the rest of the path stays on this machine.
    ///
    /// **Errors**: it cannot be read.
    pub fn of_file(path: &Path) -> Result<Self> {
        let sha256 = sha256_of(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Fingerprint {
            name: short(path),
            sha256,
        })
    }

    /// Of a model folder.
    ///
    /// **Errors**: it has no manifest.
    pub fn of_model(folder: &Path) -> Result<Self> {
        let path = folder.join(MANIFEST_FILE);
        let sha256 = sha256_of(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Fingerprint {
            name: last(folder),
            sha256,
        })
    }
}

fn short(path: &Path) -> String {
    let folder = path.parent().map(last).filter(|name| !name.is_empty());
    match folder {
        Some(folder) => format!("{folder}/{}", last(path)),
        None => last(path),
    }
}

fn last(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_with_its_folder_alone() {
        assert_eq!(short(Path::new("/a/b/c.csv")), "b/c.csv");
        assert_eq!(short(Path::new("c.csv")), "c.csv");
    }
}
