//! The index made anew from the store, which is the only truth.

use std::collections::HashMap;

use desk::Ticket;
use encoder::{Encoder, Side};
use search::{Point, Rebuild, Search};

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

/// What a ticket says, and the name of the vector of that.
struct Said<'t> {
    ticket: &'t Ticket,
    text: String,
    fingerprint: String,
}

impl<'t> Said<'t> {
    fn by(ticket: &'t Ticket, encoder: &Encoder) -> Self {
        let text = desk::text::without_quoted_history(&ticket.text());
        Said {
            fingerprint: encoder.fingerprint(&text),
            text,
            ticket,
        }
    }

    fn point(self, vector: Vec<f32>) -> Point {
        let embedded = Embedded {
            fingerprint: self.fingerprint,
            vector,
        };
        let (language, category) = (self.ticket.language.clone(), self.ticket.category.as_deref());
        index::point(self.ticket, embedded, language, category)
    }
}

impl Triage {
    /// Builds the tickets' index beside the one that serves, switches over at the end, and says how many it holds. A
    /// ticket that the encoder cannot take is passed over.
    ///
    /// **Errors:** the store, the encoder or the index is out of reach; the old index goes on serving.
    pub async fn reindex(&self, mut progress: impl FnMut(ReindexProgress)) -> Result<u64, TriageError> {
        let total = self.store.counts().await?.tickets() as u64;
        let fill = async |rebuild: &Rebuild| {
            self.fill(rebuild, |done| progress(ReindexProgress { done, total }))
                .await
        };
        let held = self.search.rebuild_with(TICKETS, fill).await?;
        // What other processes put into the old one is not in the new one: the keeper looks what is lacking.
        if matches!(self.search, Search::Server(_)) {
            self.losses.note();
        }
        Ok(held)
    }

    async fn fill(&self, rebuild: &Rebuild, mut progress: impl FnMut(u64)) -> Result<u64, TriageError> {
        let (mut held, mut done, mut after) = (0, 0, 0);
        loop {
            let tickets = self.store.tickets_after(after, BATCH).await?;
            let Some(last) = tickets.last() else { return Ok(held) };
            after = last.number;
            let points = self.points(&tickets, Vec::new()).await?;
            rebuild.add(&points).await?;
            held += points.len() as u64;
            done += tickets.len() as u64;
            progress(done);
        }
    }

    /// The points of tickets, except of those that the encoder cannot take; waits where that has too much to do. Only
    /// texts of which no vector is known are embedded.
    pub(crate) async fn points(&self, tickets: &[Ticket], known: Vec<Embedded>) -> Result<Vec<Point>, TriageError> {
        let models = self.models();
        let encoder = &models.encoder;
        let said: Vec<Said<'_>> = tickets.iter().map(|ticket| Said::by(ticket, encoder)).collect();
        let known = known.into_iter().map(|one| (one.fingerprint, one.vector));
        let mut vectors: HashMap<String, Vec<f32>> = known.collect();
        let unknown = said.iter().filter(|one| !vectors.contains_key(&one.fingerprint));
        let unknown: Vec<&Said<'_>> = unknown.collect();
        let texts = unknown.iter().map(|one| one.text.clone()).collect();
        let embedded = encoder.embed_patiently(texts, Side::Passage).await?;
        for (one, vector) in unknown.into_iter().zip(embedded) {
            match vector {
                Ok(vector) => drop(vectors.insert(one.fingerprint.clone(), vector)),
                Err(error) => {
                    tracing::warn!(ticket.id = %one.ticket.id, error = %error, "a ticket cannot be indexed");
                }
            }
        }
        let point = |one: Said<'_>| {
            let vector = vectors.get(&one.fingerprint)?.clone();
            Some(one.point(vector))
        };
        Ok(said.into_iter().filter_map(point).collect())
    }
}
