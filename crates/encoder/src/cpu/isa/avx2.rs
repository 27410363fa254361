//! AVX2 with FMA in f32: 8 products and sums an instruction.

use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps};
use std::hint::black_box;

use super::vector::{V256, Vector};
use super::{Isa, Panel, Part, Rows, Tile, fetch_ahead};
use crate::kernel::Kernel;

/// A processor with AVX2 and FMA, as nearly all since 2015.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

impl Isa for Avx2 {
    const KERNEL: Kernel = Kernel::Avx2;
    /// 6 rows of two registers leave room for the panel's two and the broadcasts.
    const ROWS: usize = 6;
    const GRAIN: usize = 1;
    const PANEL: usize = 16;
    const STEP: usize = 1;
    const CHUNK_TOKENS: usize = 128;
    type Element = f32;
    type Vector = V256;
    type Attention = Self;

    fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        has.then_some(Self(()))
    }

    fn attention(self) -> Self {
        self
    }

    with_vectors!("avx2,fma", 6, [1 2 3 4 5]);

    #[inline(always)]
    fn splat(self, value: f32) -> V256 {
        // SAFETY: `self` exists, so the processor has the features.
        V256([unsafe { _mm256_set1_ps(value) }; 2])
    }

    #[inline(always)]
    fn store(self, values: V256, elements: &mut [f32]) {
        values.store(&mut elements.as_chunks_mut().0[0]);
    }
}

#[target_feature(enable = "avx2,fma")]
fn tile<const R: usize>(rows: Rows<'_, f32>, panel: &[f32], depth: usize, out: Tile<'_>) {
    rows.assert_holds(R, depth);
    out.assert_holds(R, Avx2::PANEL);
    assert!(panel.len() >= depth * Avx2::PANEL, "panel too short");
    let mut sums = [[_mm256_setzero_ps(); 2]; R];
    let mut values = rows.values.as_ptr();
    let mut columns = panel.as_ptr();
    for _ in 0..depth {
        // SAFETY: the asserts above; step by step this reads `depth` values of R rows and of the whole panel.
        unsafe {
            fetch_ahead(columns);
            let panel = [0, 8].map(|half| _mm256_loadu_ps(columns.add(half)));
            for (row, sums) in sums.iter_mut().enumerate() {
                let value = _mm256_set1_ps(*values.add(row * rows.stride));
                sums[0] = _mm256_fmadd_ps(value, panel[0], sums[0]);
                sums[1] = _mm256_fmadd_ps(value, panel[1], sums[1]);
            }
            values = values.add(1);
            columns = columns.add(Avx2::PANEL);
        }
    }
    for (row, sums) in sums.into_iter().enumerate() {
        // SAFETY: the assert above; the tile holds R rows of PANEL columns.
        unsafe {
            let out = out.values.as_mut_ptr().add(row * out.stride);
            _mm256_storeu_ps(out, sums[0]);
            _mm256_storeu_ps(out.add(8), sums[1]);
        }
    }
}

#[target_feature(enable = "avx2,fma")]
fn exhaust(rounds: u64) -> u64 {
    const SUMS: usize = 2 * Avx2::ROWS;
    let factor = _mm256_set1_ps(black_box(0.0));
    let mut sums = [_mm256_setzero_ps(); SUMS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm256_fmadd_ps(factor, factor, *sum);
        }
    }
    black_box(sums);
    rounds * (SUMS * 8 * 2) as u64
}
