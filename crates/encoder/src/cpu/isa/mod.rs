//! The inner loops, one file for each kind of processor, and the only place of this crate with `unsafe`.
//!
//! An [`Isa`] is a value that exists only where the processor has its instructions: `detect` is the one way to get one.
//! That is the reason behind most `unsafe` below; the others are loads and stores whose bounds are asserted just
//! before them.
#![allow(unsafe_code, reason = "vector instructions; see the module's documentation")]

/// What every [`Isa`] with vector registers alone does in the same words: work compiled for its instructions, and the
/// functions `tile` and `exhaust` of its file. A tile is compiled for each number of rows by itself, so that its sums stay in
/// registers.
macro_rules! with_vectors {
    ($features:literal, $most:literal, [$($fewer:literal)*]) => {
        // SAFETY, of all three: `self` exists, so the processor has the features.
        fn vectorize<R>(self, work: impl FnOnce() -> R) -> R {
            #[target_feature(enable = $features)]
            fn inner<R>(work: impl FnOnce() -> R) -> R {
                work()
            }
            unsafe { inner(work) }
        }

        #[inline(always)]
        fn tile(
            self,
            rows: Rows<'_, Self::Element>,
            panel: Panel<'_, Self::Element>,
            depth: usize,
            out: Tile<'_>,
            mut meanwhile: impl FnMut(Part),
        ) {
            meanwhile(Part::WHOLE);
            unsafe {
                match rows.count {
                    $($fewer => tile::<$fewer>(rows, panel.values, depth, out),)*
                    _ => tile::<$most>(rows, panel.values, depth, out),
                }
            }
        }

        #[inline(always)]
        fn exhaust(self, rounds: u64) -> u64 {
            unsafe { exhaust(rounds) }
        }
    };
}

mod amx;
mod avx2;
mod avx512;
mod avx512_vnni;
mod avx_vnni;
mod bf16;
mod vector;

pub(crate) use amx::Amx;
pub(crate) use avx_vnni::AvxVnni;
pub(crate) use avx2::Avx2;
pub(crate) use avx512::Avx512;
pub(crate) use avx512_vnni::Avx512Vnni;
pub(crate) use vector::Vector;

use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
use std::ops::Range;

use super::element::Element;
use super::lanes::LANES;
use crate::kernel::Kernel;

/// How far before it is read a panel is asked for: weights of one text come from the third level cache, far off for a
/// tile of few rows, and the processor's own guess stops at every page. **Units**: bytes.
const AHEAD: usize = 4096;

/// Rows of a matrix that lie one after the other at a fixed distance.
pub(crate) struct Rows<'a, E> {
    /// From the first value of the first row on.
    pub(crate) values: &'a [E],
    /// From row to row.
    pub(crate) stride: usize,
    /// How many are meant. Some processors read more, up to [`Isa::ROWS`], and what they make of them is not used.
    pub(crate) count: usize,
}

/// Columns of a matrix as a tile reads them.
pub(crate) struct Panel<'a, E> {
    pub(crate) values: &'a [E],
    /// What will be read afterwards and may be asked for already; nobody reads it here.
    pub(crate) next: *const E,
}

/// One of several parts of something.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    index: usize,
    of: usize,
}

impl Part {
    /// The only one.
    pub(crate) const WHOLE: Self = Self { index: 0, of: 1 };

    /// Its part of so many.
    pub(crate) fn share(self, count: usize) -> Range<usize> {
        count * self.index / self.of..count * (self.index + 1) / self.of
    }
}

/// Where the product of a tile goes.
pub(crate) struct Tile<'a> {
    /// From the first value of the first row on.
    pub(crate) values: &'a mut [f32],
    /// From row to row.
    pub(crate) stride: usize,
}

