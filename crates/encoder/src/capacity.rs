//! How much may wait for the encoder at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::EncoderError;

/// How many texts may be on their way at once.
#[derive(Clone)]
pub(crate) struct Capacity {
    taken: Arc<AtomicUsize>,
    limit: usize,
}

/// Room for some texts, given back when dropped.
pub(crate) struct Room {
    taken: Arc<AtomicUsize>,
    texts: usize,
}

impl Capacity {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            taken: Arc::new(AtomicUsize::new(0)),
            limit,
        }
    }

    /// The same room, of which only half may be taken: the rest is left to others.
    pub(crate) fn half(&self) -> Self {
        Self {
            taken: Arc::clone(&self.taken),
            limit: self.limit.div_ceil(2),
        }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Room for `texts` more. An idle encoder takes any number, so that a large request can be served at all.
    pub(crate) fn reserve(&self, texts: usize) -> Result<Room, EncoderError> {
        let reserve = |taken: usize| (taken == 0 || taken + texts <= self.limit).then_some(taken + texts);
        match self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, reserve) {
            Ok(_) => Ok(Room {
                taken: Arc::clone(&self.taken),
                texts,
            }),
            Err(_) => Err(EncoderError::Busy),
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.taken.fetch_sub(self.texts, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_is_busy_until_room_is_given_back() {
        let capacity = Capacity::new(3);
        let first = capacity.reserve(2).unwrap();
        assert!(matches!(capacity.reserve(2), Err(EncoderError::Busy)));
        drop(first);
        assert!(capacity.reserve(2).is_ok());
    }

    #[test]
    fn whoever_may_take_half_leaves_the_rest_to_others() {
        let capacity = Capacity::new(4);
        let half = capacity.half();
        let _room = half.reserve(2).unwrap();
        assert!(matches!(half.reserve(1), Err(EncoderError::Busy)));
        let _others = capacity.reserve(2).unwrap();
        assert!(matches!(capacity.reserve(1), Err(EncoderError::Busy)));
    }

    #[test]
    fn an_idle_queue_takes_a_large_request() {
        let capacity = Capacity::new(3);
        let large = capacity.reserve(100).unwrap();
        assert!(matches!(capacity.reserve(1), Err(EncoderError::Busy)));
        drop(large);
    }
}
