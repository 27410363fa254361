//! Hop 2 of a ticket: durable before anything else, then as far as the deadline lets it come.

use std::sync::Arc;

use desk::{Actor, NewTicket, Ticket};
use store::{IdempotencyKey, Submission, Submitted};

use crate::Triage;
use crate::error::TriageError;

impl Triage {
    /// Stores a ticket and waits for its triage, at most until the deadline.
    ///
    /// The triage goes on when the caller leaves or the deadline passes.
    ///
    /// **Errors:** bad fields, an idempotency key used with another body, or the store is out of reach. An encoder
    /// or index out of reach is no error: the ticket comes through later.
    pub async fn submit(
        self: &Arc<Self>,
        ticket: NewTicket,
        key: Option<IdempotencyKey>,
        actor: &Actor,
    ) -> Result<Submitted, TriageError> {
        let ticket = ticket.validate().map_err(TriageError::Invalid)?;
        let submission = Submission {
            ticket,
            key,
            actor: actor.clone(),
            claim: self.config.lease(),
        };
        let stored = self.store.submit_ticket(submission).await?;
        if stored.replayed {
            return Ok(stored);
        }
        let ticket = match self.start(stored.ticket.clone()) {
            Some(triage) => match tokio::time::timeout(self.config.deadline(), triage).await {
                Ok(Ok(Some(triaged))) => triaged,
                _ => stored.ticket,
            },
            None => stored.ticket,
        };
        Ok(Submitted {
            ticket,
            replayed: false,
        })
    }

    /// Begins the triage of a ticket this process holds the lease of; none when too many are under way, and the
    /// sweeper takes it up when the lease ends.
    fn start(self: &Arc<Self>, ticket: Ticket) -> Option<tokio::task::JoinHandle<Option<Ticket>>> {
        let place = Arc::clone(&self.in_flight).try_acquire_owned().ok()?;
        let desk = Arc::clone(self);
        Some(self.tasks.spawn(async move {
            let triaged = desk.process(ticket).await;
            drop(place);
            triaged
        }))
    }
}
