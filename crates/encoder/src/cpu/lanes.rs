//! Arithmetic over rows of numbers, sixteen at a time.
//!
//! Everything here is inlined into [`super::isa::Isa::vectorize`], where the compiler may use the processor's
//! instructions.

use super::element::Element;
use super::isa::{Isa, Vector};
use super::reach::Reach;

/// Numbers of a vector.
pub(crate) const LANES: usize = 16;

/// What a vector is read from and written to.
pub(crate) type Lanes = [f32; LANES];

/// A layer norm.
pub(crate) struct Norm {
    /// Filled up with zeros, as the shifts are.
    scales: Vec<Lanes>,
    shifts: Vec<Lanes>,
    /// Of a row before it was filled up.
    size: usize,
    epsilon: f32,
}

impl Norm {
    pub(crate) fn new(scales: &[f32], shifts: &[f32], epsilon: f32) -> Self {
        Self {
            scales: lanes_of(scales),
            shifts: lanes_of(shifts),
            size: scales.len(),
            epsilon,
        }
    }

    pub(crate) fn scales(&self) -> &[f32] {
        &self.scales.as_flattened()[..self.size]
    }

    pub(crate) fn shifts(&self) -> &[f32] {
        &self.shifts.as_flattened()[..self.size]
    }

    /// How far a row can reach before it is scaled and shifted.
    pub(crate) fn reach(&self) -> Reach {
        Reach::normed(self.size)
    }

    /// Normalises a row, filled up with zeros, in place; what it is before it is scaled and shifted it writes as
    /// elements, and anything where the row was filled up.
    #[inline(always)]
    pub(crate) fn apply<I: Isa>(&self, isa: I, row: &mut [f32], elements: &mut [I::Element]) {
        let (row, _) = row.as_chunks_mut::<LANES>();
        let zero = isa.splat(0.0);
        let size = self.size as f32;
        let mean = row.iter().fold(zero, |sum, values| sum.add(zero.load(values))).sum() / size;
        let means = zero.splat(mean);
        let squares = row.iter().fold(zero, |sum, values| {
            let off = zero.load(values).sub(means);
            off.mul_add(off, sum)
        });
        let input_scale = I::Element::input_scale(self.reach());
        // A zero that fills up is off by the mean.
        let filled_up = (row.len() * LANES - self.size) as f32;
        let variance = (squares.sum() - filled_up * mean * mean) / size;
        let deviations = zero.splat(1.0 / (variance + self.epsilon).sqrt());
        let parts = self
            .scales
            .iter()
            .zip(&self.shifts)
            .zip(elements.chunks_exact_mut(LANES));
        for (values, ((scale, shift), elements)) in row.iter_mut().zip(parts) {
            let off = zero.load(values).sub(means).mul(deviations);
            off.mul_add(zero.load(scale), zero.load(shift)).store(values);
            isa.store(scaled::<I>(off, input_scale), elements);
        }
    }
}

/// Numbers that are to be elements, scaled where those are integers.
#[inline(always)]
pub(crate) fn scaled<I: Isa>(values: I::Vector, scale: f32) -> I::Vector {
    if I::Element::IS_INTEGER {
        values.mul(values.splat(scale))
    } else {
        values
    }
}

fn lanes_of(values: &[f32]) -> Vec<Lanes> {
    let lanes = |values: &[f32]| {
        let mut lanes = [0.0; LANES];
        lanes[..values.len()].copy_from_slice(values);
        lanes
    };
    values.chunks(LANES).map(lanes).collect()
}

/// Powers of two of the scores less the largest, as elements; gives back 1 over their sum. The mask is added to the last
/// sixteen.
#[inline(always)]
pub(crate) fn softmax<I: Isa>(isa: I, scores: &mut [Lanes], mask: &Lanes, elements: &mut [I::Element]) -> f32 {
    let lowest = isa.splat(f32::NEG_INFINITY);
    if let Some(last) = scores.last_mut() {
        lowest.load(last).add(lowest.load(mask)).store(last);
    }
    let highest = scores
        .iter()
        .fold(lowest, |highest, scores| highest.max(lowest.load(scores)));
    let highest = lowest.splat(highest.largest());
    let mut sum = lowest.splat(0.0);
    for (scores, elements) in scores.iter().zip(elements.chunks_exact_mut(LANES)) {
        let powers = power_of_two(lowest.load(scores).sub(highest));
        sum = sum.add(powers);
        isa.store(powers, elements);
    }
    1.0 / sum.sum()
}

