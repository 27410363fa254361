//! Sixteen numbers in registers: one of AVX-512, two of AVX2.

use std::arch::x86_64::{
    __m256, __m512, _mm256_add_epi32, _mm256_add_ps, _mm256_castps_si256, _mm256_castsi256_ps, _mm256_fmadd_ps,
    _mm256_loadu_ps, _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_slli_epi32, _mm256_storeu_ps,
    _mm256_sub_ps, _mm512_add_epi32, _mm512_add_ps, _mm512_castpd_ps, _mm512_castps_pd, _mm512_castps_si512,
    _mm512_castsi512_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps,
    _mm512_reduce_add_ps, _mm512_reduce_max_ps, _mm512_set1_ps, _mm512_shuffle_f32x4, _mm512_slli_epi32,
    _mm512_storeu_ps, _mm512_sub_ps, _mm512_unpackhi_pd, _mm512_unpackhi_ps, _mm512_unpacklo_pd, _mm512_unpacklo_ps,
};

use crate::cpu::lanes::Lanes;

/// Sixteen numbers. The first of a computation comes from [`super::Isa::splat`], which exists only where the processor
/// has the instructions; all others are made of it.
pub(crate) trait Vector: Copy {
    /// As many of another number.
    fn splat(self, value: f32) -> Self;

    /// Other numbers.
    fn load(self, values: &Lanes) -> Self;

    /// The numbers, written.
    fn store(self, values: &mut Lanes);

    fn add(self, other: Self) -> Self;

    fn sub(self, other: Self) -> Self;

    fn mul(self, other: Self) -> Self;

    /// `self` · `factor` + `term`, rounded once.
    fn mul_add(self, factor: Self, term: Self) -> Self;

    fn max(self, other: Self) -> Self;

    fn min(self, other: Self) -> Self;

    /// Times two to the power of the whole number in the lowest bits of `shifted`, which is added to the exponent.
    fn times_power_of_two(self, shifted: Self) -> Self;

    /// Of all sixteen.
    fn sum(self) -> f32;

    /// Of all sixteen.
    fn largest(self) -> f32;
}

/// One register.
#[derive(Clone, Copy)]
pub(crate) struct V512(pub(super) __m512);

/// Two registers.
#[derive(Clone, Copy)]
pub(crate) struct V256(pub(super) [__m256; 2]);

// SAFETY, of every block here: a `V512` exists only where the processor has AVX-512; loads and stores are of sixteen
// numbers that are there.
impl Vector for V512 {
    #[inline(always)]
    fn splat(self, value: f32) -> Self {
        Self(unsafe { _mm512_set1_ps(value) })
    }

    #[inline(always)]
    fn load(self, values: &Lanes) -> Self {
        Self(unsafe { _mm512_loadu_ps(values.as_ptr()) })
    }

