//! How far numbers can reach, known before there are any.

/// Of rows of numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    /// No number is farther from zero.
    pub(crate) largest: f32,
    /// No row is longer, by the root of the sum of its squares.
    pub(crate) longest: f32,
}

impl Reach {
    /// Of one row, and of any whose numbers are no farther from zero.
    pub(crate) fn of(row: &[f32]) -> Self {
        let squares: f64 = row.iter().map(|value| f64::from(*value).powi(2)).sum();
        Self {
            largest: row.iter().fold(0.0, |largest, value| largest.max(value.abs())),
            longest: squares.sqrt() as f32,
        }
    }

    /// Of rows of either kind.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            largest: self.largest.max(other.largest),
            longest: self.longest.max(other.longest),
        }
    }

    /// Of rows of mean 0 and deviation 1.
    pub(crate) fn normed(size: usize) -> Self {
        let longest = (size as f32).sqrt();
        Self {
            largest: longest,
            longest,
        }
    }
}