/// 2 to the power of `x` for `x` ≤ 0, to a relative 1e-7; below -126 what is left is 0 for every purpose.
///
/// **Source**: minimax polynomial of degree 5 on [-½, ½], fitted for this file by iteratively reweighted least squares.
#[inline(always)]
fn power_of_two<V: Vector>(x: V) -> V {
    /// Adding it leaves the nearest whole number in the lowest bits.
    const SHIFT: f32 = 12_582_912.0;
    const REST: [f32; 5] = [9.675_542e-3, 5.550_713_3e-2, 2.402_212e-1, 6.931_469_7e-1, 1.0];
    let x = x.max(x.splat(-126.0));
    let shifted = x.add(x.splat(SHIFT));
    let f = x.sub(shifted.sub(x.splat(SHIFT)));
    polynomial(f, 1.327_647_2e-3, &REST).times_power_of_two(shifted)
}

/// `x` times the normal distribution function of `x`, to 7e-6.
///
/// **Source**: Hendrycks and Gimpel 2016, Gaussian Error Linear Units, section 2; the polynomial in x² was fitted for
/// this file by iteratively reweighted least squares on |x| ≤ 4.7, beyond which the function is x or 0 to 1e-5.
#[inline(always)]
pub(crate) fn gelu<V: Vector>(x: V) -> V {
    const REACH: f32 = 4.7;
    const REST: [f32; 10] = [
        -3.824_858_7e-3,
        4.038_395e-3,
        -6.124_601_4e-3,
        1.322_596_7e-2,
        -2.151_233_8e-2,
        3.002_265e-2,
        -4.046_469e-2,
        5.355_339e-2,
        -7.436_558e-2,
        1.503_148e-1,
    ];
    let z = x.min(x.splat(REACH)).max(x.splat(-REACH));
    let t = z.mul(z).mul_add(x.splat(2.0 / (REACH * REACH)), x.splat(-1.0));
    x.mul(z.mul_add(polynomial(t, 1.519_854e-3, &REST), x.splat(0.5)))
}

