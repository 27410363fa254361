//! The index made anew from the store, which is the only truth.

use desk::Ticket;
use search::{Point, Rebuild};

use crate::Triage;
use crate::error::TriageError;
use crate::index::{self, Embedded, TICKETS};

/// Tickets embedded at once.
pub(crate) const BATCH: u32 = 256;

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
        let total = self.store.counts().await?.tickets() as u64;
        let rebuild = self.search.begin_rebuild(TICKETS).await?;
        match self
            .fill(&rebuild, |done| progress(ReindexProgress { done, total }))
            .await
        {
            Ok(held) => {
                rebuild.finish().await?;
                Ok(held)
            }
            Err(error) => {
                // The first error is the one to report; a leftover is cleared by the next rebuild anyway.
                let _ = rebuild.give_up().await;
                Err(error)
            }
        }
    }

    async fn fill(&self, rebuild: &Rebuild, mut progress: impl FnMut(u64)) -> Result<u64, TriageError> {
        let (mut done, mut after) = (0, 0);
        loop {
            let tickets = self.store.tickets_after(after, BATCH).await?;
            let Some(last) = tickets.last() else { return Ok(done) };
            after = last.number;
            rebuild.add(&self.points(&tickets).await?).await?;
            done += tickets.len() as u64;
            progress(done);
        }
    }

    pub(crate) async fn points(&self, tickets: &[Ticket]) -> Result<Vec<Point>, TriageError> {
        let said = |ticket: &Ticket| desk::text::without_quoted_history(&ticket.text());
        let texts: Vec<String> = tickets.iter().map(said).collect();
        let models = self.models();
        let names: Vec<String> = texts.iter().map(|text| models.encoder.fingerprint(text)).collect();
        let vectors = self.embed(texts).await?;
        let embedded = names
            .into_iter()
            .zip(vectors)
            .map(|(fingerprint, vector)| Embedded { fingerprint, vector });
        let point = |(ticket, embedded): (&Ticket, Embedded)| {
            index::point(ticket, embedded, ticket.language.clone(), ticket.category.as_deref())
        };
        Ok(tickets.iter().zip(embedded).map(point).collect())
    }
}
