//! What can go wrong between a text and its vector, and whose fault it is.

use std::path::PathBuf;

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The caller asked for what cannot be.
    Caller,
    /// There is too much to do; it works later.
    Busy,
    /// A file or the model's thread is not what it should be.
    Dependency,
    /// The program is wrong.
    Bug,
}

/// A failed act of the encoder. Display does not repeat its source.
#[derive(Debug, thiserror::Error)]
pub enum EncoderError {
    /// The model folder is incomplete or has been changed.
    #[error("cannot open the model folder")]
    OpenFolder(#[from] manifest::ManifestError),
    /// The model is of a kind this crate cannot run.
    #[error("the model is not an encoder this program can run: {0}")]
    Unsupported(String),
    /// The tokenizer cannot be read.
    #[error("cannot read the tokenizer {}", path.display())]
    ReadTokenizer {
        /// The file.
        path: PathBuf,
        /// Why.
        source: tokenizers::Error,
    },
    /// The weights cannot be read or do not fit the config.
    #[error("cannot load the weights {}", path.display())]
    LoadWeights {
        /// The file.
        path: PathBuf,
        /// Why.
        source: candle_core::Error,
    },
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A weight is NaN or infinite.
    #[error("the tensor {tensor} holds a number that is not finite")]
    NotFinite {
        /// Its name.
        tensor: String,
    },
    /// The thread of the model cannot be started.
    #[error("cannot start the encoder's thread")]
    StartThread(#[source] std::io::Error),
    /// The threads that compute cannot be started.
    #[error("cannot start the encoder's threads")]
    StartPool(#[source] rayon::ThreadPoolBuildError),
    /// More texts wait than the queue holds.
    #[error("the encoder is busy")]
    Busy,
    /// One request has more texts than the queue holds.
    #[error("{texts} texts are more than the {limit} the encoder takes at once")]
    TooMany {
        /// In the request.
        texts: usize,
        /// At most.
        limit: usize,
    },
    /// A text cannot be cut into tokens.
    #[error("cannot tokenize a text")]
    Tokenize(#[source] tokenizers::Error),
    /// The network failed.
    #[error("the network failed")]
    Forward(#[source] candle_core::Error),
    /// The network panicked; the thread goes on.
    #[error("the network panicked")]
    Panicked,
    /// The thread of the model is gone.
    #[error("the encoder's thread is gone")]
    Gone,
}

impl EncoderError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            EncoderError::TooMany { .. } => Fault::Caller,
            EncoderError::Busy => Fault::Busy,
            EncoderError::Panicked | EncoderError::Forward(_) | EncoderError::Tokenize(_) => Fault::Bug,
            _ => Fault::Dependency,
        }
    }
}
