//! Hops 3 to 7 of a ticket that is stored: assess, route, decide, index, record. The state flips last.

use std::sync::atomic::Ordering;

use desk::{Actor, Decision, Ticket, ValidTicket};
use store::Recorded;
use uuid::Uuid;

use crate::Triage;
use crate::assess::IndexDown;
use crate::decide::{decide, routing_request};
use crate::error::TriageError;
use crate::index::{self, TICKETS};

/// Who the audit says decided.
const ACTOR: &str = "triage";

impl Triage {
    /// One attempt at a ticket, and the ticket as it stands after it; a failure is written to its row and tried again
    /// later.
    pub(crate) async fn process(&self, ticket: Ticket) -> Option<Ticket> {
        match self.attempt(&ticket).await {
            Ok(recorded) => recorded.into_ticket(),
            Err(error) => {
                self.record_failure(&ticket, &error).await;
                None
            }
        }
    }

    /// What would be decided on a ticket, without storing anything.
    ///
    /// **Errors:** the encoder is busy or down, or the store is.
    pub async fn dry_run(&self, ticket: &ValidTicket) -> Result<Decision, TriageError> {
        let fields = ticket.fields();
        let text = desk::text::joined(fields.subject.as_deref().unwrap_or_default(), &fields.body);
        let assessment = self.assess(&text, None, IndexDown::GoOn).await?;
        let routing = self.roster.preview(&self.store, &routing_request(&assessment)).await?;
        Ok(decide(Uuid::nil(), assessment, routing, store::now()))
    }

    async fn attempt(&self, ticket: &Ticket) -> Result<Recorded, TriageError> {
        let down = self.if_index_is_down(ticket);
        let assessment = self.assess(&ticket.text(), Some(ticket.id), down).await?;
        let routing = self.roster.assign(&self.store, &routing_request(&assessment)).await?;
        let vector = assessment.vector.clone();
        let decision = decide(ticket.id, assessment, routing, store::now());
        self.put_in_index(ticket, vector, &decision, down).await?;
        Ok(self.store.record_decision(decision, &Actor::system(ACTOR)).await?)
    }

    /// A ticket whose last attempt is due goes through without the index rather than to a person: `reindex` adds it.
    fn if_index_is_down(&self, ticket: &Ticket) -> IndexDown {
        if ticket.attempts + 1 >= self.config.max_attempts {
            IndexDown::GoOn
        } else {
            IndexDown::Fail
        }
    }

    async fn put_in_index(
        &self,
        ticket: &Ticket,
        vector: Vec<f32>,
        decision: &Decision,
        down: IndexDown,
    ) -> Result<(), TriageError> {
        let point = index::point(ticket, vector, decision.language.clone(), decision.category_label());
        let added = self.search.upsert_unflushed(TICKETS, &[point]).await;
        self.is_index_ahead.store(true, Ordering::Release);
        match added {
            Err(error) if down == IndexDown::Fail => Err(error.into()),
            Err(error) => {
                tracing::warn!(ticket.id = %ticket.id, error = %error, "triaged without being indexed");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    async fn record_failure(&self, ticket: &Ticket, error: &TriageError) {
        let reason = error.chain();
        tracing::warn!(ticket.id = %ticket.id, error = %reason, "an attempt at triage failed");
        let actor = Actor::system(ACTOR);
        if let Err(error) = self
            .store
            .record_failure(ticket.id, &reason, &self.config.retry(), &actor)
            .await
        {
            // The lease ends by itself, and the sweeper takes the ticket up again.
            tracing::error!(ticket.id = %ticket.id, error = %error, "a failed attempt could not be written");
        }
    }
}
