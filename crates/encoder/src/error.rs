//! What can go wrong with an encoder.

use std::path::PathBuf;
use std::sync::Arc;

/// Why an encoder could not be opened or asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// The model folder is incomplete or its sums are wrong.
    #[error("cannot open the encoder in {}", .folder.display())]
    OpenFolder {
        /// The model folder.
        folder: PathBuf,
        /// What the manifest found.
        #[source]
        source: Arc<manifest::ManifestError>,
    },
    /// The manifest describes something else.
    #[error("the model in {} is no encoder: its manifest has no [encoder] table", .folder.display())]
    NotAnEncoder {
        /// The model folder.
        folder: PathBuf,
    },
    /// A file of the folder could not be read.
    #[error("cannot read {}", .path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// The network's configuration could not be understood.
    #[error("{} is not the configuration of a BERT", .path.display())]
    ReadConfig {
        /// The file.
        path: PathBuf,
        /// What the parser found.
        #[source]
        source: Arc<serde_json::Error>,
    },
    /// The network's configuration says one thing and the manifest another, or neither works.
    #[error("{field}: the network has {network}, the manifest says {manifest}")]
    SpecMismatch {
        /// What they disagree about.
        field: &'static str,
        /// By `config.json`.
        network: String,
        /// By the manifest.
        manifest: String,
    },
    /// The tokenizer could not be used.
    #[error("cannot use the tokenizer {}: {reason}", .path.display())]
    ReadTokenizer {
        /// The file.
        path: PathBuf,
        /// What the tokenizer library said.
        reason: String,
    },
    /// The weights are not a safetensors file.
    #[error("{} is not a safetensors file", .path.display())]
    ReadWeights {
        /// The file.
        path: PathBuf,
        /// What the parser found.
        #[source]
        source: Arc<safetensors::SafeTensorError>,
    },
    /// A tensor the network needs is not among the weights.
    #[error("the weights have no tensor {tensor:?}")]
    MissingTensor {
        /// The tensor.
        tensor: String,
    },
    /// A tensor has another shape than the configuration asks for.
    #[error("tensor {tensor:?} has shape {found:?}, the configuration asks for {expected:?}")]
    WrongShape {
        /// The tensor.
        tensor: String,
        /// Shape by the configuration.
        expected: Vec<usize>,
        /// Shape in the file.
        found: Vec<usize>,
    },
    /// A tensor of whole numbers or of a kind of floating point this crate does not read.
    #[error("tensor {tensor:?} is of {found}, not of F32, F16 or BF16")]
    NotFloats {
        /// The tensor.
        tensor: String,
        /// What it is of.
        found: String,
    },
    /// NaN or infinity among the weights.
    #[error("tensor {tensor:?} has values that are not finite")]
    NotFinite {
        /// The tensor.
        tensor: String,
    },
    /// A setting no encoder can work by.
    #[error("{setting} {problem}")]
    BadSetting {
        /// The setting.
        setting: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The kernel asked for can't run here or can't compute this network.
    #[error("the kernel {kernel} {problem}; auto chooses one that works")]
    KernelUnavailable {
        /// The kernel.
        kernel: &'static str,
        /// Why not.
        problem: &'static str,
    },
    /// The threads could not be started.
    #[error("cannot start the encoder's threads: {reason}")]
    StartThreads {
        /// The system's reason.
        reason: String,
    },
    /// The queue is full; ask again in a moment.
    #[error("the encoder's queue is full")]
    Busy,
    /// The thread that owns the model is gone.
    #[error("the encoder has stopped")]
    Stopped,
    /// The thread that owns the model panicked over this request; it goes on with others. Without the panic's words: they
    /// may quote the text, and errors are logged and kept.
    #[error("the encoder panicked")]
    Panicked,
    /// A text could not be tokenized.
    #[error("cannot tokenize a text: {reason}")]
    Tokenize {
        /// What the tokenizer library said.
        reason: String,
    },
    /// The network could not compute.
    #[error("cannot compute a batch")]
    Compute(#[source] Arc<candle_core::Error>),
    /// The network computed a vector that has no direction.
    #[error("the vector of a text is not finite")]
    NoVector,
}

/// Who can do something about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nobody: wait and ask again.
    Busy,
    /// Whoever set up the model's folder or the settings.
    Setup,
    /// Whoever wrote this crate.
    Bug,
}

impl EncoderError {
    /// Whether one of the texts cannot be embedded, however often it is tried; others can.
    pub fn is_of_a_text(&self) -> bool {
        self.fault() == Fault::Bug && !matches!(self, Self::Stopped)
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Busy => Fault::Busy,
            Self::Stopped | Self::Panicked | Self::Tokenize { .. } | Self::Compute(_) | Self::NoVector => Fault::Bug,
            _ => Fault::Setup,
        }
    }
}
