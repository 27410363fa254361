//! The count of changes that tickets kept in memory hold by, as it was last read, for a moment: every ticket that comes
//! in asks for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::AnyConnection;

use crate::error::{StoreError, failed};
use crate::row::Columns;
use crate::sql::Sql;
use crate::store::Store;

/// How much later a change on another server may be seen.
const MOMENT: Duration = Duration::from_millis(100);

/// What was read, and how often something was changed here.
#[derive(Debug, Default)]
pub(crate) struct ChangeCount(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    read: Option<(Instant, i64)>,
    changed_here: u64,
}

/// A reading that has begun; it holds unless something is changed here before it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    changed_here: u64,
}

impl ChangeCount {
    /// The count, where it was read a moment ago; else it is to be read now.
    pub fn lately(&self, now: Instant) -> Result<i64, Reading> {
        let known = self.known();
        match known.read {
            Some((at, count)) if now.saturating_duration_since(at) < MOMENT => Ok(count),
            _ => Err(Reading {
                changed_here: known.changed_here,
            }),
        }
    }

    /// A reading has ended at `now` with this count.
    pub fn end(&self, reading: Reading, count: i64, now: Instant) {
        let mut known = self.known();
        if known.changed_here == reading.changed_here {
            known.read = Some((now, count));
        }
    }

    /// Something that is counted was changed here.
    pub fn change(&self) {
        let mut known = self.known();
        known.changed_here += 1;
        known.read = None;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// How often tickets were merged, taken apart or given another category so far, on other servers until a moment
    /// ago. While it stays the same, so do what each ticket is merged into and the category of each that has one.
    ///
    /// **Errors:** the database's.
    pub async fn change_count(&self) -> Result<i64, StoreError> {
        let reading = match self.changes().lately(Instant::now()) {
            Ok(count) => return Ok(count),
            Err(reading) => reading,
        };
        let mut reader = self.database().reader().await?;
        // Named after what was counted first. **Persisted.**
        let row = Sql::new("SELECT value FROM counters WHERE name = 'merge'", [])
            .optional(&mut reader)
            .await
            .map_err(failed("read the count of changes"))?;
        let row = row.ok_or_else(|| StoreError::corrupt("counters", "has no row for changes"))?;
        let count = Columns::of(&row).int("count of changes")?;
        self.changes().end(reading, count, Instant::now());
        Ok(count)
    }
}

/// Counts a change within its transaction, last of all, so that no two wait for each other.
/// [`ChangeCount::change`] belongs after the commit.
pub(crate) async fn count(to: &mut AnyConnection) -> Result<(), StoreError> {
    let count = Sql::new("UPDATE counters SET value = value + 1 WHERE name = 'merge'", []);
    count.execute(to).await.map(drop).map_err(failed("count a change"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_known_for_a_moment() {
        let (changes, now) = (ChangeCount::default(), Instant::now());
        let reading = changes.lately(now).expect_err("not read yet");
        changes.end(reading, 7, now);
        assert_eq!(changes.lately(now + MOMENT / 2).ok(), Some(7));
        assert!(changes.lately(now + MOMENT).is_err());
    }

    #[test]
    fn what_was_read_before_a_change_does_not_count_after_it() {
        let (changes, now) = (ChangeCount::default(), Instant::now());
        let reading = changes.lately(now).expect_err("not read yet");
        changes.change();
        changes.end(reading, 7, now);
        assert!(changes.lately(now).is_err());
    }
}
