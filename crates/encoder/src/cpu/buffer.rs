//! Memory that starts on a cache line.

use std::ops::{Deref, DerefMut};

/// **Units**: bytes.
const CACHE_LINE: usize = 64;

/// A slice that starts on a cache line, so that a load of one vector touches one line.
pub(crate) struct Buffer<E> {
    values: Vec<E>,
    start: usize,
    len: usize,
}

impl<E: Copy + Default> Buffer<E> {
    /// `len` default values.
    pub(crate) fn new(len: usize) -> Self {
        let slack = CACHE_LINE / size_of::<E>();
        let values = vec![E::default(); len + slack];
        // Where it can't be told, an unaligned start costs time and nothing else.
        let start = values.as_ptr().align_offset(CACHE_LINE).min(slack);
        Self { values, start, len }
    }

    /// At least `len` values; what it held is lost if it must grow.
    pub(crate) fn reserve(&mut self, len: usize) {
        if self.len < len {
            *self = Self::new(len);
        }
    }
}

impl<E> Deref for Buffer<E> {
    type Target = [E];

    fn deref(&self) -> &[E] {
        &self.values[self.start..self.start + self.len]
    }
}

impl<E> DerefMut for Buffer<E> {
    fn deref_mut(&mut self) -> &mut [E] {
        &mut self.values[self.start..self.start + self.len]
    }
}
