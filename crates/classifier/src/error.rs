//! What can go wrong with a head.

use std::path::PathBuf;

/// Why a head could not be opened or asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifierError {
    /// The model folder is incomplete or its sums are wrong.
    #[error("cannot open the model in {}", .folder.display())]
    OpenFolder {
        /// The model folder.
        folder: PathBuf,
        /// What the manifest found.
        #[source]
        source: manifest::ManifestError,
    },
    /// A file of the folder could not be read.
    #[error("cannot read {}", .path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The model is something else than a head.
    #[error("{} is not a head: its manifest names no [head] or no head.safetensors", .folder.display())]
    NotAHead {
        /// The model folder.
        folder: PathBuf,
    },
    /// The `[head]` table of the manifest cannot be read.
    #[error("the manifest in {} does not describe a head", .folder.display())]
    ReadSpec {
        /// The model folder.
        folder: PathBuf,
        /// What the parser found.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// The weights are not a safetensors file.
    #[error("the weights are not a safetensors file")]
    ReadWeights(#[source] safetensors::SafeTensorError),
    /// A tensor is missing, of another type, or of another shape than the manifest says.
    #[error("tensor {tensor:?} of the head: expected {expected}, found {found}")]
    WrongTensor {
        /// Name of the tensor.
        tensor: &'static str,
        /// Wanted shape or content.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A weight is NaN or infinite.
    #[error("tensor {tensor:?} of the head holds a value that is not finite")]
    NotFiniteWeight {
        /// Name of the tensor.
        tensor: &'static str,
    },
    /// A number of the manifest makes no sense.
    #[error("[head] {field} of the manifest: {problem}")]
    BadSpec {
        /// The key.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The head was trained on vectors of another encoder.
    #[error("head {head:?} was trained on {wanted}, these vectors come from {given}")]
    OtherEncoder {
        /// Name of the head.
        head: String,
        /// Encoder the head wants.
        wanted: String,
        /// Encoder that was offered.
        given: String,
    },
    /// A vector of the wrong length.
    #[error("the head takes vectors of {expected} numbers, got {found}")]
    WrongDimensions {
        /// Length of the vectors it was trained on.
        expected: usize,
        /// Length it was given.
        found: usize,
    },
    /// A vector with NaN or infinity in it.
    #[error("the vector holds a value that is not finite")]
    NotFiniteVector,
}
