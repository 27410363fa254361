//! What can go wrong between a ticket and its decision, and whose fault it is.

use desk::FieldError;
use encoder::EncoderError;

/// A failed act of triage. Display does not repeat its source.
#[derive(Debug, thiserror::Error)]
pub enum TriageError {
    /// The caller's ticket has bad fields.
    #[error("the ticket has {} bad field(s)", .0.len())]
    Invalid(Vec<FieldError>),
    /// The store refused or failed.
    #[error("the ticket store failed")]
    Store(#[from] store::StoreError),
    /// The encoder refused or failed.
    #[error("the encoder failed")]
    Encode(#[from] EncoderError),
    /// The index refused or failed.
    #[error("the search index failed")]
    Search(#[from] search::Error),
    /// A head refused the vector it was given.
    #[error("a classifier head failed")]
    Classify(#[from] classifier::ClassifierError),
    /// A version of a head that cannot take the place of the one in use.
    #[error(transparent)]
    Head(#[from] crate::heads::HeadError),
}

impl TriageError {
    /// Whether nothing is wrong: there is too much to do, and the same may go through in a moment.
    pub(crate) fn is_busy(&self) -> bool {
        match self {
            TriageError::Encode(error) => error.fault() == encoder::Fault::Busy,
            TriageError::Store(error) => error.fault() == store::Fault::Busy,
            // An index that is busy is as good as down: after the last attempt a ticket goes through without it.
            TriageError::Search(_) | TriageError::Invalid(_) | TriageError::Classify(_) | TriageError::Head(_) => false,
        }
    }

    /// What is kept with the ticket: the chain of causes in one line, without ticket text.
    pub fn chain(&self) -> String {
        desk::chain(self)
    }
}
