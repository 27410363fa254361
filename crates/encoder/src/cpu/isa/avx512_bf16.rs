//! AVX512-BF16: one instruction multiplies 32 pairs of bf16 and adds them to 16 sums.

use std::arch::x86_64::{
    __cpuid, __m256bh, __m256i, __m512bh, __m512i, _mm256_maskz_loadu_epi16, _mm256_storeu_si256, _mm512_castps_si512,
    _mm512_castsi512_ps, _mm512_cvtepu16_epi32, _mm512_cvtneps_pbh, _mm512_dpbf16_ps, _mm512_loadu_si512,
    _mm512_maskz_loadu_epi16, _mm512_or_si512, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_setzero_si512, _mm512_slli_epi32, _mm512_storeu_ps, _mm512_storeu_si512,
};
use std::hint::black_box;
use std::mem::transmute;

use super::vector::{self, V512};
use super::{Isa, Panel, Part, Rows, Tile, fetch_ahead, sixteen};
use crate::cpu::element::{Bf16, Element};
use crate::cpu::lanes::LANES;

/// A processor with AVX512-BF16: AMD since Zen 4, Intel since Cooper Lake.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Bf16(());

impl Isa for Avx512Bf16 {
    /// 14 rows of two registers leave room for the panel's two and a broadcast; many a question is no longer.
    const ROWS: usize = 14;
    const GRAIN: usize = 1;
    const PANEL: usize = 32;
    const STEP: usize = 2;
    const CHUNK_TOKENS: usize = 128;
    type Element = Bf16;
    type Vector = V512;

    fn detect() -> Option<Self> {
        has_bf16().then_some(Self(()))
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
    fn tile(
        self,
        rows: Rows<'_, Bf16>,
        panel: Panel<'_, Bf16>,
        depth: usize,
        out: Tile<'_>,
        mut meanwhile: impl FnMut(Part),
    ) {
        meanwhile(Part::WHOLE);
        // SAFETY: `self` exists, so the processor has the features.
        unsafe {
            match rows.count {
                1 => tile::<1>(rows, panel.values, depth, out),
                2 => tile::<2>(rows, panel.values, depth, out),
                3 => tile::<3>(rows, panel.values, depth, out),
                4 => tile::<4>(rows, panel.values, depth, out),
                5 => tile::<5>(rows, panel.values, depth, out),
                6 => tile::<6>(rows, panel.values, depth, out),
                7 => tile::<7>(rows, panel.values, depth, out),
                8 => tile::<8>(rows, panel.values, depth, out),
                9 => tile::<9>(rows, panel.values, depth, out),
                10 => tile::<10>(rows, panel.values, depth, out),
                11 => tile::<11>(rows, panel.values, depth, out),
                12 => tile::<12>(rows, panel.values, depth, out),
                13 => tile::<13>(rows, panel.values, depth, out),
                _ => tile::<14>(rows, panel.values, depth, out),
            }
        }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> V512 {
        // SAFETY: `self` exists, so the processor has the features.
        V512(unsafe { _mm512_set1_ps(value) })
    }

    #[inline(always)]
    fn store(self, values: V512, elements: &mut [Bf16]) {
        // SAFETY: `self` exists, so the processor has the features.
        unsafe { store(values, elements) }
    }

    #[inline(always)]
    fn interleave<'a>(self, row: impl Fn(usize) -> &'a [Bf16], places: &mut [Bf16]) {
        // SAFETY: `self` exists, so the processor has the features.
        unsafe { interleave([row(0), row(1)], places) }
    }

    #[inline(always)]
    fn transpose<'a>(self, row: impl Fn(usize) -> &'a [Bf16], places: &mut [Bf16], stride: usize) {
        // SAFETY: `self` exists, so the processor has the features.
        unsafe { transpose(sixteen(row), places, stride) }
    }

    #[inline(always)]
    fn exhaust(self, rounds: u64) -> u64 {
        // SAFETY: `self` exists, so the processor has the features.
        unsafe { exhaust(rounds) }
    }
}

impl Avx512Bf16 {
    /// Whether its products are faster than those of f32. On Intel's they are not: there the instruction takes four
    /// times as long as one of f32 and does twice as much, measured on a processor with AMX, whose tiles are meant for it.
    pub(crate) fn is_fast() -> bool {
        let vendor = __cpuid(0);
        [vendor.ebx, vendor.edx, vendor.ecx]
            .map(u32::to_le_bytes)
            .as_flattened()
            == b"AuthenticAMD"
    }
}

/// Whether the processor has what [`store`] and products of bf16 need.
pub(super) fn has_bf16() -> bool {
    is_x86_feature_detected!("avx512bf16") && super::avx512::has_base()
}

/// The nearest elements.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) fn store(values: V512, elements: &mut [Bf16]) {
    let elements = &mut elements[..LANES];
    // SAFETY: both are sixteen long, and an element is two bytes without invalid values.
    unsafe {
        let bits = transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(values.0));
        _mm256_storeu_si256(elements.as_mut_ptr().cast(), bits);
    }
}

/// Elements of a group: a pair, which is as long as an f32.
const GROUP: usize = Bf16::GROUP;

/// As [`Isa::interleave`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) fn interleave(rows: [&[Bf16]; GROUP], places: &mut [Bf16]) {
    let places = &mut places[..GROUP * LANES];
    let load = |row: &[Bf16]| {
        // An empty slice may point anywhere, and to load nothing from there takes the processor a thousand cycles.
        if row.is_empty() {
            return _mm512_setzero_si512();
        }
        let mask = 0xffff_u32 >> (LANES - row.len().min(LANES));
        // SAFETY: the mask leaves out what the row has not.
        _mm512_cvtepu16_epi32(unsafe { _mm256_maskz_loadu_epi16(mask as u16, row.as_ptr().cast()) })
    };
    let pairs = _mm512_or_si512(load(rows[0]), _mm512_slli_epi32::<16>(load(rows[1])));
    // SAFETY: there are places for sixteen groups.
    unsafe { _mm512_storeu_si512(places.as_mut_ptr().cast(), pairs) };
}

/// As [`Isa::transpose`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) fn transpose(rows: [&[Bf16]; LANES], places: &mut [Bf16], stride: usize) {
    let mut groups = [_mm512_setzero_ps(); LANES];
    for (groups, row) in groups.iter_mut().zip(rows).filter(|(_, row)| !row.is_empty()) {
        let mask = u64::from(u32::MAX) >> (GROUP * LANES - row.len().min(GROUP * LANES));
        // SAFETY: the mask leaves out what the row has not.
        *groups = _mm512_castsi512_ps(unsafe { _mm512_maskz_loadu_epi16(mask as u32, row.as_ptr().cast()) });
    }
    for (column, places) in vector::transpose(groups).into_iter().zip(places.chunks_mut(stride)) {
        let places = &mut places[..GROUP * LANES];
        // SAFETY: there are places for sixteen groups.
        unsafe { _mm512_storeu_si512(places.as_mut_ptr().cast(), _mm512_castps_si512(column)) };
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
