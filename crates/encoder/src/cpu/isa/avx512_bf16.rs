//! AVX512-BF16: one instruction multiplies 32 pairs of bf16 and adds them to 16 sums.

use std::arch::x86_64::{
    __m512bh, __m512i, _mm512_dpbf16_ps, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_ps, _mm512_storeu_ps,
};
use std::hint::black_box;
use std::mem::transmute;

use super::{Isa, Rows, Tile, fetch_ahead};
use crate::cpu::element::Bf16;

/// A processor with AVX512-BF16: AMD since Zen 4, Intel since Cooper Lake.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Bf16(());

impl Isa for Avx512Bf16 {
    /// 14 rows of two registers leave room for the panel's two and a broadcast; many a question is no longer.
    const ROWS: usize = 14;
    const GRAIN: usize = 1;
    const PANEL: usize = 32;
    const STEP: usize = 2;
    type Element = Bf16;

    fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512bf16") && super::avx512::has_base();
        has.then_some(Self(()))
    }

    fn vectorize<R>(self, work: impl FnOnce() -> R) -> R {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
        fn inner<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        // SAFETY: `self` exists, so the processor has the features.
        unsafe { inner(work) }
    }

    #[inline(always)]
    fn tile(self, rows: Rows<'_, Bf16>, panel: &[Bf16], depth: usize, out: Tile<'_>) {
        // SAFETY: `self` exists, so the processor has the features.
        unsafe {
            match rows.count {
                1 => tile::<1>(rows, panel, depth, out),
                2 => tile::<2>(rows, panel, depth, out),
                3 => tile::<3>(rows, panel, depth, out),
                4 => tile::<4>(rows, panel, depth, out),
                5 => tile::<5>(rows, panel, depth, out),
                6 => tile::<6>(rows, panel, depth, out),
                7 => tile::<7>(rows, panel, depth, out),
                8 => tile::<8>(rows, panel, depth, out),
                9 => tile::<9>(rows, panel, depth, out),
                10 => tile::<10>(rows, panel, depth, out),
                11 => tile::<11>(rows, panel, depth, out),
                12 => tile::<12>(rows, panel, depth, out),
                13 => tile::<13>(rows, panel, depth, out),
                _ => tile::<14>(rows, panel, depth, out),
            }
        }
    }

    #[inline(always)]
    fn exhaust(self, rounds: u64) -> u64 {
        // SAFETY: `self` exists, so the processor has the features.
        unsafe { exhaust(rounds) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn tile<const R: usize>(rows: Rows<'_, Bf16>, panel: &[Bf16], depth: usize, out: Tile<'_>) {
    rows.assert_holds(R, depth);
    out.assert_holds(R, Avx512Bf16::PANEL);
    assert!(
        depth.is_multiple_of(2) && panel.len() >= depth * Avx512Bf16::PANEL,
        "panel too short"
    );
    let mut sums = [[_mm512_setzero_ps(); 2]; R];
    let mut pairs = rows.values.as_ptr().cast::<i32>();
    let mut columns = panel.as_ptr().cast::<__m512i>();
    let stride = rows.stride / 2;
    for _ in 0..depth / 2 {
        // SAFETY: the asserts above; step by step this reads `depth` values of R rows and of the whole panel. Row
        // strides are even, so that a pair never straddles two rows.
        unsafe {
            for half in [0, 1] {
                fetch_ahead(columns.add(half));
            }
            let panel = [0, 1].map(|half| bf16(_mm512_loadu_si512(columns.add(half))));
            for (row, sums) in sums.iter_mut().enumerate() {
                let pair = bf16(_mm512_set1_epi32(pairs.add(row * stride).read_unaligned()));
                sums[0] = _mm512_dpbf16_ps(sums[0], pair, panel[0]);
                sums[1] = _mm512_dpbf16_ps(sums[1], pair, panel[1]);
            }
            pairs = pairs.add(1);
            columns = columns.add(2);
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

#[inline]
#[target_feature(enable = "avx512f")]
fn bf16(bits: __m512i) -> __m512bh {
    // SAFETY: both are 512 bits without invalid values.
    unsafe { transmute(bits) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn exhaust(rounds: u64) -> u64 {
    const SUMS: usize = 2 * Avx512Bf16::ROWS;
    let factor = bf16(_mm512_set1_epi32(black_box(0)));
    let mut sums = [_mm512_setzero_ps(); SUMS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm512_dpbf16_ps(*sum, factor, factor);
        }
    }
    black_box(sums);
    rounds * (SUMS * 32 * 2) as u64
}
