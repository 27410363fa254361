//! The keeper of the index: writes it to disk now and then, and adds what it lacks.
//!
//! A flush costs Edge a tenth of a second however little there is to write, so no ticket waits for one. The store is
//! the truth: it remembers until when the index is on disk, and at a start whatever changed since then is added again.
//! It does not remember which index that was, so the index is counted too: one that was deleted, restored empty or
//! never filled is filled from the first ticket on. What was decided without the index, because that was out of reach,
//! is added when it is back; until then what the store remembers stays where it is, for the next start.
//!
//! Servers that share a database share what it remembers: what one left out before it died, the next start of any
//! finds by the count alone.

use std::sync::atomic::Ordering;

use desk::{Ticket, TriageState};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::Triage;
use crate::error::TriageError;
use crate::index::{self, TICKETS};
use crate::reindex::BATCH;

/// Name of the store's setting that says until when all that was decided is in the index on disk. **Persisted**.
const ON_DISK_UNTIL: &str = "index.tickets.on_disk_until";

/// Before every ticket.
const EVER: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

/// Which of some tickets are added to the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// Each, as it is now.
    All,
    /// Those that it does not have.
    Lacking,
}

impl Triage {
    /// Adds to the index what it lacks, and writes what is new in it to disk.
    ///
    /// **Errors:** the store, the encoder or the index is out of reach; what is left the next call takes up.
    pub async fn keep_index(&self) -> Result<(), TriageError> {
        let caught_up = self.catch_up().await;
        let added = self.add_left_out().await;
        // Also where something cannot be added yet: what is there is safe then.
        self.write_index().await?;
        caught_up.and(added)
    }

    /// Adds what the index may have lost, once.
    async fn catch_up(&self) -> Result<(), TriageError> {
        if self.losses.are_made_good() {
            return Ok(());
        }
        self.losses.make_good(self.add_what_was_lost()).await
    }

    /// Adds what was decided after the index was last known to be on disk, and where it lacks more, all that it lacks.
    async fn add_what_was_lost(&self) -> Result<(), TriageError> {
        let since = self.store.get_setting(ON_DISK_UNTIL).await?;
        let since = since.and_then(|since| OffsetDateTime::parse(&since, &Rfc3339).ok());
        let mut added = self.add_decided_since(since.unwrap_or(EVER), Which::All).await?;
        if self.lacks_tickets().await? {
            added += self.add_decided_since(EVER, Which::Lacking).await?;
        }
        if added > 0 {
            tracing::info!(tickets = added, "the search index has caught up with the store");
        }
        self.is_index_ahead.store(true, Ordering::Release);
        Ok(())
    }

    async fn add_decided_since(&self, since: OffsetDateTime, which: Which) -> Result<usize, TriageError> {
        let (mut added, mut after) = (0, 0);
        loop {
            let tickets = self.store.decided_since(since, after, BATCH).await?;
            let Some(last) = tickets.last() else { return Ok(added) };
            after = last.number;
            added += self.add(&tickets, which).await?;
        }
    }

    /// Whether the index holds fewer tickets than are decided.
    async fn lacks_tickets(&self) -> Result<bool, TriageError> {
        // Counted before the index, which has each ticket before it is decided.
        let counts = self.store.counts().await?;
        let decided = counts.tickets() - counts.in_state(TriageState::Received);
        Ok((self.indexed_tickets().await? as i64) < decided)
    }

    /// Adds what was decided without the index since this start.
    async fn add_left_out(&self) -> Result<(), TriageError> {
        for ids in self.left_out.ids().chunks(BATCH as usize) {
            let tickets = self.store.get_tickets(ids).await?;
            // One that is not decided after all is noted until it is.
            let (waiting, decided): (Vec<_>, Vec<_>) = tickets
                .into_iter()
                .partition(|ticket| ticket.state == TriageState::Received);
            let tickets = self.add(&decided, Which::All).await?;
            if tickets > 0 {
                tracing::info!(
                    tickets,
                    "tickets that were decided without the search index are in it now"
                );
            }
            let is_waiting = |id: &&Uuid| waiting.iter().any(|ticket| ticket.id == **id);
            let done: Vec<Uuid> = ids.iter().filter(|id| !is_waiting(id)).copied().collect();
            self.left_out.forget(&done);
        }
        Ok(())
    }

    /// Adds tickets to the index; how many it added. A ticket that the encoder cannot take is passed over.
    async fn add(&self, tickets: &[Ticket], which: Which) -> Result<usize, TriageError> {
        let ids: Vec<Uuid> = tickets.iter().map(|ticket| ticket.id).collect();
        // Most have only changed since: what they say is what it was.
        let known = index::stored(&self.search, &ids).await?;
        let is_due = |ticket: &&Ticket| which == Which::All || !known.contains_key(&ticket.id);
        let due: Vec<Ticket> = tickets.iter().filter(is_due).cloned().collect();
        if due.is_empty() {
            return Ok(0);
        }
        let points = self.points(&due, known.into_values().collect()).await?;
        self.search.upsert_unflushed(TICKETS, &points).await?;
        self.is_index_ahead.store(true, Ordering::Release);
        Ok(points.len())
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

    /// Writes the index to disk, and that all that was decided before `until` is in it, unless it lacks something.
    pub(crate) async fn flush_and_remember(&self, until: OffsetDateTime) -> Result<(), TriageError> {
        self.search.flush().await?;
        if !self.losses.are_made_good() || !self.left_out.is_empty() {
            return Ok(());
        }
        // Every year that RFC 3339 can't write is far away.
        let Ok(until) = until.format(&Rfc3339) else {
            return Ok(());
        };
        Ok(self.store.set_setting(ON_DISK_UNTIL, &until).await?)
    }
}