    #[inline(always)]
    fn store(self, values: &mut Lanes) {
        unsafe { _mm512_storeu_ps(values.as_mut_ptr(), self.0) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(unsafe { _mm512_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(unsafe { _mm512_sub_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(unsafe { _mm512_mul_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        Self(unsafe { _mm512_fmadd_ps(self.0, factor.0, term.0) })
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(unsafe { _mm512_max_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(unsafe { _mm512_min_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        unsafe { _mm512_reduce_add_ps(self.0) }
    }

    #[inline(always)]
    fn largest(self) -> f32 {
        unsafe { _mm512_reduce_max_ps(self.0) }
    }

    #[inline(always)]
    fn times_power_of_two(self, shifted: Self) -> Self {
        Self(unsafe {
            let exponent = _mm512_slli_epi32::<23>(_mm512_castps_si512(shifted.0));
            _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(self.0), exponent))
        })
    }
}

/// Columns as rows.
///
/// **Source**: Eklundh, A Fast Computer Method for Matrix Transposing, 1972: pairs, fours, eights and sixteens in turn.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn transpose(rows: [__m512; 16]) -> [__m512; 16] {
    let mut fours = rows;
    for (fours, rows) in fours.chunks_exact_mut(4).zip(rows.chunks_exact(4)) {
        let pair = |one, other| {
            let (low, high) = (_mm512_unpacklo_ps(one, other), _mm512_unpackhi_ps(one, other));
            (_mm512_castps_pd(low), _mm512_castps_pd(high))
        };
        let ((low, high), (other_low, other_high)) = (pair(rows[0], rows[1]), pair(rows[2], rows[3]));
        fours[0] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, other_low));
        fours[1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, other_low));
        fours[2] = _mm512_castpd_ps(_mm512_unpacklo_pd(high, other_high));
        fours[3] = _mm512_castpd_ps(_mm512_unpackhi_pd(high, other_high));
    }
    // Quarter `l` of the `c`th of each four is now column 4 `l` + `c` of its rows.
    const EVEN: i32 = 0x88;
    const ODD: i32 = 0xdd;
    let mut columns = fours;
    for c in 0..4 {
        let (a, b, c_, d) = (fours[c], fours[4 + c], fours[8 + c], fours[12 + c]);
        let even = (_mm512_shuffle_f32x4::<EVEN>(a, b), _mm512_shuffle_f32x4::<EVEN>(c_, d));
        let odd = (_mm512_shuffle_f32x4::<ODD>(a, b), _mm512_shuffle_f32x4::<ODD>(c_, d));
        columns[c] = _mm512_shuffle_f32x4::<EVEN>(even.0, even.1);
        columns[4 + c] = _mm512_shuffle_f32x4::<EVEN>(odd.0, odd.1);
        columns[8 + c] = _mm512_shuffle_f32x4::<ODD>(even.0, even.1);
        columns[12 + c] = _mm512_shuffle_f32x4::<ODD>(odd.0, odd.1);
    }
    columns
}

impl V256 {
    /// Of the eight left when its halves are joined.
    #[inline(always)]
    fn reduce(self, of: impl Fn(f32, f32) -> f32, halves: __m256) -> f32 {
        let mut values = [0.0; 8];
        // SAFETY: a `V256` exists only where the processor has AVX2; eight numbers are there.
        unsafe { _mm256_storeu_ps(values.as_mut_ptr(), halves) };
        let [a, b, c, d, e, f, g, h] = values;
        of(of(of(a, b), of(c, d)), of(of(e, f), of(g, h)))
    }

    #[inline(always)]
    fn each(self, other: Self, of: impl Fn(__m256, __m256) -> __m256) -> Self {
        Self([of(self.0[0], other.0[0]), of(self.0[1], other.0[1])])
    }
}

// SAFETY, of every block here: a `V256` exists only where the processor has AVX2 and FMA; loads and stores are of
// sixteen numbers that are there.
impl Vector for V256 {
    #[inline(always)]
    fn splat(self, value: f32) -> Self {
        Self([unsafe { _mm256_set1_ps(value) }; 2])
    }

    #[inline(always)]
    fn load(self, values: &Lanes) -> Self {
        let at = values.as_ptr();
        Self(unsafe { [_mm256_loadu_ps(at), _mm256_loadu_ps(at.add(8))] })
    }

    #[inline(always)]
    fn store(self, values: &mut Lanes) {
        let at = values.as_mut_ptr();
        unsafe {
            _mm256_storeu_ps(at, self.0[0]);
            _mm256_storeu_ps(at.add(8), self.0[1]);
        }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.each(other, |one, other| unsafe { _mm256_add_ps(one, other) })
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.each(other, |one, other| unsafe { _mm256_sub_ps(one, other) })
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.each(other, |one, other| unsafe { _mm256_mul_ps(one, other) })
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        let of = |half: usize| unsafe { _mm256_fmadd_ps(self.0[half], factor.0[half], term.0[half]) };
        Self([of(0), of(1)])
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.each(other, |one, other| unsafe { _mm256_max_ps(one, other) })
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.each(other, |one, other| unsafe { _mm256_min_ps(one, other) })
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        self.reduce(|one, other| one + other, unsafe { _mm256_add_ps(self.0[0], self.0[1]) })
    }

    #[inline(always)]
    fn largest(self) -> f32 {
        self.reduce(f32::max, unsafe { _mm256_max_ps(self.0[0], self.0[1]) })
    }

    #[inline(always)]
    fn times_power_of_two(self, shifted: Self) -> Self {
        self.each(shifted, |value, shifted| unsafe {
            let exponent = _mm256_slli_epi32::<23>(_mm256_castps_si256(shifted));
            _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(value), exponent))
        })
    }
}
