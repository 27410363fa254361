//! What can go wrong, and whose fault it is.

use std::io;
use std::path::PathBuf;

use qdrant_client::QdrantError;
use qdrant_edge::OperationError;
use uuid::Uuid;

/// What a server answers where it has no such collection. **Source** gRPC, status codes.
const NOT_FOUND: i32 = 5;

/// Who has to act on an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The caller asked for something that cannot be answered; asking again changes nothing.
    Caller,
    /// Something else is under way; the same call works later.
    Busy,
    /// The disk, the index or the server is not as it should be; the same call works when it is back.
    Dependency,
    /// This crate did something wrong.
    Bug,
}

/// Why a call on [`crate::Search`] gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process (or another `Search` of this one) holds the data folder.
    #[error("the search folder {folder} is already in use by another process")]
    FolderInUse {
        /// The data folder.
        folder: PathBuf,
    },
    /// The data folder cannot be written.
    #[error("the search folder {folder} cannot be written")]
    FolderReadOnly {
        /// The data folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the data folder could not be read or written.
    #[error("could not {act} {path}")]
    Folder {
        /// What was being done.
        act: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder of a collection has vanished under the process; `ensure` makes it anew and empty.
    #[error("the folder of the collection {collection} is gone: {folder}")]
    FolderGone {
        /// Its name.
        collection: String,
        /// Where it was.
        folder: PathBuf,
    },
    /// Too little room on the disk for a safe write.
    #[error("only {free_bytes} bytes are free for {folder}, {needed_bytes} are needed to write safely")]
    DiskFull {
        /// The data folder.
        folder: PathBuf,
        /// Bytes free.
        free_bytes: u64,
        /// Bytes that must be free.
        needed_bytes: u64,
    },
    /// The file that describes a collection cannot be understood.
    #[error("the description of the collection in {path} cannot be read")]
    Description {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// No `ensure` was called for this name.
    #[error("there is no collection {collection}")]
    UnknownCollection {
        /// The name asked for.
        collection: String,
    },
    /// A name that cannot be one of a collection.
    #[error("{collection:?} cannot name a collection: 1 to 64 of a-z, 0-9 and _ are allowed, a letter first")]
    CollectionName {
        /// The name given.
        collection: String,
    },
    /// A collection must have at least one dimension.
    #[error("the collection {collection} was given 0 dimensions")]
    NoDimensions {
        /// Its name.
        collection: String,
    },
    /// The stored vectors were made with another number of dimensions.
    #[error("the collection {collection} has vectors of {stored} dimensions, not {wanted}: delete it to begin anew")]
    DimensionsDiffer {
        /// Its name.
        collection: String,
        /// Dimensions of the stored vectors.
        stored: usize,
        /// Dimensions asked for.
        wanted: usize,
    },
    /// A point has a vector of its title and the collection keeps none.
    #[error("the collection {collection} keeps no vectors of titles")]
    NoTitles {
        /// Its name.
        collection: String,
    },
    /// A vector has the wrong length.
    #[error("the collection {collection} takes vectors of {expected} dimensions, not {found}")]
    WrongDimensions {
        /// Its name.
        collection: String,
        /// Dimensions of the collection.
        expected: usize,
        /// Length of the vector given.
        found: usize,
    },
    /// A vector holds NaN or infinity.
    #[error("a vector holds a number that is not finite")]
    NotFinite {
        /// The point it belongs to; none for a query.
        id: Option<Uuid>,
    },
    /// A query without vector and without text.
    #[error("a query needs a vector or a text")]
    EmptyQuery,
    /// More hits asked for than one query gives.
    #[error("a query gives at most {max} hits, not {limit}")]
    LimitTooLarge {
        /// Asked for.
        limit: usize,
        /// The most there is.
        max: usize,
    },
    /// A filter names a field that the collection does not index.
    #[error("the collection {collection} has no field {field} to filter by")]
    UnknownField {
        /// Its name.
        collection: String,
        /// The field named.
        field: String,
    },
    /// A filter compares a field with a value of another kind.
    #[error("the field {field} is of the kind {kind} and cannot be filtered that way")]
    FieldKind {
        /// The field named.
        field: String,
        /// What it holds.
        kind: &'static str,
    },
    /// A rebuild of this collection is under way already.
    #[error("the collection {collection} is being rebuilt already")]
    RebuildRunning {
        /// Its name.
        collection: String,
    },
    /// The rebuild this handle belongs to is no longer the one under way.
    #[error("this rebuild of the collection {collection} has been given up")]
    RebuildGivenUp {
        /// Its name.
        collection: String,
    },
    /// A snapshot goes to a place that does not exist yet.
    #[error("there is something at {path} already")]
    SnapshotExists {
        /// The place asked for.
        path: PathBuf,
    },
    /// Qdrant Edge refused.
    #[error("Qdrant Edge could not {act} in the collection {collection}")]
    Edge {
        /// What was being done.
        act: &'static str,
        /// The collection.
        collection: String,
        /// What it said.
        source: Box<OperationError>,
    },
    /// Qdrant Edge panicked, as it does when its files vanish. Without its words: they may quote a text.
    #[error("Qdrant Edge gave up while it tried to {act} in the collection {collection}")]
    EdgePanicked {
        /// What was being done.
        act: &'static str,
        /// The collection.
        collection: String,
    },
    /// The Qdrant server refused or could not be reached.
    #[error("the Qdrant server could not {act}")]
    Server {
        /// What was being done.
        act: &'static str,
        /// What the client said.
        source: Box<QdrantError>,
    },
    /// The Qdrant server answered something that makes no sense.
    #[error("the Qdrant server's answer to {act} lacks {lacks}")]
    ServerAnswer {
        /// What was being done.
        act: &'static str,
        /// What was missing.
        lacks: &'static str,
    },
    /// A background task was cancelled or panicked.
    #[error("a task of the search ended early")]
    Task(#[from] tokio::task::JoinError),
    /// A fixed setting of this crate was refused.
    #[error("the word analysis for {language} cannot be set up: {reason}")]
    Words {
        /// The language.
        language: &'static str,
        /// What was said.
        reason: String,
    },
    /// A filter that passed its checks was refused by the index.
    #[error("a filter could not be translated for the index")]
    Translate(#[source] serde_json::Error),
}

impl Error {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::CollectionName { .. }
            | Self::NoDimensions { .. }
            | Self::DimensionsDiffer { .. }
            | Self::UnknownCollection { .. }
            | Self::NoTitles { .. }
            | Self::WrongDimensions { .. }
            | Self::NotFinite { .. }
            | Self::EmptyQuery
            | Self::LimitTooLarge { .. }
            | Self::UnknownField { .. }
            | Self::FieldKind { .. }
            | Self::SnapshotExists { .. } => Fault::Caller,
            Self::RebuildRunning { .. } => Fault::Busy,
            Self::FolderInUse { .. }
            | Self::FolderReadOnly { .. }
            | Self::Folder { .. }
            | Self::FolderGone { .. }
            | Self::DiskFull { .. }
            | Self::Description { .. }
            | Self::RebuildGivenUp { .. }
            | Self::EdgePanicked { .. } => Fault::Dependency,
            Self::Edge { source, .. } => edge_fault(source),
            Self::Server { source, .. } => server_fault(source),
            Self::ServerAnswer { .. } | Self::Task(_) | Self::Words { .. } | Self::Translate(_) => Fault::Bug,
        }
    }

    /// Whether it says that a server does not have a collection that was asked for.
    pub(crate) fn is_collection_gone(&self) -> bool {
        match self {
            Self::UnknownCollection { .. } => true,
            Self::Server { source, .. } => {
                matches!(&**source, QdrantError::ResponseError { status } if i32::from(status.code()) == NOT_FOUND)
            }
            _ => false,
        }
    }
}

fn edge_fault(error: &OperationError) -> Fault {
    match error {
        OperationError::ServiceError { .. }
        | OperationError::InconsistentStorage { .. }
        | OperationError::OutOfMemory { .. }
        | OperationError::Timeout { .. }
        | OperationError::Cancelled { .. } => Fault::Dependency,
        _ => Fault::Bug,
    }
}

/// A server that refuses what this crate sent is a bug here; everything else is the server's or the network's.
fn server_fault(error: &QdrantError) -> Fault {
    match error {
        QdrantError::ResourceExhaustedError { .. } => Fault::Busy,
        QdrantError::ResponseError { status } if status.message().contains("Wrong input") => Fault::Bug,
        QdrantError::ResponseError { .. } | QdrantError::Io(_) => Fault::Dependency,
        _ => Fault::Bug,
    }
}
