//! Hop 2 of a ticket: durable before anything else, then as far as the deadline lets it come.

use std::sync::Arc;

use desk::{Actor, NewTicket, Ticket};
use store::IdempotencyKey;

use crate::Triage;
use crate::error::TriageError;

/// A ticket that is stored, as it stood when the deadline passed.
#[derive(Debug, Clone)]
pub struct Submitted {
    /// The row.
    pub ticket: Ticket,
    /// Whether the same idempotency key or external id had stored it before.
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
        let stored = self.store.submit_ticket(ticket, key, actor, self.config.lease()).await?;
        if stored.replayed {
            return Ok(Submitted { ticket: stored.ticket, replayed: true });
        }
        let id = stored.ticket.id;
        let stands = match self.start(stored.ticket.clone()) {
            Some(triage) => tokio::time::timeout(self.config.deadline(), triage).await.is_ok(),
            None => false,
        };
        let now = if stands { self.store.ticket(id).await? } else { None };
        Ok(Submitted { ticket: now.unwrap_or(stored.ticket), replayed: false })
    }

    /// Begins the triage of a ticket this process holds the lease of; none when too many are under way, and the
    /// sweeper takes it up when the lease ends.
    fn start(self: &Arc<Self>, ticket: Ticket) -> Option<tokio::task::JoinHandle<()>> {
        let place = Arc::clone(&self.in_flight).try_acquire_owned().ok()?;
        let desk = Arc::clone(self);
        Some(self.tasks.spawn(async move {
            desk.process(ticket).await;
            drop(place);
        }))
    }
}
