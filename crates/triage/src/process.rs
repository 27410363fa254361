//! Hops 3 to 7 of a ticket that is stored: assess, route, decide, index, record. The state flips last.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use desk::duplicate::Wording;
use desk::{Actor, Decision, Ticket, ValidTicket};
use store::Recorded;
use uuid::Uuid;

use crate::Triage;
use crate::assess::IndexDown;
use crate::decide::{Given, decide, routing_request};
use crate::drift::Seen;
use crate::error::TriageError;
use crate::failure::guarded;
use crate::index::{self, Embedded, TICKETS};
use crate::shadow;

/// A ticket that left `received`.
#[derive(Debug)]
pub(crate) struct Triaged {
    pub ticket: Ticket,
    /// What was decided on it; none where another decision came first.
    pub decision: Option<Decision>,
}

impl Triaged {
    fn of(recorded: Recorded, decision: Decision) -> Option<Self> {
        let decision = recorded.flipped().then_some(decision);
        let ticket = recorded.into_ticket()?;
        Some(Triaged { ticket, decision })
    }
}

/// Who the audit says decided.
pub(crate) const ACTOR: &str = "triage";

impl Triage {
    /// One attempt at a ticket, and the ticket as it stands after it; a failure is written to its row and tried again
    /// later.
    pub(crate) async fn process(self: &Arc<Self>, ticket: Ticket) -> Option<Triaged> {
        let ticket = Arc::new(ticket);
        let (desk, tried) = (Arc::clone(self), Arc::clone(&ticket));
        match guarded(async move { desk.attempt(&tried).await }).await {
            Ok((recorded, decision)) => Triaged::of(recorded, decision),
            Err(failure) => {
                self.try_again_later(&ticket, failure).await;
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
        let mut assessment = self.assess(&text, None, IndexDown::GoOn).await?;
        let rows = self
            .rows(assessment.neighbours.iter().map(|neighbour| neighbour.ticket_id))
            .await?;
        assessment.neighbours = self.with_survivors(assessment.neighbours, &rows, None).await?;
        let given = Given::default();
        let request = routing_request(&assessment, given);
        let routing = self.roster.preview(&self.store, &request).await?;
        Ok(decide(Uuid::nil(), given, assessment, routing, store::now()))
    }

    async fn attempt(&self, ticket: &Ticket) -> Result<(Recorded, Decision), TriageError> {
        let down = self.if_index_is_down(ticket);
        let (models, text) = (self.models(), ticket.text());
        let mut assessment = self.assess_by(&models, &text, Some(ticket.id), down).await?;
        let seen = Seen::new(&models, &assessment);
        let wording = Wording::of(&ticket.subject, &ticket.body);
        let own = (ticket, &wording);
        let is_compared = self.may_have_duplicates(own, &assessment.candidates);
        let rows = self.rows_around(&assessment, is_compared).await?;
        if is_compared {
            assessment.duplicates = self.duplicates_among(own, &assessment.candidates, &rows);
        }
        // The index keeps a merged ticket, for its words lead to the one it was merged into.
        assessment.neighbours = self
            .with_survivors(assessment.neighbours, &rows, Some(ticket.id))
            .await?;
        let given = Given::of(ticket);
        let request = routing_request(&assessment, given);
        let (routing, place) = self.roster.assign(&self.store, &request).await?;
        let judgements = shadow::judge(&models, &text, &assessment);
        let embedded = assessment.embedded.clone();
        let decision = decide(ticket.id, given, assessment, routing, store::now());
        let is_indexed = self.put_in_index(ticket, embedded, &decision, down).await?;
        let actor = Actor::system(ACTOR);
        let recorded = self
            .store
            .record_judged_decision(decision.clone(), judgements, &actor)
            .await;
        drop(place);
        // Also where the store could not say: it may be decided all the same.
        if !is_indexed {
            self.left_out.note(ticket.id);
        }
        let recorded = recorded?;
        // An attempt that came to nothing is tried again and seen then.
        if let Recorded::Flipped(ticket) = &recorded {
            self.lately.see(seen);
            self.rows.keep(Ticket::clone(ticket), wording, &rows);
        }
        Ok((recorded, decision))
    }

    /// A ticket whose last attempt is due goes through without the index rather than to a person: the keeper adds it.
    fn if_index_is_down(&self, ticket: &Ticket) -> IndexDown {
        if ticket.attempts + 1 >= self.config.max_attempts {
            IndexDown::GoOn
        } else {
            IndexDown::Fail
        }
    }

    /// Whether the index took it; that it did not is an error where it is to be.
    async fn put_in_index(
        &self,
        ticket: &Ticket,
        embedded: Embedded,
        decision: &Decision,
        down: IndexDown,
    ) -> Result<bool, TriageError> {
        let category = ticket.category.as_deref().or_else(|| decision.category_label());
        let point = index::point(ticket, embedded, decision.language.clone(), category);
        let added = self.search.upsert_unflushed(TICKETS, &[point]).await;
        self.is_index_ahead.store(true, Ordering::Release);
        match added {
            Err(error) if down == IndexDown::Fail => Err(error.into()),
            Err(error) => {
                tracing::warn!(ticket.id = %ticket.id, error = %error, "triaged without being indexed");
                Ok(false)
            }
            Ok(()) => Ok(true),
        }
    }
}
