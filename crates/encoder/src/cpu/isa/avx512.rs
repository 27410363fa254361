//! AVX-512 in f32: 16 products and sums an instruction.

use std::arch::x86_64::{
    _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_maskz_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
};
use std::hint::black_box;

use super::vector::{self, V512, Vector};
use super::{Isa, Panel, Part, Rows, Tile, fetch_ahead, sixteen};
use crate::cpu::lanes::LANES;
use crate::kernel::Kernel;

/// A processor with AVX-512 and neither bf16 nor tiles.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

/// Whether the processor has what everything on 512-bit registers needs.
pub(super) fn has_base() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
}

impl Isa for Avx512 {
    const KERNEL: Kernel = Kernel::Avx512;
    /// 14 rows of two registers leave room for the panel's two and a broadcast; many a question is no longer.
    const ROWS: usize = 14;
    const GRAIN: usize = 1;
    const PANEL: usize = 32;
    const STEP: usize = 1;
    const CHUNK_TOKENS: usize = 128;
    type Element = f32;
    type Vector = V512;
    type Attention = Self;

    fn detect() -> Option<Self> {
        has_base().then_some(Self(()))
    }

    fn attention(self) -> Self {
        self
    }

    with_vectors!("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma", 14, [1 2 3 4 5 6 7 8 9 10 11 12 13]);

    #[inline(always)]
    fn splat(self, value: f32) -> V512 {
        // SAFETY: `self` exists, so the processor has the features.
        V512(unsafe { _mm512_set1_ps(value) })
    }

    #[inline(always)]
    fn store(self, values: V512, elements: &mut [f32]) {
        values.store(&mut elements.as_chunks_mut().0[0]);
    }

    #[inline(always)]
    fn transpose<'a>(self, row: impl Fn(usize) -> &'a [f32], places: &mut [f32], stride: usize) {
        // SAFETY: `self` exists, so the processor has the features.
        unsafe { transpose(sixteen(row), places, stride) }
    }
}

/// As [`Isa::transpose`].
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(rows: [&[f32]; LANES], places: &mut [f32], stride: usize) {
    let mut values = [_mm512_setzero_ps(); LANES];
    // An empty slice may point anywhere, and to load nothing from there takes the processor a thousand cycles.
    for (values, row) in values.iter_mut().zip(rows).filter(|(_, row)| !row.is_empty()) {
        let mask = 0xffff_u32 >> (LANES - row.len().min(LANES));
        // SAFETY: the mask leaves out what the row has not.
        *values = unsafe { _mm512_maskz_loadu_ps(mask as u16, row.as_ptr()) };
    }
    for (column, places) in vector::transpose(values).into_iter().zip(places.chunks_mut(stride)) {
        let places = &mut places[..LANES];
        // SAFETY: there are sixteen places.
        unsafe { _mm512_storeu_ps(places.as_mut_ptr(), column) };
    }
}

#[target_feature(enable = "avx512f")]
fn tile<const R: usize>(rows: Rows<'_, f32>, panel: &[f32], depth: usize, out: Tile<'_>) {
    rows.assert_holds(R, depth);
    out.assert_holds(R, Avx512::PANEL);
    assert!(panel.len() >= depth * Avx512::PANEL, "panel too short");
    let mut sums = [[_mm512_setzero_ps(); 2]; R];
    let mut values = rows.values.as_ptr();
    let mut columns = panel.as_ptr();
    for _ in 0..depth {
        // SAFETY: the asserts above; step by step this reads `depth` values of R rows and of the whole panel.
        unsafe {
            for half in [0, 16] {
                fetch_ahead(columns.add(half));
            }
            let panel = [0, 16].map(|half| _mm512_loadu_ps(columns.add(half)));
            for (row, sums) in sums.iter_mut().enumerate() {
                let value = _mm512_set1_ps(*values.add(row * rows.stride));
                sums[0] = _mm512_fmadd_ps(value, panel[0], sums[0]);
                sums[1] = _mm512_fmadd_ps(value, panel[1], sums[1]);
            }
            values = values.add(1);
            columns = columns.add(Avx512::PANEL);
        }
    }
    for (row, sums) in sums.into_iter().enumerate() {
        // SAFETY: the assert above; the tile holds R rows of PANEL columns.
        unsafe {
            let out = out.values.as_mut_ptr().add(row * out.stride);
            _mm512_storeu_ps(out, sums[0]);
            _mm512_storeu_ps(out.add(16), sums[1]);
        }
    }
}

#[target_feature(enable = "avx512f")]
fn exhaust(rounds: u64) -> u64 {
    const SUMS: usize = 2 * Avx512::ROWS;
    let factor = _mm512_set1_ps(black_box(0.0));
    let mut sums = [_mm512_setzero_ps(); SUMS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm512_fmadd_ps(factor, factor, *sum);
        }
    }
    black_box(sums);
    rounds * (SUMS * 16 * 2) as u64
}
