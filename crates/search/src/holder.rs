//! Whose a rebuild is. One whose holder is gone, by a panic or because nobody waits for it any more, is given up: what
//! is written no longer goes to it, and the next rebuild takes its place.

use std::sync::{Arc, Weak};

use uuid::Uuid;

/// Kept by whoever rebuilds, for as long as they mean to.
#[derive(Debug)]
pub(crate) struct Holder(Arc<Uuid>);

/// What a collection knows of whoever rebuilds it.
#[derive(Debug)]
pub(crate) struct Held(Weak<Uuid>);

impl Holder {
    pub(crate) fn new(id: Uuid) -> Self {
        Self(Arc::new(id))
    }

    /// The id of the rebuild.
    pub(crate) fn id(&self) -> Uuid {
        *self.0
    }

    pub(crate) fn held(&self) -> Held {
        Held(Arc::downgrade(&self.0))
    }
}

impl Held {
    /// Whether it is the rebuild with this id, and still somebody's.
    pub(crate) fn is(&self, id: Uuid) -> bool {
        self.0.upgrade().is_some_and(|held| *held == id)
    }

    /// Whether nobody holds it any more.
    pub(crate) fn is_given_up(&self) -> bool {
        self.0.strong_count() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_holds_is_given_up() {
        let id = Uuid::new_v4();
        let holder = Holder::new(id);
        let held = holder.held();
        assert!(held.is(id) && !held.is(Uuid::new_v4()) && !held.is_given_up());
        drop(holder);
        assert!(held.is_given_up() && !held.is(id));
    }
}
