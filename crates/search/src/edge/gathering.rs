//! Points of many callers, written together.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::search::Prepared;

/// Points that wait for whoever writes next, so that one flush serves all who came while the last one ran.
#[derive(Debug, Default)]
pub(super) struct Gathering(Mutex<Group>);

#[derive(Debug, Default)]
struct Group {
    points: Vec<Prepared>,
    place: Place,
}

/// A caller's place in a group; all of the group share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Place(Arc<AtomicBool>);

impl Place {
    /// Whether somebody has written the group this place is in.
    pub(super) fn is_written(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    pub(super) fn set_written(&self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Gathering {
    /// Adds points to the group that gathers now.
    pub(super) fn join(&self, points: &[Prepared]) -> Place {
        let mut group = self.lock();
        group.points.extend_from_slice(points);
        group.place.clone()
    }

    /// The points of the group that `place` is in, if nobody has taken them; a new group begins.
    pub(super) fn take(&self, place: &Place) -> Option<Vec<Prepared>> {
        let mut group = self.lock();
        let is_current = Arc::ptr_eq(&group.place.0, &place.0);
        is_current.then(|| std::mem::take(&mut *group).points)
    }

    fn lock(&self) -> MutexGuard<'_, Group> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
