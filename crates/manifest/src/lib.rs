//! The files of a model: named, fetched, verified. The only crate that trusts a file.
//!
//! A model is a folder with a `manifest.toml`. [`Model::open`] gives the folder once every file has the sum its
//! manifest says; [`pull()`] first fetches what is missing.

mod digest;
mod encoder_spec;
mod error;
mod install;
mod model;
mod progress;
mod pull;
mod schema;
mod source;

pub use digest::{hexadecimal, sha256_of};
pub use encoder_spec::{EncoderSpec, Glossary, Pooling};
pub use error::{Attempt, ManifestError};
pub use install::install;
pub use model::{MANIFEST_FILE, Model};
pub use progress::Progress;
pub use pull::{PullOptions, pull};
pub use schema::{FileEntry, Kind, Manifest, Source};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