/// The instructions of a kind of processor, and the sizes that suit them.
pub(crate) trait Isa: Copy + Send + Sync + 'static {
    /// Its name to those who choose.
    const KERNEL: Kernel;
    /// Most rows of a tile.
    const ROWS: usize;
    /// A tile takes as long as one whose rows are a multiple of this.
    const GRAIN: usize;
    /// Columns of a tile, and of a panel of [`super::packed::Packed`].
    const PANEL: usize;
    /// The depth of a product is a multiple of it.
    const STEP: usize;
    /// Tokens a thread computes together: enough that weights are used often, few enough that what is between two
    /// products stays in the second level cache.
    const CHUNK_TOKENS: usize;
    /// Factors.
    type Element: Element;
    /// Sixteen numbers in registers.
    type Vector: Vector;
    /// What computes the products of texts with themselves, whose numbers reach nobody knows how far.
    type Attention: Isa<Vector = Self::Vector>;

    /// Rows of each tile when so many are multiplied: all about as high, because a low tile takes longer for a row.
    fn height(rows: usize) -> usize {
        let tiles = rows.div_ceil(Self::ROWS).max(1);
        rows.div_ceil(tiles).next_multiple_of(Self::GRAIN)
    }

    /// The instructions, if this processor and the system have them.
    fn detect() -> Option<Self>;

    /// What computes attention; it needs no instructions that this has not.
    fn attention(self) -> Self::Attention;

    /// Does work with the instructions of this processor: what is inlined into it is compiled for them, and tiles may
    /// be computed.
    fn vectorize<R>(self, work: impl FnOnce() -> R) -> R;

    /// Up to [`Isa::ROWS`] rows times a panel. Called inside [`Isa::vectorize`]. Where products are computed beside all
    /// else, `meanwhile` is done part by part while they are, elsewhere as a whole.
    ///
    /// **Shape**: `[rows, depth]` × packed `[depth, PANEL]` → `[rows, PANEL]`, f32.
    ///
    /// **Panics** if a slice is too short; rows up to [`Isa::ROWS`] must be there to be read and written.
    fn tile(
        self,
        rows: Rows<'_, Self::Element>,
        panel: Panel<'_, Self::Element>,
        depth: usize,
        out: Tile<'_>,
        meanwhile: impl FnMut(Part),
    );

    /// Sixteen times a number.
    fn splat(self, value: f32) -> Self::Vector;

    /// Writes the nearest elements. Called inside [`Isa::vectorize`].
    ///
    /// **Panics** if there is no room for them.
    fn store(self, values: Self::Vector, elements: &mut [Self::Element]);

    /// Lays sixteen elements of the rows of a group side by side, one of each in turn; of what a row has not, zeros.
    /// Called inside [`Isa::vectorize`].
    ///
    /// **Panics** if there is no room for them.
    #[inline(always)]
    fn interleave<'a>(self, row: impl Fn(usize) -> &'a [Self::Element], places: &mut [Self::Element]) {
        let group = Self::Element::GROUP;
        for of_group in 0..group {
            let row = row(of_group);
            for (lane, places) in places.chunks_exact_mut(group).take(LANES).enumerate() {
                places[of_group] = row.get(lane).copied().unwrap_or_default();
            }
        }
    }

    /// Writes the first sixteen groups of sixteen rows as columns: group `k` of row `n` is the `n`th from `k` times the
    /// stride on; of what a row has not, zeros, as far as there are places. Called inside [`Isa::vectorize`].
    #[inline(always)]
    fn transpose<'a>(self, row: impl Fn(usize) -> &'a [Self::Element], places: &mut [Self::Element], stride: usize) {
        let group = Self::Element::GROUP;
        for n in 0..LANES {
            let row = row(n);
            for (k, places) in places.chunks_mut(stride).enumerate() {
                for (of_group, place) in places[n * group..][..group].iter_mut().enumerate() {
                    *place = row.get(k * group + of_group).copied().unwrap_or_default();
                }
            }
        }
    }

    /// Multiplies and adds in registers alone, in as many independent sums as a tile has: what it does in a second is
    /// the limit of a product. Called inside [`Isa::vectorize`].
    ///
    /// **Units**: floating-point operations done, two for a product that is added.
    fn exhaust(self, rounds: u64) -> u64;
}

/// Rows 0 to 15.
#[inline(always)]
fn sixteen<'a, E>(row: impl Fn(usize) -> &'a [E]) -> [&'a [E]; LANES] {
    let mut rows: [&[E]; LANES] = [&[]; LANES];
    for (n, place) in rows.iter_mut().enumerate() {
        *place = row(n);
    }
    rows
}

/// Asks for the cache line [`AHEAD`] of this one.
#[inline(always)]
fn fetch_ahead<T>(line: *const T) {
    // SAFETY: it reads nothing the program sees, and an address that is nobody's is let be.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast::<i8>().wrapping_add(AHEAD)) }
}

impl<'a, E> Panel<'a, E> {
    /// A panel after which nothing is read that would not be near already.
    pub(crate) fn only(values: &'a [E]) -> Self {
        Self {
            values,
            next: values.as_ptr(),
        }
    }
}

impl<E> Rows<'_, E> {
    fn assert_holds(&self, rows: usize, depth: usize) {
        assert!(self.values.len() >= (rows - 1) * self.stride + depth, "rows too short");
    }
}

impl Tile<'_> {
    fn assert_holds(&self, rows: usize, columns: usize) {
        assert!(
            self.values.len() >= (rows - 1) * self.stride + columns,
            "tile too small"
        );
    }
}
