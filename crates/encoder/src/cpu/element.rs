//! What matrices are made of.

use super::reach::Reach;

/// A number a kernel multiplies; sums of products are f32 when they leave a tile.
pub(crate) trait Element: Copy + Default + PartialEq + Send + Sync + 'static {
    /// Neighbours along the depth that one instruction multiplies and adds.
    const GROUP: usize;
    /// Whether they are integers, so that numbers must be scaled to become elements.
    const IS_INTEGER: bool = false;

    /// The nearest number of this kind.
    fn of(value: f32) -> Self;

    /// What inputs that reach so far are multiplied by.
    fn input_scale(_: Reach) -> f32 {
        1.0
    }

    /// What the weights of one output are multiplied by, which reach so far, if inputs that reach so far are by theirs.
    fn weight_scale(_weights: Reach, _inputs: Reach) -> f32 {
        1.0
    }
}

impl Element for f32 {
    const GROUP: usize = 1;

    #[inline(always)]
    fn of(value: f32) -> Self {
        value
    }
}

/// The upper half of an f32: its range with 8 bits of precision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Bf16(u16);

impl Element for Bf16 {
    const GROUP: usize = 2;

    /// To nearest, ties to even. Finite values only: weights are checked, and so are vectors.
    #[inline(always)]
    fn of(value: f32) -> Self {
        let bits = value.to_bits();
        let half = 0x7fff + ((bits >> 16) & 1);
        Self((bits.wrapping_add(half) >> 16) as u16)
    }
}

/// A 16-bit integer. Sums of their products are 32-bit integers, and scales are such that no sum can be larger,
/// whatever the text: by the inequality of Cauchy and Schwarz a sum is at most the length of the inputs times that of the
/// weights, and what comes out of a layer norm has a known length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Int16(i16);

impl Int16 {
    /// Longest row of inputs. Those that come from a layer norm are shorter; of the others, which can be far longer than
    /// they usually are, it leaves as many bits that count as of their weights.
    const LONGEST_INPUTS: f64 = 262_144.0;
    /// Largest sum, less what rounding may add.
    const LARGEST_SUM: f64 = 0.98 * 2_147_483_648.0;

    /// What numbers that reach so far are multiplied by.
    fn scale(numbers: Reach, longest: f64) -> f32 {
        let scale = f64::from(i16::MAX) / f64::from(numbers.largest);
        let scale = scale.min(longest / f64::from(numbers.longest)) as f32;
        // Numbers that are all zero are so by any scale.
        if scale.is_normal() { scale } else { 1.0 }
    }
}

impl Element for Int16 {
    const GROUP: usize = 2;
    const IS_INTEGER: bool = true;

    #[inline(always)]
    fn of(value: f32) -> Self {
        /// Adding it leaves the nearest whole number in the lowest bits; to round without it is a call where the
        /// compiler may not count on SSE4.1.
        const SHIFT: f32 = 12_582_912.0;
        let value = value.clamp(f32::from(i16::MIN), f32::from(i16::MAX));
        Self((value + SHIFT).to_bits() as i16)
    }

    fn input_scale(inputs: Reach) -> f32 {
        Self::scale(inputs, Self::LONGEST_INPUTS)
    }

    fn weight_scale(weights: Reach, inputs: Reach) -> f32 {
        let longest = f64::from(inputs.longest) * f64::from(Self::input_scale(inputs));
        Self::scale(weights, Self::LARGEST_SUM / longest)
    }
}

#[cfg(test)]
impl Bf16 {
    pub(crate) fn value(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: f32, expect: f32) {
        assert_eq!(Bf16::of(value).value(), expect, "{value}");
    }

    #[test]
    fn integers_are_the_nearest_and_even_on_ties() {
        for (value, expect) in [
            (0.0, 0),
            (-1.0, -1),
            (1.49, 1),
            (2.5, 2),
            (-3.5, -4),
            (32_766.6, 32_767),
            (1e9, i16::MAX),
            (-1e9, i16::MIN),
        ] {
            assert_eq!(Int16::of(value).0, expect, "{value}");
        }
    }

    #[test]
    fn numbers_that_are_all_zero_have_a_scale() {
        let (nothing, normed) = (Reach::of(&[0.0; 4]), Reach::normed(4));
        assert_eq!(Int16::input_scale(nothing), 1.0);
        assert_eq!(Int16::weight_scale(nothing, normed), 1.0);
        assert!(Int16::weight_scale(normed, nothing).is_normal());
    }

    #[test]
    fn bf16_is_the_nearest_and_even_on_ties() {
        check(0.0, 0.0);
        check(-1.0, -1.0);
        check(1.0 + 1.0 / 256.0, 1.0);
        check(1.0 + 3.0 / 256.0, 1.0 + 4.0 / 256.0);
        check(1.0 + 1.1 / 256.0, 1.0 + 2.0 / 256.0);
        check(-5.0 - 3.0 / 128.0, -5.03125);
    }
}
