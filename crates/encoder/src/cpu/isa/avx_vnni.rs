//! AVX-VNNI: as AVX512-VNNI with registers of half the length, on processors that have no AVX-512.

use std::arch::x86_64::{
    __m256i, _mm256_cvtepi32_ps, _mm256_cvtps_epi32, _mm256_dpwssd_avx_epi32, _mm256_loadu_si256, _mm256_packs_epi32,
    _mm256_permute4x64_epi64, _mm256_set1_epi32, _mm256_setzero_si256, _mm256_storeu_ps, _mm256_storeu_si256,
};
use std::hint::black_box;

use super::vector::V256;
use super::{Avx2, Isa, Panel, Part, Rows, Tile, fetch_ahead};
use crate::cpu::element::Int16;
use crate::cpu::lanes::LANES;
use crate::kernel::Kernel;

/// A processor with AVX-VNNI: Intel's for desks and laps since Alder Lake, AMD since Zen 5.
#[derive(Clone, Copy)]
pub(crate) struct AvxVnni(Avx2);

impl Isa for AvxVnni {
    const KERNEL: Kernel = Kernel::AvxVnni;
    /// 6 rows of two registers leave room for the panel's two and the broadcasts.
    const ROWS: usize = 6;
    const GRAIN: usize = 1;
    const PANEL: usize = 16;
    const STEP: usize = 2;
    const CHUNK_TOKENS: usize = 128;
    type Element = Int16;
    type Vector = V256;
    type Attention = Avx2;

    fn detect() -> Option<Self> {
        let base = Avx2::detect()?;
        is_x86_feature_detected!("avxvnni").then_some(Self(base))
    }

    fn attention(self) -> Avx2 {
        self.0
    }

    with_vectors!("avx2,fma,avxvnni", 6, [1 2 3 4 5]);

    #[inline(always)]
    fn splat(self, value: f32) -> V256 {
        self.0.splat(value)
    }

    #[inline(always)]
    fn store(self, values: V256, elements: &mut [Int16]) {
        // SAFETY: `self` exists, so the processor has the features.
        unsafe { store(values, elements) }
    }
}

/// The nearest elements.
#[inline]
#[target_feature(enable = "avx2")]
fn store(values: V256, elements: &mut [Int16]) {
    /// Of quarters that are packed half by half, their order before.
    const IN_ORDER: i32 = 0b11_01_10_00;
    let elements = &mut elements[..LANES];
    let [low, high] = [0, 1].map(|half| _mm256_cvtps_epi32(values.0[half]));
    let integers = _mm256_permute4x64_epi64::<IN_ORDER>(_mm256_packs_epi32(low, high));
    // SAFETY: sixteen elements of two bytes without invalid values are there.
    unsafe { _mm256_storeu_si256(elements.as_mut_ptr().cast(), integers) };
}

#[target_feature(enable = "avx2,avxvnni")]
fn tile<const R: usize>(rows: Rows<'_, Int16>, panel: &[Int16], depth: usize, out: Tile<'_>) {
    rows.assert_holds(R, depth);
    out.assert_holds(R, AvxVnni::PANEL);
    assert!(
        depth.is_multiple_of(2) && panel.len() >= depth * AvxVnni::PANEL,
        "panel too short"
    );
    let mut sums = [[_mm256_setzero_si256(); 2]; R];
    let mut pairs = rows.values.as_ptr().cast::<i32>();
    let mut columns = panel.as_ptr().cast::<__m256i>();
    let stride = rows.stride / 2;
    for _ in 0..depth / 2 {
        // SAFETY: the asserts above; step by step this reads `depth` values of R rows and of the whole panel. Row
        // strides are even, so that a pair never straddles two rows.
        unsafe {
            fetch_ahead(columns);
            let panel = [0, 1].map(|half| _mm256_loadu_si256(columns.add(half)));
            for (row, sums) in sums.iter_mut().enumerate() {
                let pair = _mm256_set1_epi32(pairs.add(row * stride).read_unaligned());
                sums[0] = _mm256_dpwssd_avx_epi32(sums[0], pair, panel[0]);
                sums[1] = _mm256_dpwssd_avx_epi32(sums[1], pair, panel[1]);
            }
            pairs = pairs.add(1);
            columns = columns.add(2);
        }
    }
    for (row, sums) in sums.into_iter().enumerate() {
        // SAFETY: the assert above; the tile holds R rows of PANEL columns.
        unsafe {
            let out = out.values.as_mut_ptr().add(row * out.stride);
            _mm256_storeu_ps(out, _mm256_cvtepi32_ps(sums[0]));
            _mm256_storeu_ps(out.add(8), _mm256_cvtepi32_ps(sums[1]));
        }
    }
}

#[target_feature(enable = "avx2,avxvnni")]
fn exhaust(rounds: u64) -> u64 {
    const SUMS: usize = 2 * AvxVnni::ROWS;
    let factor = _mm256_set1_epi32(black_box(0));
    let mut sums = [_mm256_setzero_si256(); SUMS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm256_dpwssd_avx_epi32(*sum, factor, factor);
        }
    }
    black_box(sums);
    rounds * (SUMS * 16 * 2) as u64
}
