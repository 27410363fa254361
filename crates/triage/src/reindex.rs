//! The index made anew from the store, which is the only truth.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use desk::Ticket;
use encoder::EncoderError;
use search::{Point, Rebuild, Search};

use crate::Triage;
use crate::error::TriageError;
use crate::index::{self, Embedded, TICKETS};

/// Tickets embedded at once.
pub(crate) const BATCH: u32 = 256;
/// How long a rebuild waits where the encoder has too much to do.
const BUSY_WAIT: Duration = Duration::from_millis(200);

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
                // What other processes put into the old one is not in the new one: the keeper looks what is lacking.
                if matches!(self.search, Search::Server(_)) {
                    self.is_index_whole.store(false, Ordering::Release);
                }
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
            rebuild.add(&self.points_patiently(&tickets).await?).await?;
            done += tickets.len() as u64;
            progress(done);
        }
    }

    /// As [`Self::points`], waiting where the encoder has too much to do.
    async fn points_patiently(&self, tickets: &[Ticket]) -> Result<Vec<Point>, TriageError> {
        loop {
            match self.points(tickets, Vec::new()).await {
                Err(TriageError::Encode(EncoderError::Busy)) => tokio::time::sleep(BUSY_WAIT).await,
                points => return points,
            }
        }
    }

    /// The points of tickets, in any order; only texts of which no vector is known are embedded.
    pub(crate) async fn points(&self, tickets: &[Ticket], known: Vec<Embedded>) -> Result<Vec<Point>, TriageError> {
        let models = self.models();
        let vectors = known.into_iter().map(|one| (one.fingerprint, one.vector));
        let mut vectors: HashMap<String, Vec<f32>> = vectors.collect();
        let (mut texts, mut named) = (Vec::new(), Vec::with_capacity(tickets.len()));
        for ticket in tickets {
            let said = desk::text::without_quoted_history(&ticket.text());
            let fingerprint = models.encoder.fingerprint(&said);
            if !vectors.contains_key(&fingerprint) {
                texts.push((fingerprint.clone(), said));
            }
            named.push((ticket, fingerprint));
        }
        let (fingerprints, texts): (Vec<String>, Vec<String>) = texts.into_iter().unzip();
        vectors.extend(fingerprints.into_iter().zip(self.embed(texts).await?));
        let point = |(ticket, fingerprint): (&Ticket, String)| {
            let vector = vectors.get(&fingerprint)?.clone();
            let embedded = Embedded { fingerprint, vector };
            Some(index::point(
                ticket,
                embedded,
                ticket.language.clone(),
                ticket.category.as_deref(),
            ))
        };
        Ok(named.into_iter().filter_map(point).collect())
    }
}
