//! A folder of this machine that may have the files.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::{Request, target};
use crate::error::ManifestError;
use crate::progress::Progress;

/// Copies the wanted files.
pub(super) fn fetch(
    folder: &Path,
    request: &Request<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), ManifestError> {
    for entry in request.files {
        let from = folder.join(&entry.path);
        let bytes = fs::copy(&from, target(request, entry)?).map_err(|source| match source.kind() {
            ErrorKind::NotFound => ManifestError::MissingFile { path: from.clone() },
            _ => ManifestError::ReadFile {
                path: from.clone(),
                source,
            },
        })?;
        let place = format!("folder {}", folder.display());
        progress(Progress {
            place,
            file: entry.path.clone(),
            bytes,
            total: Some(bytes),
        });
    }
    Ok(())
}