/// By Horner's rule, from the highest coefficient down.
#[inline(always)]
fn polynomial<V: Vector>(x: V, highest: f32, rest: &[f32]) -> V {
    let mut sum = x.splat(highest);
    for coefficient in rest {
        sum = sum.mul_add(x, x.splat(*coefficient));
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::element::Element;
    use crate::cpu::tests::{Checks, name, on_all};

    fn steps(from: f32, to: f32) -> Vec<Lanes> {
        const STEPS: usize = 100_000;
        let step = |step: usize| from + (to - from) * step as f32 / STEPS as f32;
        lanes_of(&(0..=STEPS).map(step).collect::<Vec<_>>())
    }

    /// A function of numbers, computed by a vector.
    fn of<I: Isa>(isa: I, x: &[Lanes], function: impl Fn(I::Vector) -> I::Vector) -> Vec<(f32, f32)> {
        let value = |x: &Lanes| {
            let mut y = *x;
            isa.vectorize(|| function(isa.splat(0.0).load(x)).store(&mut y));
            x.iter().copied().zip(y).collect::<Vec<_>>()
        };
        x.iter().flat_map(value).collect()
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

    struct GeluIsWithinItsBound;

    impl Checks for GeluIsWithinItsBound {
        fn check<I: Isa>(&self, isa: I) {
            for (x, y) in of(isa, &steps(-6.0, 6.0), gelu) {
                let exact = f64::from(x) * 0.5 * (1.0 + erf(f64::from(x) / std::f64::consts::SQRT_2));
                assert!((f64::from(y) - exact).abs() < 7e-6, "{}: {x}", name::<I>());
            }
            let far = of(isa, &lanes_of(&[0.0, 100.0, -100.0]), gelu);
            assert_eq!((far[0].1, far[1].1), (0.0, 100.0), "{}", name::<I>());
            assert!(far[2].1.abs() < 1e-4, "{}", name::<I>());
        }
    }

    #[test]
    fn gelu_is_within_its_bound() {
        on_all(GeluIsWithinItsBound);
    }

    struct PowersOfTwoAreWithinTheirBound;

    impl Checks for PowersOfTwoAreWithinTheirBound {
        fn check<I: Isa>(&self, isa: I) {
            for (x, y) in of(isa, &steps(-125.0, 0.0), power_of_two) {
                let exact = f64::from(x).exp2();
                assert!((f64::from(y) / exact - 1.0).abs() < 3e-7, "{}: {x}", name::<I>());
            }
            let least = of(isa, &[[f32::NEG_INFINITY; LANES]], power_of_two);
            assert!(least.iter().all(|(_, y)| *y < 2e-38), "{}", name::<I>());
        }
    }

    #[test]
    fn powers_of_two_are_within_their_bound() {
        on_all(PowersOfTwoAreWithinTheirBound);
    }

    struct SumsAndLargestAreOfAllLanes;

    impl Checks for SumsAndLargestAreOfAllLanes {
        fn check<I: Isa>(&self, isa: I) {
            for lane in 0..LANES {
                let mut values = [0.25; LANES];
                values[lane] = 3.0;
                let reduced = isa.vectorize(|| {
                    let vector = isa.splat(0.0).load(&values);
                    (vector.sum(), vector.largest())
                });
                assert_eq!(reduced, (6.75, 3.0), "{}", name::<I>());
            }
        }
    }

    #[test]
    fn sums_and_largest_are_of_all_lanes() {
        on_all(SumsAndLargestAreOfAllLanes);
    }

    struct SoftmaxSumsToOne;

    impl Checks for SoftmaxSumsToOne {
        fn check<I: Isa>(&self, isa: I) {
            for size in [1, 2, 15, 16, 17, 256] {
                let scores: Vec<f32> = (0..size).map(|at| (at * 37 % 11) as f32 * 9.0 - 400.0).collect();
                let (mut lanes, mut mask) = (lanes_of(&scores), [0.0; LANES]);
                mask[LANES - (lanes.len() * LANES - size)..].fill(f32::NEG_INFINITY);
                let mut elements = vec![I::Element::default(); lanes.len() * LANES];
                let scale = isa.vectorize(|| softmax(isa, &mut lanes, &mask, &mut elements));
                let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let exact = scores.iter().map(|score| (score - highest).exp2()).sum::<f32>();
                assert!((scale * exact - 1.0).abs() < 1e-5, "{}: {size}", name::<I>());
                for (score, element) in scores.iter().zip(&elements) {
                    // Powers of whole numbers are the same in every kind of element.
                    assert!(
                        *element == I::Element::of((score - highest).exp2()),
                        "{}: {size}",
                        name::<I>()
                    );
                }
            }
        }
    }

    #[test]
    fn softmax_sums_to_one_whatever_the_scores() {
        on_all(SoftmaxSumsToOne);
    }

    struct ANormedRowHasMeanZeroAndDeviationOne;

    impl Checks for ANormedRowHasMeanZeroAndDeviationOne {
        fn check<I: Isa>(&self, isa: I) {
            for size in [1, 16, 19, 384] {
                let row: Vec<f32> = (0..size).map(|at| at as f32).collect();
                let normed = |scale: f32, shift: f32| {
                    let norm = Norm::new(&vec![scale; size], &vec![shift; size], 1e-12);
                    let mut row = lanes_of(&row).as_flattened().to_vec();
                    let mut elements = vec![I::Element::default(); row.len()];
                    isa.vectorize(|| norm.apply(isa, &mut row, &mut elements));
                    (row, elements)
                };
                let (plain, _) = normed(1.0, 0.0);
                let (row, elements) = normed(2.0, 3.0);
                let input_scale = I::Element::input_scale(Reach::normed(size));
                let expected = plain[..size].iter().map(|value| I::Element::of(value * input_scale));
                assert!(
                    expected.eq(elements[..size].iter().copied()),
                    "{}: elements are neither scaled nor shifted",
                    name::<I>()
                );
                let (normed, rest) = row.split_at(size);
                assert!(rest.iter().all(|value| *value == 0.0), "{}: {size}", name::<I>());
                let mean = normed.iter().sum::<f32>() / size as f32;
                assert!((mean - 3.0).abs() < 1e-4, "{}: {mean}", name::<I>());
                let variance = normed.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / size as f32;
                let expected = if size == 1 { 0.0 } else { 4.0 };
                assert!(
                    (variance - expected).abs() < 1e-3,
                    "{}: {size}: {variance}",
                    name::<I>()
                );
            }
        }
    }

    #[test]
    fn a_normed_row_has_mean_zero_and_deviation_one() {
        on_all(ANormedRowHasMeanZeroAndDeviationOne);
    }
}
