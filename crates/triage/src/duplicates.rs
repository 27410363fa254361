//! Tickets that may be about the same matter as one.

use std::collections::{HashMap, HashSet};

use desk::duplicate::{Told, Wording};
use desk::{Duplicate, Ticket};
use search::Hit;
use uuid::Uuid;

use crate::Triage;
use crate::assess::Assessment;
use crate::error::TriageError;
use crate::rows::Rows;

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
        let candidates = candidates(&hits);
        let rows = self.rows(ids(&candidates)).await?;
        let wording = Wording::of(&ticket.subject, &ticket.body);
        let compared = compared(&candidates, &rows);
        let assessed = self.models().duplicates.assess((ticket, &wording), &compared);
        let found: Vec<Uuid> = assessed.iter().map(|duplicate| duplicate.ticket_id).collect();
        let tickets = self.store.get_tickets(&found).await?.into_iter();
        let mut tickets: HashMap<Uuid, Ticket> = tickets.map(|ticket| (ticket.id, ticket)).collect();
        let with_ticket = |duplicate: Duplicate| tickets.remove(&duplicate.ticket_id).map(|other| (duplicate, other));
        Ok(assessed.into_iter().filter_map(with_ticket).collect())
    }

    /// Whether a candidate could be flagged as a duplicate, going by the cosines alone: most tickets need not be compared.
    pub(crate) fn may_have_duplicates(&self, own: Told<'_>, candidates: &[Candidate]) -> bool {
        let cosines: Vec<f64> = candidates.iter().map(|(_, cosine)| *cosine).collect();
        self.models().duplicates.could_flag(own, &cosines)
    }

    /// The rows of a ticket's neighbours and, where it is compared with them, of all candidates.
    ///
    /// **Errors:** the store is out of reach.
    pub(crate) async fn rows_around(&self, assessment: &Assessment, is_compared: bool) -> Result<Rows, TriageError> {
        let neighbours = assessment.neighbours.iter().map(|neighbour| neighbour.ticket_id);
        let compared = if is_compared {
            assessment.candidates.as_slice()
        } else {
            &[]
        };
        let wanted: HashSet<Uuid> = neighbours.chain(ids(compared)).collect();
        self.rows(wanted).await
    }

    /// The tickets among the candidates that are probably about the same matter, going by their rows.
    pub(crate) fn duplicates_among(&self, own: Told<'_>, candidates: &[Candidate], rows: &Rows) -> Vec<Duplicate> {
        self.models().duplicates.flag(own, &compared(candidates, rows))
    }

    /// What of tickets never changes, and whether they are merged.
    ///
    /// **Errors:** the store is out of reach.
    pub(crate) async fn rows(&self, ids: impl IntoIterator<Item = Uuid>) -> Result<Rows, TriageError> {
        let ids: Vec<Uuid> = ids.into_iter().collect();
        Ok(self.rows.read(&self.store, &ids).await?)
    }
}

fn ids(candidates: &[Candidate]) -> impl Iterator<Item = Uuid> {
    candidates.iter().map(|(id, _)| *id)
}

/// The candidates as they are now, in their order; one that was merged, or that only the index knows, is left out.
fn compared<'a>(candidates: &[Candidate], rows: &'a Rows) -> Vec<(Told<'a>, f64)> {
    let with_row = |(id, cosine): &Candidate| {
        let row = rows.get(id).filter(|row| !row.is_merged())?;
        Some((row.told(), *cosine))
    };
    candidates.iter().filter_map(with_row).collect()
}
