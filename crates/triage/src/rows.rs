//! What of a ticket never changes, kept from the last time it was needed: new tickets are compared with the same old ones
//! again and again.

use std::collections::HashMap;
use std::sync::Arc;

use desk::Ticket;
use desk::duplicate::{Told, Wording};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use store::{Store, StoreError};
use uuid::Uuid;

/// What may be kept: some ten thousand tickets of ordinary length. **Units:** bytes.
const KEPT_BYTES: u64 = 32 << 20;
/// Tickets of ordinary length that fit, for the cache to lay itself out by.
const KEPT_TICKETS: usize = 10_000;

/// Tickets by id, as they were when so many changes were counted.
pub(crate) struct Rows {
    by_id: HashMap<Uuid, Arc<Row>>,
    changes: i64,
}

impl Rows {
    pub fn get(&self, id: &Uuid) -> Option<&Row> {
        self.by_id.get(id).map(Arc::as_ref)
    }
}

/// A ticket as it was once, with what it says cut up. Who wrote what and when stays the same. What it is merged into, and
/// its category where it has one, hold by the count of changes it was read at. The rest may have changed.
#[derive(Debug)]
pub(crate) struct Row {
    ticket: Ticket,
    wording: Wording,
    changes: i64,
}

impl Row {
    pub fn is_merged(&self) -> bool {
        self.ticket.merged_into.is_some()
    }

    /// What it is about; none where triage had not decided it, or could not say.
    pub fn category(&self) -> Option<&str> {
        self.ticket.category.as_deref()
    }

    pub fn told(&self) -> Told<'_> {
        (&self.ticket, &self.wording)
    }
}

/// The rows last needed.
pub(crate) struct LatestRows(Cache<Uuid, Arc<Row>, Bytes>);

#[derive(Clone)]
struct Bytes;

impl Weighter<Uuid, Arc<Row>> for Bytes {
    /// The texts and as much again, for the words are about as long.
    fn weight(&self, _: &Uuid, row: &Arc<Row>) -> u64 {
        let texts = row.ticket.subject.len() + row.ticket.body.len();
        (2 * texts + size_of::<Row>()) as u64
    }
}

impl Default for LatestRows {
    fn default() -> Self {
        LatestRows(Cache::with_weighter(KEPT_TICKETS, KEPT_BYTES, Bytes))
    }
}

impl LatestRows {
    /// The tickets with these ids; those that do not exist are left out.
    ///
    /// **Errors:** the store is out of reach.
    pub async fn read(&self, store: &Store, ids: &[Uuid]) -> Result<Rows, StoreError> {
        // Before the tickets: one that is changed meanwhile is read once too often and never too seldom.
        let changes = store.change_count().await?;
        let kept = |id: &Uuid| self.0.get(id).filter(|row| row.changes == changes);
        let mut by_id: HashMap<Uuid, Arc<Row>> = ids.iter().filter_map(|id| Some((*id, kept(id)?))).collect();
        let others: Vec<Uuid> = ids.iter().copied().filter(|id| !by_id.contains_key(id)).collect();
        if !others.is_empty() {
            for ticket in store.get_tickets(&others).await? {
                let wording = Wording::of(&ticket.subject, &ticket.body);
                by_id.insert(ticket.id, self.insert(ticket, wording, changes));
            }
        }
        Ok(Rows { by_id, changes })
    }

    /// Keeps a ticket that was read after `rows` were: it is like to be asked for soon.
    pub fn keep(&self, ticket: Ticket, wording: Wording, rows: &Rows) {
        self.insert(ticket, wording, rows.changes);
    }

    fn insert(&self, ticket: Ticket, wording: Wording, changes: i64) -> Arc<Row> {
        let row = Arc::new(Row {
            ticket,
            wording,
            changes,
        });
        self.0.insert(row.ticket.id, Arc::clone(&row));
        row
    }
}
