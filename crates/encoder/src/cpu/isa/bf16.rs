//! bf16 in registers of AVX-512, for the tiles of AMX.

use std::arch::x86_64::{
    __m256bh, __m256i, _mm256_maskz_loadu_epi16, _mm256_storeu_si256, _mm512_castps_si512, _mm512_castsi512_ps,
    _mm512_cvtepu16_epi32, _mm512_cvtneps_pbh, _mm512_maskz_loadu_epi16, _mm512_or_si512, _mm512_setzero_ps,
    _mm512_setzero_si512, _mm512_slli_epi32, _mm512_storeu_si512,
};
use std::mem::transmute;

use super::vector::{self, V512};
use crate::cpu::element::{Bf16, Element};
use crate::cpu::lanes::LANES;

/// Whether the processor has what everything here needs.
pub(super) fn is_here() -> bool {
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

/// As [`super::Isa::interleave`].
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

/// As [`super::Isa::transpose`].
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
