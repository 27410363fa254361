//! The index made anew from the store, which is the only truth.

use desk::Ticket;
use encoder::Side;
use search::Point;

use crate::Triage;
use crate::error::TriageError;
use crate::index::{self, TICKETS};

/// Tickets embedded at once.
const BATCH: u32 = 256;

/// How far a rebuild has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReindexProgress {
    /// Tickets embedded so far.
    pub done: u64,
    /// Tickets to embed in all.
    pub total: u64,
}

impl Triage {
    /// Builds the tickets' index beside the one that serves, switches over at the end, and says how many it holds.
    ///
    /// **Errors:** the store, the encoder or the index is out of reach; the old index goes on serving.
    pub async fn reindex(&self, mut progress: impl FnMut(ReindexProgress)) -> Result<u64, TriageError> {
        let total = self.store.count_tickets().await?;
        let mut points = Vec::new();
        let mut after = None;
        loop {
            let tickets = self.store.tickets_after(after, BATCH).await?;
            let Some(last) = tickets.last() else { break };
            after = Some(last.id);
            points.extend(self.points(&tickets).await?);
            progress(ReindexProgress { done: points.len() as u64, total });
        }
        let held = points.len() as u64;
        self.search.rebuild(&index::collection(self.models.encoder.dimensions()), points).await?;
        Ok(held)
    }

    async fn points(&self, tickets: &[Ticket]) -> Result<Vec<Point>, TriageError> {
        let texts = tickets.iter().map(|ticket| desk::text::without_quoted_history(&ticket.text())).collect();
        let vectors = self.embed(texts, Side::Passage).await?;
        let point = |(ticket, vector): (&Ticket, Vec<f32>)| {
            index::point(ticket, vector, ticket.language.clone(), ticket.category.as_deref())
        };
        Ok(tickets.iter().zip(vectors).map(point).collect())
    }
}
