//! Whose fault a failure is, and what the caller is told of it.

use std::time::Duration;

use axum::http::StatusCode;
use knowledge::KnowledgeError;
use store::{Fault, StoreError};
use suggest::SuggestError;
use triage::TriageError;

use crate::http::problem::{BadField, Problem};

/// When to come back after being told that the desk is busy.
const BUSY_WAIT: Duration = Duration::from_secs(1);

/// A failure of the store, as the caller sees it.
pub fn store_problem(error: StoreError) -> Problem {
    match error {
        StoreError::Invalid(fields) => Problem::invalid(fields),
        StoreError::Unknown { field, .. } => {
            Problem::invalid_field(field, "unknown", "names nothing that the desk knows")
        }
        StoreError::Taken { field } => taken(field),
        StoreError::Stale { .. } => stale(),
        StoreError::IdempotencyConflict => key_reused(),
        StoreError::ForeignCursor => {
            let message = "does not belong to this list with these filters; leave it out to start anew";
            Problem::invalid_field("cursor", "foreign", message)
        }
        other => by_fault(other),
    }
}

/// A failure to read back what has just been changed, as the caller sees it: nothing to do again, so without a
/// `Retry-After`.
pub fn unshown_problem(error: StoreError) -> Problem {
    let detail = "The change is stored, but what became of it cannot be read now. Read it later; do not send it again.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).because(error)
}

/// A failure of triage, as the caller sees it.
pub fn triage_problem(error: TriageError) -> Problem {
    match error {
        TriageError::Invalid(fields) => Problem::invalid(fields),
        TriageError::Store(error) => store_problem(error),
        TriageError::Encode(error) => encoder_problem(error),
        TriageError::Search(error) => Problem::unavailable("The search index is out of reach.").because(error),
        error @ (TriageError::Classify(_) | TriageError::Head(_)) => Problem::internal().because(error),
    }
}

/// A failure of the knowledge base, as the caller sees it.
pub fn knowledge_problem(error: KnowledgeError) -> Problem {
    match error {
        KnowledgeError::Invalid(fields) => Problem::invalid(fields),
        KnowledgeError::Store(error) => store_problem(error),
        KnowledgeError::Encode(error) => encoder_problem(error),
        KnowledgeError::Search(error) => Problem::unavailable("The search index is out of reach.").because(error),
        error @ KnowledgeError::Cut(_) => Problem::internal().because(error),
    }
}

/// A failure of suggestions, as the caller sees it.
pub fn suggest_problem(error: SuggestError) -> Problem {
    match error {
        SuggestError::Knowledge(error) => knowledge_problem(error),
        SuggestError::Triage(error) => triage_problem(error),
        SuggestError::Store(error) => store_problem(error),
        error @ SuggestError::Group(_) => Problem::internal().because(error),
    }
}

fn encoder_problem(error: encoder::EncoderError) -> Problem {
    match error {
        encoder::EncoderError::Busy => Problem::busy(BUSY_WAIT),
        other => Problem::unavailable("The encoder is out of reach.").because(other),
    }
}

fn by_fault(error: StoreError) -> Problem {
    match error.fault() {
        Fault::Busy => Problem::busy(BUSY_WAIT).because(error),
        Fault::Dependency => {
            // Not that nothing was stored: the answer to a commit may have been lost.
            let detail = "The database cannot be used now. Send the request again; with an Idempotency-Key it is \
                          stored once.";
            Problem::unavailable(detail).because(error)
        }
        Fault::Caller | Fault::Bug => Problem::internal().because(error),
    }
}

fn taken(field: &'static str) -> Problem {
    let fault = BadField::new(field, "taken", "is already taken by another");
    let detail = "There is another with the same value, and no two may share it.";
    Problem::new(StatusCode::CONFLICT, "taken", detail).with_errors(vec![fault])
}

fn stale() -> Problem {
    let detail = "Someone changed this in the meantime. Read it again and repeat the change with its new ETag.";
    let fault = BadField::new("If-Match", "stale", "is not the current version");
    Problem::new(StatusCode::PRECONDITION_FAILED, "stale-version", detail).with_errors(vec![fault])
}

fn key_reused() -> Problem {
    let detail = "This Idempotency-Key came before with another body. A new request needs a new key.";
    let fault = BadField::new("Idempotency-Key", "reused", "was used with another body");
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", detail).with_errors(vec![fault])
}
