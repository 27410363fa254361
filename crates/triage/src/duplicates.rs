//! Tickets that may be about the same matter as one.

use std::collections::HashMap;
use std::sync::Arc;

use desk::{Duplicate, Ticket};
use search::Hit;
use uuid::Uuid;

use crate::Triage;
use crate::assess::Assessment;
use crate::error::TriageError;

/// A similar ticket and the cosine of the two texts.
pub(crate) type Candidate = (Uuid, f64);

/// The hits that can be compared: those whose meaning was.
pub(crate) fn candidates(hits: &[Hit]) -> Vec<Candidate> {
    let candidate = |hit: &Hit| Some((hit.id, f64::from(hit.dense?)));
    hits.iter().filter_map(candidate).collect()
}

impl Triage {
    /// The tickets that may be about the same matter, most probable first, each as it is now.
    ///
    /// **Errors:** the encoder is busy or down, or the index or the store is.
    pub async fn duplicates(&self, ticket: &Ticket) -> Result<Vec<(Duplicate, Ticket)>, TriageError> {
        let text = desk::text::without_quoted_history(&ticket.text());
        let vector = self.embed(vec![text.clone()]).await?.pop().unwrap_or_default();
        let hits = self
            .similar(text, ticket.language.clone(), vector, Some(ticket.id))
            .await?;
        let compared = self.with_rows(&candidates(&hits)).await?;
        let assessed = self.models().duplicates.assess(ticket, &compared);
        let mut tickets: HashMap<Uuid, Ticket> = compared.into_iter().map(|(other, _)| (other.id, other)).collect();
        let with_ticket = |duplicate: Duplicate| tickets.remove(&duplicate.ticket_id).map(|other| (duplicate, other));
        Ok(assessed.into_iter().filter_map(with_ticket).collect())
    }

    /// The tickets among the similar ones that are probably about the same matter.
    ///
    /// **Errors:** the store is out of reach.
    pub(crate) async fn duplicates_among(
        &self,
        ticket: &Ticket,
        assessment: &Assessment,
    ) -> Result<Vec<Duplicate>, TriageError> {
        let model = Arc::clone(&self.models().duplicates);
        let cosines: Vec<f64> = assessment.candidates.iter().map(|(_, cosine)| *cosine).collect();
        if !model.could_flag(ticket, &cosines) {
            return Ok(Vec::new());
        }
        let compared = self.with_rows(&assessment.candidates).await?;
        let mut assessed = model.assess(ticket, &compared);
        assessed.retain(|duplicate| duplicate.flagged);
        Ok(assessed)
    }

    /// The candidates as they are now, in their order; one that was merged, or that only the index knows, is left out.
    async fn with_rows(&self, candidates: &[Candidate]) -> Result<Vec<(Ticket, f64)>, TriageError> {
        let ids: Vec<Uuid> = candidates.iter().map(|(id, _)| *id).collect();
        let mut tickets = self.store.get_tickets(&ids).await?;
        tickets.retain(|ticket| ticket.merged_into.is_none());
        let mut tickets: HashMap<Uuid, Ticket> = tickets.into_iter().map(|ticket| (ticket.id, ticket)).collect();
        let with_row = |(id, cosine): &Candidate| tickets.remove(id).map(|ticket| (ticket, *cosine));
        Ok(candidates.iter().filter_map(with_row).collect())
    }
}
