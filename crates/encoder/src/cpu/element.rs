//! What matrices are made of.

/// A number a kernel multiplies; sums are always f32.
pub(crate) trait Element: Copy + Default + PartialEq + Send + Sync + 'static {
    /// Neighbours along the depth that one instruction multiplies and adds.
    const GROUP: usize;

    /// The nearest number of this kind.
    fn of(value: f32) -> Self;
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
    fn bf16_is_the_nearest_and_even_on_ties() {
        check(0.0, 0.0);
        check(-1.0, -1.0);
        check(1.0 + 1.0 / 256.0, 1.0);
        check(1.0 + 3.0 / 256.0, 1.0 + 4.0 / 256.0);
        check(1.0 + 1.1 / 256.0, 1.0 + 2.0 / 256.0);
        check(-5.0 - 3.0 / 128.0, -5.03125);
    }
}
