//! The count of merges as it was last read, for a moment: every ticket that comes in asks for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How much later a merge on another server may be seen.
const MOMENT: Duration = Duration::from_millis(100);

/// What was read, and how often tickets were merged here.
#[derive(Debug, Default)]
pub(crate) struct MergeCount(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    read: Option<(Instant, i64)>,
    merged_here: u64,
}

/// A reading that has begun; it holds unless tickets are merged here before it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    merged_here: u64,
}

impl MergeCount {
    /// The count, where it was read a moment ago; else it is to be read now.
    pub fn lately(&self) -> Result<i64, Reading> {
        let known = self.known();
        match known.read {
            Some((at, count)) if at.elapsed() < MOMENT => Ok(count),
            _ => Err(Reading {
                merged_here: known.merged_here,
            }),
        }
    }

    pub fn end(&self, reading: Reading, count: i64) {
        let mut known = self.known();
        if known.merged_here == reading.merged_here {
            known.read = Some((Instant::now(), count));
        }
    }

    /// Tickets were merged or taken apart here.
    pub fn change(&self) {
        let mut known = self.known();
        known.merged_here += 1;
        known.read = None;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_known_for_a_moment() {
        let merges = MergeCount::default();
        let reading = merges.lately().expect_err("not read yet");
        merges.end(reading, 7);
        assert_eq!(merges.lately().ok(), Some(7));
        std::thread::sleep(MOMENT);
        assert!(merges.lately().is_err());
    }

    #[test]
    fn what_was_read_before_a_merge_does_not_count_after_it() {
        let merges = MergeCount::default();
        let reading = merges.lately().expect_err("not read yet");
        merges.change();
        merges.end(reading, 7);
        assert!(merges.lately().is_err());
    }
}
