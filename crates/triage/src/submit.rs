//! Hop 2 of a ticket: durable before anything else, then as far as the deadline lets it come.

use std::sync::Arc;

use desk::{Actor, Decision, NewTicket, Ticket};
use store::{IdempotencyKey, Submission};

use crate::Triage;
use crate::error::TriageError;
use crate::process::Triaged;

/// A submitted ticket.
#[derive(Debug)]
pub struct Submitted {
    /// The ticket as it stands.
    pub ticket: Ticket,
    /// What was decided on it just now; none where triage goes on, or where it was stored before.
    pub decision: Option<Decision>,
    /// Whether it was stored before: by the same idempotency key or external id.
    pub replayed: bool,
}

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
        let as_stored = Submitted {
            ticket: stored.ticket,
            decision: None,
            replayed: stored.replayed,
        };
        if as_stored.replayed {
            return Ok(as_stored);
        }
        let Some(triage) = self.start(as_stored.ticket.clone()) else {
            return Ok(as_stored);
        };
        match tokio::time::timeout(self.config.deadline(), triage).await {
            Ok(Ok(Some(Triaged { ticket, decision }))) => Ok(Submitted {
                ticket,
                decision,
                replayed: false,
            }),
            // The attempt came to nothing, and the row says so.
            Ok(_) => Ok(self.as_it_stands(as_stored).await),
            Err(_) => Ok(as_stored),
        }
    }

    /// The same, read once more where it can be: it is stored whatever happens.
    async fn as_it_stands(&self, as_stored: Submitted) -> Submitted {
        match self.store.get_ticket(as_stored.ticket.id).await {
            Ok(Some(ticket)) => Submitted { ticket, ..as_stored },
            Ok(None) | Err(_) => as_stored,
        }
    }

    /// Begins the triage of a ticket this process holds the lease of; none when too many are under way, and the
    /// sweeper takes it up when the lease ends.
    fn start(self: &Arc<Self>, ticket: Ticket) -> Option<tokio::task::JoinHandle<Option<Triaged>>> {
        let place = Arc::clone(&self.in_flight).try_acquire_owned().ok()?;
        let desk = Arc::clone(self);
        Some(self.tasks.spawn(async move {
            let triaged = desk.process(ticket).await;
            drop(place);
            triaged
        }))
    }
}
