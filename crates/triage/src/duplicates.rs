//! Tickets that may be about the same matter as one.

use std::collections::{HashMap, HashSet};

use desk::{Duplicate, Ticket};
use search::Hit;
use uuid::Uuid;

use crate::Triage;
use crate::assess::Assessment;
use crate::error::TriageError;

/// A similar ticket and the cosine of the two texts.
pub(crate) type Candidate = (Uuid, f64);

/// Tickets as they are now, by id.
pub(crate) type Rows = HashMap<Uuid, Ticket>;

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
        let candidates = candidates(&hits);
        let mut rows = self.rows(ids(&candidates)).await?;
        let assessed = self.models().duplicates.assess(ticket, &compared(&candidates, &rows));
        let with_ticket = |duplicate: Duplicate| rows.remove(&duplicate.ticket_id).map(|other| (duplicate, other));
        Ok(assessed.into_iter().filter_map(with_ticket).collect())
    }

    /// The rows that judging a ticket needs: those of its neighbours and, where one of them could be flagged as a
    /// duplicate, of all candidates.
    ///
    /// **Errors:** the store is out of reach.
    pub(crate) async fn rows_around(&self, ticket: &Ticket, assessment: &Assessment) -> Result<Rows, TriageError> {
        let mut wanted: HashSet<Uuid> = assessment
            .neighbours
            .iter()
            .map(|neighbour| neighbour.ticket_id)
            .collect();
        let cosines: Vec<f64> = assessment.candidates.iter().map(|(_, cosine)| *cosine).collect();
        if self.models().duplicates.could_flag(ticket, &cosines) {
            wanted.extend(ids(&assessment.candidates));
        }
        self.rows(wanted).await
    }

    /// The tickets among the candidates that are probably about the same matter, going by [`Triage::rows_around`].
    pub(crate) fn duplicates_among(&self, ticket: &Ticket, candidates: &[Candidate], rows: &Rows) -> Vec<Duplicate> {
        let mut assessed = self.models().duplicates.assess(ticket, &compared(candidates, rows));
        assessed.retain(|duplicate| duplicate.flagged);
        assessed
    }

    /// Tickets as they are now.
    ///
    /// **Errors:** the store is out of reach.
    pub(crate) async fn rows(&self, ids: impl IntoIterator<Item = Uuid>) -> Result<Rows, TriageError> {
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let tickets = self.store.get_tickets(&ids).await?;
        Ok(tickets.into_iter().map(|ticket| (ticket.id, ticket)).collect())
    }
}

fn ids(candidates: &[Candidate]) -> impl Iterator<Item = Uuid> {
    candidates.iter().map(|(id, _)| *id)
}

/// The candidates as they are now, in their order; one that was merged, or that only the index knows, is left out.
fn compared<'a>(candidates: &[Candidate], rows: &'a Rows) -> Vec<(&'a Ticket, f64)> {
    let with_row = |(id, cosine): &Candidate| rows.get(id).map(|ticket| (ticket, *cosine));
    let rows = candidates.iter().filter_map(with_row);
    rows.filter(|(ticket, _)| ticket.merged_into.is_none()).collect()
}
