//! Attempts that came to nothing: each is written to its ticket's row and tried again later.

use std::future::Future;

use desk::{Actor, Ticket};
use store::Failed;

use crate::Triage;
use crate::error::TriageError;
use crate::process::ACTOR;

/// What is kept with a ticket whose attempt panicked. What a panic says may be ticket text.
const PANICKED: &str = "the attempt panicked";

/// Why an attempt came to nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There was too much to do, which is no fault of the ticket's.
    Busy,
    /// For this reason.
    Failed(String),
}

/// What an attempt came to. It runs on a task of its own, so that a panic is a failure like others.
pub(crate) async fn guarded<T: Send + 'static>(
    attempt: impl Future<Output = Result<T, TriageError>> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::spawn(attempt).await {
        Ok(Ok(came_to)) => Ok(came_to),
        Ok(Err(error)) if error.is_busy() => Err(Failure::Busy),
        Ok(Err(error)) => Err(Failure::Failed(error.chain())),
        // Nobody cancels it.
        Err(_panicked) => Err(Failure::Failed(PANICKED.to_owned())),
    }
}

impl Triage {
    /// Sees to it that a ticket is tried again.
    pub(crate) async fn try_again_later(&self, ticket: &Ticket, failure: Failure) {
        match failure {
            Failure::Busy => self.postpone(ticket).await,
            Failure::Failed(reason) => self.record_failure(ticket, &reason).await,
        }
    }

    async fn postpone(&self, ticket: &Ticket) {
        tracing::debug!(ticket.id = %ticket.id, "an attempt at triage is postponed: there is too much to do");
        let until = store::now() + self.config.backoff();
        if let Err(error) = self.store.postpone(ticket, until).await {
            // The lease ends by itself, and the sweeper takes the ticket up again.
            tracing::warn!(ticket.id = %ticket.id, error = %error, "an attempt could not be postponed");
        }
    }

    async fn record_failure(&self, ticket: &Ticket, reason: &str) {
        tracing::warn!(ticket.id = %ticket.id, error = %reason, "an attempt at triage failed");
        let retry = self.config.retry();
        let recorded = self
            .store
            .record_failure(ticket.id, reason, &retry, &Actor::system(ACTOR))
            .await;
        match recorded {
            // It is decided and may not be in the index.
            Ok(Failed::NeedsHuman | Failed::Triaged) => self.left_out.note(ticket.id),
            Ok(Failed::Retry(_) | Failed::NotWaiting) => {}
            Err(error) => {
                // The lease ends by itself, and the sweeper takes the ticket up again.
                tracing::error!(ticket.id = %ticket.id, error = %error, "a failed attempt could not be written");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use encoder::EncoderError;

    use super::*;

    async fn came_to(attempt: impl Future<Output = Result<(), TriageError>> + Send + 'static) -> Failure {
        guarded(attempt).await.expect_err("it came to nothing")
    }

    #[tokio::test]
    async fn an_attempt_that_panics_has_failed() {
        let failure = came_to(async { panic!("within: I was charged twice") }).await;
        assert_eq!(failure, Failure::Failed(PANICKED.to_owned()));
    }

    #[tokio::test]
    async fn a_full_queue_is_no_failure_and_a_stopped_encoder_is() {
        let failing = |error: EncoderError| came_to(async move { Err(error.into()) });
        assert_eq!(failing(EncoderError::Busy).await, Failure::Busy);
        let stopped = failing(EncoderError::Stopped).await;
        assert_eq!(
            stopped,
            Failure::Failed("the encoder failed: the encoder has stopped".to_owned())
        );
    }
}
