//! The keeper of the index: writes it to disk now and then, and after a crash adds what had not been written.
//!
//! A flush costs Edge a tenth of a second however little there is to write, so no ticket waits for one. The store is
//! the truth: it remembers until when the index is on disk, and whatever changed since then is added again.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::Triage;
use crate::error::TriageError;
use crate::index::{self, TICKETS};
use crate::reindex::BATCH;

/// Name of the store's setting that says until when all that was decided is in the index on disk. **Persisted**.
const ON_DISK_UNTIL: &str = "index.tickets.on_disk_until";

impl Triage {
    /// Keeps the index until told to stop.
    pub async fn run_keeper(self: Arc<Self>, stop: impl Future<Output = ()>) {
        let mut tick = tokio::time::interval(Duration::from_millis(self.config.index_flush_ms.max(1)));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(stop);
        let mut is_whole = false;
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = tick.tick() => {}
            }
            let kept = if is_whole {
                self.write_index().await
            } else {
                self.catch_up().await
            };
            match kept {
                Ok(()) => is_whole = true,
                Err(error) => tracing::warn!(error = %error.chain(), "the search index could not be kept"),
            }
        }
    }

    /// Adds what was decided after the index was last known to be on disk.
    async fn catch_up(&self) -> Result<(), TriageError> {
        let since = self.store.get_setting(ON_DISK_UNTIL).await?;
        let since = since.and_then(|since| OffsetDateTime::parse(&since, &Rfc3339).ok());
        let since = since.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (mut added, mut after) = (0, 0);
        loop {
            let tickets = self.store.decided_since(since, after, BATCH).await?;
            let Some(last) = tickets.last() else { break };
            after = last.number;
            let ids: Vec<Uuid> = tickets.iter().map(|ticket| ticket.id).collect();
            // Most have only changed since: what they say is what it was.
            let known = index::stored_vectors(&self.search, &ids).await?;
            let points = self.points(&tickets, known).await?;
            self.search.upsert_unflushed(TICKETS, &points).await?;
            added += tickets.len();
        }
        if added > 0 {
            tracing::info!(tickets = added, "the search index has caught up with the store");
        }
        self.is_index_ahead.store(true, Ordering::Release);
        self.is_index_whole.store(true, Ordering::Release);
        self.write_index().await
    }

    /// Writes the index to disk, if there is anything new in it.
    async fn write_index(&self) -> Result<(), TriageError> {
        if !self.is_index_ahead.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        // What an attempt decided before now it may add until its lease ends.
        let until = store::now() - self.config.lease();
        let written = self.flush_and_remember(until).await;
        if written.is_err() {
            self.is_index_ahead.store(true, Ordering::Release);
        }
        written
    }

    /// Writes the index to disk, and that all that was decided before `until` is in it, once it has caught up.
    pub(crate) async fn flush_and_remember(&self, until: OffsetDateTime) -> Result<(), TriageError> {
        self.search.flush().await?;
        if !self.is_index_whole.load(Ordering::Acquire) {
            return Ok(());
        }
        // Every year that RFC 3339 can't write is far away.
        let Ok(until) = until.format(&Rfc3339) else {
            return Ok(());
        };
        Ok(self.store.set_setting(ON_DISK_UNTIL, &until).await?)
    }
}
