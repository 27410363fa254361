//! What can go wrong with suggestions.

use knowledge::KnowledgeError;
use store::StoreError;
use triage::TriageError;

/// Why there are no suggestions. Display does not repeat its source.
#[derive(Debug, thiserror::Error)]
pub enum SuggestError {
    /// The knowledge base could not be asked.
    #[error("the knowledge base cannot be asked")]
    Knowledge(#[from] KnowledgeError),
    /// Similar tickets could not be found, or texts not compared.
    #[error("similar tickets cannot be found")]
    Triage(#[from] TriageError),
    /// The store refused or failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// Tickets could not be grouped.
    #[error("the grouping of tickets ended early")]
    Group(#[from] tokio::task::JoinError),
}
