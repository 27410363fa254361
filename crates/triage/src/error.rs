//! What can go wrong between a ticket and its decision, and whose fault it is.

use desk::FieldError;

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
    Encode(#[from] encoder::EncoderError),
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
    /// What is kept with the ticket: the chain of causes in one line, without ticket text.
    pub fn chain(&self) -> String {
        let mut chain = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            chain.push_str(": ");
            chain.push_str(&error.to_string());
            cause = error.source();
        }
        chain
    }
}
