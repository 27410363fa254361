//! Hops 3 to 7 of a ticket that is stored: assess, route, decide, index, record. The state flips last.

use desk::{Decision, Ticket};
use store::StoreError;
use time::OffsetDateTime;

use crate::assess::IndexDown;
use crate::decide::{decide, routing_request};
use crate::error::TriageError;
use crate::index::{self, TICKETS};
use crate::Triage;

impl Triage {
    /// One attempt at a ticket; a failure is written to its row and tried again later.
    pub(crate) async fn process(&self, ticket: Ticket) {
        let id = ticket.id;
        match self.attempt(&ticket).await {
            Ok(true) => tracing::debug!(ticket.id = %id, "triaged"),
            Ok(false) => tracing::debug!(ticket.id = %id, "another process had triaged it"),
            Err(error) => self.record_failure(&ticket, &error).await,
        }
    }

    /// Whether this attempt was the one that flipped the state.
    async fn attempt(&self, ticket: &Ticket) -> Result<bool, TriageError> {
        let down = self.if_index_is_down(ticket);
        let assessment = self.assess(&ticket.text(), Some(ticket.id), down).await?;
        let routing = self.roster.route(&self.store, &routing_request(&assessment)).await?;
        let vector = assessment.vector.clone();
        let decision = decide(ticket.id, assessment, routing, OffsetDateTime::now_utc());
        self.put_in_index(ticket, vector, &decision, down).await?;
        Ok(self.store.record_decision(&decision).await?)
    }

    /// A ticket whose last attempt is due goes through without the index rather than to a person: `reindex` adds it.
    fn if_index_is_down(&self, ticket: &Ticket) -> IndexDown {
        if ticket.attempts + 1 >= self.config.max_attempts { IndexDown::GoOn } else { IndexDown::Fail }
    }

    async fn put_in_index(
        &self,
        ticket: &Ticket,
        vector: Vec<f32>,
        decision: &Decision,
        down: IndexDown,
    ) -> Result<(), TriageError> {
        let point = index::point(ticket, vector, decision.language.clone(), decision.category_label());
        match self.search.upsert(TICKETS, &[point]).await {
            Err(error) if down == IndexDown::Fail => Err(error.into()),
            Err(error) => {
                tracing::warn!(ticket.id = %ticket.id, error = %error, "triaged without being indexed");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    async fn record_failure(&self, ticket: &Ticket, error: &TriageError) {
        let attempts = ticket.attempts + 1;
        let reason = error.chain();
        tracing::warn!(ticket.id = %ticket.id, attempts, error = %reason, "an attempt at triage failed");
        let retry = (attempts < self.config.max_attempts).then(|| self.config.backoff(attempts));
        let written: Result<(), StoreError> = self.store.record_failure(ticket.id, attempts, &reason, retry).await;
        if let Err(error) = written {
            // The lease ends by itself, and the sweeper takes the ticket up again.
            tracing::error!(ticket.id = %ticket.id, error = %error, "a failed attempt could not be written");
        }
    }
}
