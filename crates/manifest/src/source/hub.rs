//! The Hugging Face hub, at a pinned revision.

use std::fs;
use std::path::PathBuf;

use hf_hub::api::sync::{ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};

use super::{Request, target, write_failed};
use crate::error::ManifestError;
use crate::progress::Progress;

/// Folder in the staging folder where the client keeps its own files.
const CACHE: &str = ".hub";

/// Downloads the wanted files one after the other.
pub(super) fn fetch(
    repository: &str,
    revision: &str,
    request: &Request<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), ManifestError> {
    let failed = |file: &str| {
        let (repository, file) = (repository.to_owned(), file.to_owned());
        move |source: ApiError| ManifestError::Hub {
            repository,
            file,
            source: Box::new(source),
        }
    };
    let api = open(repository, revision, request).map_err(failed("the address"))?;
    for entry in request.files {
        let reporter = Reporter {
            place: format!("hub {repository}"),
            bytes: 0,
            total: 0,
            file: &entry.path,
            progress,
        };
        let fetched = api
            .download_with_progress(&entry.path, reporter)
            .map_err(failed(&entry.path))?;
        move_out(fetched, target(request, entry)?)?;
    }
    Ok(())
}

/// A cache of its own keeps the client from the user's token and files.
fn open(repository: &str, revision: &str, request: &Request<'_>) -> Result<ApiRepo, ApiError> {
    let cache = Cache::new(request.staging.join(CACHE));
    let mut builder = ApiBuilder::from_cache(cache).with_progress(false).with_token(None);
    if let Some(endpoint) = &request.options.hub_endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    let repo = Repo::with_revision(repository.to_owned(), RepoType::Model, revision.to_owned());
    Ok(builder.build()?.repo(repo))
}

/// The client gives a link into its cache; the file behind it is what is wanted.
fn move_out(link: PathBuf, target: PathBuf) -> Result<(), ManifestError> {
    let file = fs::canonicalize(&link).map_err(|source| ManifestError::ReadFile { path: link, source })?;
    fs::rename(&file, &target).map_err(|source| write_failed(&target, source))
}

struct Reporter<'a> {
    place: String,
    file: &'a str,
    bytes: u64,
    total: u64,
    progress: &'a mut dyn FnMut(Progress),
}

impl hf_hub::api::Progress for Reporter<'_> {
    fn init(&mut self, size: usize, _filename: &str) {
        (self.bytes, self.total) = (0, size as u64);
    }

    fn update(&mut self, size: usize) {
        self.bytes += size as u64;
        let (place, file) = (self.place.clone(), self.file.to_owned());
        (self.progress)(Progress {
            place,
            file,
            bytes: self.bytes,
            total: Some(self.total),
        });
    }

    fn finish(&mut self) {}
}
