//! What can go wrong with the knowledge base.

use desk::FieldError;

/// A failed act of the knowledge base. Display does not repeat its source.
#[derive(Debug, thiserror::Error)]
pub enum KnowledgeError {
    /// The caller's article or question has bad fields.
    #[error("{} field(s) cannot be accepted", .0.len())]
    Invalid(Vec<FieldError>),
    /// The store refused or failed.
    #[error("the store failed")]
    Store(#[from] store::StoreError),
    /// The encoder refused or failed.
    #[error("the encoder failed")]
    Encode(#[from] encoder::EncoderError),
    /// The index refused or failed.
    #[error("the search index failed")]
    Search(#[from] search::Error),
    /// The task that cuts an article into passages was cancelled or panicked.
    #[error("cutting an article into passages ended early")]
    Cut(#[from] tokio::task::JoinError),
}

impl KnowledgeError {
    /// The chain of causes in one line, without anybody's text.
    pub fn chain(&self) -> String {
        desk::chain(self)
    }
}
