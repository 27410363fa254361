//! Another version of a head in the place of the one in use: checked whole first, then swapped in one step.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use classifier::{ClassifierError, EncoderId, Head};
use desk::HeadRole;
use manifest::{ManifestError, Model};

use crate::Triage;
use crate::error::TriageError;
use crate::models::{VersionedHead, identity};

/// Why a version of a head cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// Its folder is incomplete or altered, its weights are no head's, or it was trained on another encoder.
    #[error("the head cannot be used")]
    Open(#[source] ClassifierError),
    /// It decides on other labels than the one in use, which teams and tickets refer to.
    #[error("the head decides on the labels {found}, the one in use on {expected}")]
    OtherLabels {
        /// Labels in use.
        expected: String,
        /// Labels of the version.
        found: String,
    },
    /// Its folder holds another head than the one that was made known.
    #[error("the folder holds revision {found}, the version is revision {expected}")]
    OtherRevision {
        /// The revision of the version.
        expected: String,
        /// The revision of the head in the folder.
        found: String,
    },
    /// The encoder's folder cannot be read.
    #[error("cannot open the encoder in {}", .folder.display())]
    OpenEncoder {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        #[source]
        source: ManifestError,
    },
    /// The program is stopping.
    #[error("opening the head was interrupted")]
    Interrupted,
    /// Its files cannot be written where versions lie.
    #[error("cannot write the head to {}", .folder.display())]
    Install {
        /// Where to.
        folder: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

impl Triage {
    /// Puts a version of a head in the place of the one in use; tickets under way finish with the one they began with.
    ///
    /// The folder must hold the head of this `revision`, where one is given.
    ///
    /// **Errors:** `Head`, and the one in use goes on serving.
    pub async fn switch_head(
        &self,
        role: HeadRole,
        version: i64,
        revision: Option<String>,
        folder: PathBuf,
    ) -> Result<(), TriageError> {
        let head = self.open_head(role, revision, folder).await?;
        let mut models = self.models.write().unwrap_or_else(PoisonError::into_inner);
        *models = Arc::new(models.with_head(role, VersionedHead::new(version, head)));
        Ok(())
    }

    pub(crate) async fn open_head(
        &self,
        role: HeadRole,
        revision: Option<String>,
        folder: PathBuf,
    ) -> Result<Head, HeadError> {
        let models = self.models();
        let opened = tokio::task::spawn_blocking(move || {
            let head = open(&folder, &identity(&models.encoder))?;
            same_labels(models.head(role).labels(), head.labels())?;
            revision.map_or(Ok(()), |expected| same_revision(&expected, head.revision()))?;
            let head = models.aimed(role, head).map_err(HeadError::Open)?;
            Ok(head
                .sharing_features_of(&models.category)
                .sharing_features_of(&models.priority))
        });
        opened.await.map_err(|_| HeadError::Interrupted)?
    }
}

/// An encoder on disk, and how it runs.
#[derive(Debug, Clone, Copy)]
pub struct EncoderFolder<'a> {
    /// Where it lies.
    pub path: &'a Path,
    /// Longest text it is given. **Units:** tokens.
    pub max_tokens: usize,
}

/// The revision of the head in a folder, once it is found sound and fit for an encoder, with the labels of the head in
/// `like`.
///
/// **Errors:** why it cannot be used.
pub fn check_head(folder: &Path, encoder: EncoderFolder<'_>, like: &Path) -> Result<String, HeadError> {
    let head = open(folder, &encoder_in(encoder)?)?;
    let like = Head::open(like).map_err(HeadError::Open)?;
    same_labels(like.labels(), head.labels())?;
    Ok(head.revision().to_owned())
}

/// The labels that the head in a folder decides on.
///
/// **Errors:** why it cannot be used.
pub fn head_labels(folder: &Path) -> Result<Vec<String>, HeadError> {
    Ok(Head::open(folder).map_err(HeadError::Open)?.labels().to_vec())
}

/// Share of given labels that should be right by the manifest of the head in a folder.
///
/// **Errors:** why it cannot be used.
pub fn head_target_precision(folder: &Path) -> Result<f64, HeadError> {
    let head = Head::open(folder).map_err(HeadError::Open)?;
    Ok(head.spec().target_precision)
}

fn open(folder: &Path, encoder: &EncoderId) -> Result<Head, HeadError> {
    let head = Head::open(folder).map_err(HeadError::Open)?;
    head.accept_encoder(encoder).map_err(HeadError::Open)?;
    Ok(head)
}

fn encoder_in(EncoderFolder { path, max_tokens }: EncoderFolder<'_>) -> Result<EncoderId, HeadError> {
    let model = Model::open(path).map_err(|source| HeadError::OpenEncoder {
        folder: path.to_owned(),
        source,
    })?;
    let spec = model.manifest.encoder.as_ref();
    Ok(EncoderId {
        revision: encoder::revision(&model.manifest),
        dimensions: spec.map_or(0, |spec| spec.hidden_size),
        max_tokens: spec.map_or(max_tokens, |spec| spec.max_tokens.min(max_tokens)),
        name: model.manifest.name,
    })
}

fn same_labels(expected: &[String], found: &[String]) -> Result<(), HeadError> {
    if expected == found {
        return Ok(());
    }
    Err(HeadError::OtherLabels {
        expected: expected.join(", "),
        found: found.join(", "),
    })
}

/// **Errors:** `OtherRevision`.
pub fn same_revision(expected: &str, found: &str) -> Result<(), HeadError> {
    if expected == found {
        return Ok(());
    }
    Err(HeadError::OtherRevision {
        expected: expected.to_owned(),
        found: found.to_owned(),
    })
}
