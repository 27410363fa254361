//! Arithmetic over rows of numbers, written as plain loops over whole vectors.
//!
//! Everything here is inlined into [`super::isa::Isa::vectorize`], where the compiler knows the processor's
//! instructions and turns sixteen lanes into one or two of them.

use super::element::Element;

/// Numbers of a loop's body; one AVX-512 register, two of AVX2.
const LANES: usize = 16;

/// Sum of a term over all values, sixteen partial sums at a time.
#[inline(always)]
fn sum(values: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let (rows, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for row in rows {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += term(*value);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|&value| term(value)).sum::<f32>()
}

/// The largest value.
#[inline(always)]
fn largest(values: &[f32]) -> f32 {
    let larger = |one: f32, other: f32| if one > other { one } else { other };
    let (rows, rest) = values.as_chunks::<LANES>();
    let mut found = [f32::NEG_INFINITY; LANES];
    for row in rows {
        for (found, value) in found.iter_mut().zip(row) {
            *found = larger(*found, *value);
        }
    }
    found.iter().chain(rest).copied().fold(f32::NEG_INFINITY, larger)
}

/// Scale and shift of a layer norm.
pub(crate) struct Norm {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) epsilon: f32,
}

impl Norm {
    /// Normalises a row in place and writes it as elements too.
    #[inline(always)]
    pub(crate) fn apply<E: Element>(&self, row: &mut [f32], elements: &mut [E]) {
        let size = row.len() as f32;
        let mean = sum(row, |value| value) / size;
        let variance = sum(row, |value| (value - mean) * (value - mean)) / size;
        let scale = 1.0 / (variance + self.epsilon).sqrt();
        let of = row.iter_mut().zip(elements).zip(self.weight.iter().zip(&self.bias));
        for ((value, element), (weight, bias)) in of {
            *value = ((*value - mean) * scale).mul_add(*weight, *bias);
            *element = E::of(*value);
        }
    }
}

/// Powers of two of the scores less the largest, as elements; gives back 1 over their sum.
#[inline(always)]
pub(crate) fn softmax<E: Element>(scores: &mut [f32], elements: &mut [E]) -> f32 {
    let highest = largest(scores);
    for (score, element) in scores.iter_mut().zip(elements) {
        *score = power_of_two(*score - highest);
        *element = E::of(*score);
    }
    1.0 / sum(scores, |value| value)
}

/// 2 to the power of `x` for `x` ≤ 0, to a relative 1e-7; below -126 what is left is 0 for every purpose.
///
/// **Source**: minimax polynomial of degree 5 on [-½, ½], fitted for this file by iteratively reweighted least squares.
#[inline(always)]
fn power_of_two(x: f32) -> f32 {
    /// Adding it leaves the nearest whole number in the lowest bits.
    const SHIFT: f32 = 12_582_912.0;
    let x = if x > -126.0 { x } else { -126.0 };
    let shifted = x + SHIFT;
    let f = x - (shifted - SHIFT);
    let p = 1.327_647_2e-3_f32
        .mul_add(f, 9.675_542e-3)
        .mul_add(f, 5.550_713_3e-2)
        .mul_add(f, 2.402_212e-1)
        .mul_add(f, 6.931_469_7e-1)
        .mul_add(f, 1.0);
    f32::from_bits(p.to_bits().wrapping_add(shifted.to_bits() << 23))
}

/// `x` times the normal distribution function of `x`, to 7e-6.
///
/// **Source**: Hendrycks and Gimpel 2016, Gaussian Error Linear Units, section 2; the polynomial in x² was fitted for
/// this file by iteratively reweighted least squares on |x| ≤ 4.7, beyond which the function is x or 0 to 1e-5.
#[inline(always)]
pub(crate) fn gelu(x: f32) -> f32 {
    const REACH: f32 = 4.7;
    let z = if x < REACH { x } else { REACH };
    let z = if z > -REACH { z } else { -REACH };
    let t = (z * z).mul_add(2.0 / (REACH * REACH), -1.0);
    let p = 1.519_854e-3_f32
        .mul_add(t, -3.824_858_7e-3)
        .mul_add(t, 4.038_395e-3)
        .mul_add(t, -6.124_601_4e-3)
        .mul_add(t, 1.322_596_7e-2)
        .mul_add(t, -2.151_233_8e-2)
        .mul_add(t, 3.002_265e-2)
        .mul_add(t, -4.046_469e-2)
        .mul_add(t, 5.355_339e-2)
        .mul_add(t, -7.436_558e-2)
        .mul_add(t, 1.503_148e-1);
    x * z.mul_add(p, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(from: f32, to: f32) -> impl Iterator<Item = f32> {
        (0..=100_000).map(move |step| from + (to - from) * step as f32 / 100_000.0)
    }

    /// The error function by its series, summed in f64.
    fn erf(x: f64) -> f64 {
        let mut term = x;
        let mut sum = x;
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    #[test]
    fn gelu_is_within_its_bound() {
        for x in steps(-6.0, 6.0) {
            let exact = f64::from(x) * 0.5 * (1.0 + erf(f64::from(x) / std::f64::consts::SQRT_2));
            assert!((f64::from(gelu(x)) - exact).abs() < 7e-6, "{x}");
        }
        assert_eq!((gelu(0.0), gelu(100.0)), (0.0, 100.0));
        assert!(gelu(-100.0).abs() < 1e-4);
    }

    #[test]
    fn powers_of_two_are_within_their_bound() {
        for x in steps(-125.0, 0.0) {
            let exact = f64::from(x).exp2();
            assert!((f64::from(power_of_two(x)) / exact - 1.0).abs() < 3e-7, "{x}");
        }
        assert!(power_of_two(-1e30) < 2e-38);
    }

    #[test]
    fn softmax_sums_to_one_whatever_the_scores() {
        for size in [1, 2, 15, 16, 17, 256] {
            let mut scores: Vec<f32> = (0..size).map(|at| (at * 37 % 11) as f32 * 9.0 - 400.0).collect();
            let mut elements = vec![0.0_f32; size];
            let scale = softmax(&mut scores, &mut elements);
            assert!((elements.iter().sum::<f32>() * scale - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn a_normed_row_has_mean_zero_and_deviation_one() {
        for size in [1, 16, 19, 384] {
            let norm = Norm {
                weight: vec![2.0; size],
                bias: vec![3.0; size],
                epsilon: 1e-12,
            };
            let mut row: Vec<f32> = (0..size).map(|at| at as f32).collect();
            let mut elements = vec![0.0_f32; size];
            norm.apply(&mut row, &mut elements);
            assert_eq!(row, elements);
            let mean = row.iter().sum::<f32>() / size as f32;
            assert!((mean - 3.0).abs() < 1e-4, "{mean}");
        }
    }
}
