//! The inner loops, one file for each kind of processor, and the only place of this crate with `unsafe`.
//!
//! An [`Isa`] is a value that exists only where the processor has its instructions: `detect` is the one way to get one.
//! That is the reason behind most `unsafe` below; the others are loads and stores whose bounds are asserted just
//! before them.
#![allow(unsafe_code, reason = "vector instructions; see the module's documentation")]

mod amx;
mod avx2;
mod avx512;
mod avx512_bf16;

pub(crate) use amx::Amx;
pub(crate) use avx2::Avx2;
pub(crate) use avx512::Avx512;
pub(crate) use avx512_bf16::Avx512Bf16;

use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

use super::element::Element;

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

/// Where the product of a tile goes.
pub(crate) struct Tile<'a> {
    /// From the first value of the first row on.
    pub(crate) values: &'a mut [f32],
    /// From row to row.
    pub(crate) stride: usize,
}

/// The instructions of a kind of processor, and the sizes that suit them.
pub(crate) trait Isa: Copy + Send + Sync + 'static {
    /// Most rows of a tile.
    const ROWS: usize;
    /// A tile takes as long as one whose rows are a multiple of this.
    const GRAIN: usize;
    /// Columns of a tile, and of a panel of [`super::packed::Packed`].
    const PANEL: usize;
    /// The depth of a product is a multiple of it.
    const STEP: usize;
    /// Factors.
    type Element: Element;

    /// Rows of each tile when so many are multiplied: all about as high, because a low tile takes longer for a row.
    fn height(rows: usize) -> usize {
        let tiles = rows.div_ceil(Self::ROWS).max(1);
        rows.div_ceil(tiles).next_multiple_of(Self::GRAIN)
    }

    /// The instructions, if this processor and the system have them.
    fn detect() -> Option<Self>;

    /// Does work with the instructions of this processor: what is inlined into it is compiled for them, and tiles may
    /// be computed.
    fn vectorize<R>(self, work: impl FnOnce() -> R) -> R;

    /// Up to [`Isa::ROWS`] rows times a panel. Called inside [`Isa::vectorize`].
    ///
    /// **Shape**: `[rows, depth]` × packed `[depth, PANEL]` → `[rows, PANEL]`, f32.
    ///
    /// **Panics** if a slice is too short; rows up to [`Isa::ROWS`] must be there to be read and written.
    fn tile(self, rows: Rows<'_, Self::Element>, panel: &[Self::Element], depth: usize, out: Tile<'_>);

    /// Multiplies and adds in registers alone, in as many independent sums as a tile has: what it does in a second is
    /// the limit of a product. Called inside [`Isa::vectorize`].
    ///
    /// **Units**: floating-point operations done, two for a product that is added.
    fn exhaust(self, rounds: u64) -> u64;
}

/// Asks for the cache line [`AHEAD`] of this one.
#[inline(always)]
fn fetch_ahead<T>(line: *const T) {
    // SAFETY: it reads nothing the program sees, and an address that is nobody's is let be.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast::<i8>().wrapping_add(AHEAD)) }
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
