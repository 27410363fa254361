//! Tickets that were decided without being put in the index, until the keeper has added them.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// Which tickets this process left out of the index.
#[derive(Debug, Default)]
pub(crate) struct LeftOut(Mutex<BTreeSet<Uuid>>);

impl LeftOut {
    /// Notes a ticket, soon after it is decided: what the keeper looks at before then it must not think whole for good.
    pub fn note(&self, ticket_id: Uuid) {
        self.lock().insert(ticket_id);
    }

    /// Those that are still to be added, oldest first.
    pub fn ids(&self) -> Vec<Uuid> {
        self.lock().iter().copied().collect()
    }

    /// These have been added.
    pub fn forget(&self, added: &[Uuid]) {
        let mut left_out = self.lock();
        for id in added {
            left_out.remove(id);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Uuid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_while_others_are_added_stays() {
        let [first, second] = [1, 2].map(Uuid::from_u128);
        let left_out = LeftOut::default();
        left_out.note(first);
        let to_add = left_out.ids();
        left_out.note(second);
        left_out.forget(&to_add);
        assert_eq!(left_out.ids(), [second]);
        assert!(!left_out.is_empty());
    }
}
