//! Shares of rows with their 95 % intervals: the bootstrap's, and where all rows are alike, that of the score.
//!
//! A resample of rows that are all right is all right, so the bootstrap of two such rows and of two thousand is the same
//! point; the score interval says what so many rows leave open.

use crate::bootstrap::{Figure, bootstrap, mean};

/// Standard normal quantile of a two-sided 95 % interval.
const Z: f64 = 1.959_963_984_540_054;

/// The share of rows of which something holds.
pub fn share(holds: impl Iterator<Item = bool>) -> Figure {
    mean_share(&holds.map(|holds| f64::from(u8::from(holds))).collect::<Vec<_>>())
}

/// The mean of shares, one a row. **Units:** 0 to 1.
pub fn mean_share(shares: &[f64]) -> Figure {
    unless_all_alike(mean(shares), shares.len())
}

/// The ratio of two sums over groups, resampling whole groups. **Shape**: parts and wholes `[groups]`, no part larger than
/// its whole.
pub fn ratio(groups: &[(f64, f64)]) -> Figure {
    let resampled = bootstrap(groups.len(), |rows| {
        let sum = |of: fn(&(f64, f64)) -> f64| rows.iter().map(|&row| of(&groups[row])).sum::<f64>();
        sum(|group| group.0) / sum(|group| group.1)
    });
    // What a group says more than once it may say for one reason: it counts as one row.
    unless_all_alike(resampled, groups.iter().filter(|group| group.1 > 0.0).count())
}

/// The score interval where the figure is that of rows which are all right or all wrong.
fn unless_all_alike(figure: Figure, rows: usize) -> Figure {
    if figure.value == 0.0 {
        or_score(figure, 0, rows)
    } else if figure.value == 1.0 {
        or_score(figure, rows, rows)
    } else {
        figure
    }
}

/// The score interval of so many of so many rows in place of one that is a point.
pub(crate) fn or_score(figure: Figure, of: usize, rows: usize) -> Figure {
    match wilson(of as u64, rows as u64) {
        Some(score) if figure.low >= figure.high => Figure {
            value: figure.value,
            ..score
        },
        _ => figure,
    }
}

/// A share with its 95 % score interval; none of nothing.
///
/// **Source**: Wilson, Probable inference, the law of succession, and statistical inference, 1927.
pub fn wilson(of: u64, rows: u64) -> Option<Figure> {
    if rows == 0 {
        return None;
    }
    let (n, value) = (rows as f64, of as f64 / rows as f64);
    let spread = Z * Z / n;
    let middle = (value + spread / 2.0) / (1.0 + spread);
    let reach = Z * (value * (1.0 - value) / n + spread / (4.0 * n)).sqrt() / (1.0 + spread);
    // At the ends the bound is the value itself, but for the last binary digit.
    Some(Figure {
        value,
        low: (middle - reach).clamp(0.0, value),
        high: (middle + reach).clamp(value, 1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_their_textbook_intervals() {
        let found = wilson(8, 10).expect("rows");
        assert!(
            (found.low - 0.490).abs() < 1e-3 && (found.high - 0.943).abs() < 1e-3,
            "{found:?}"
        );
        assert_eq!(wilson(0, 0), None);
        assert!(wilson(0, 5).is_some_and(|none| none.low == 0.0 && none.high > 0.0));
    }

    /// A share of 0.75 over 400 rows has a standard error of 0.0217; 1.96 of them either side.
    #[test]
    fn the_interval_is_as_wide_as_theory_says() {
        let figure = share((0..400).map(|i| i % 4 != 0));
        assert!(
            (figure.high - figure.low - 2.0 * 1.96 * 0.021_65).abs() < 0.012,
            "{figure:?}"
        );
    }

    #[test]
    fn rows_that_are_all_alike_say_the_more_the_more_there_are() {
        let all = |rows: usize| share(std::iter::repeat_n(true, rows));
        let (two, many) = (all(2), all(2_000));
        assert_eq!((two.value, two.high), (1.0, 1.0));
        assert!((two.low - 0.342).abs() < 1e-3, "{two:?}");
        assert!(many.low > 0.99, "{many:?}");
        let none = share(std::iter::repeat_n(false, 3));
        assert!(none.value == 0.0 && none.low == 0.0 && none.high > 0.5, "{none:?}");
        assert!(!share(std::iter::empty()).is_defined());
    }

    #[test]
    fn of_groups_that_are_all_right_only_those_count_that_say_something() {
        let right = ratio(&[(2.0, 2.0), (9.0, 9.0), (0.0, 0.0)]);
        let two = wilson(2, 2).expect("rows");
        assert_eq!((right.value, right.low), (1.0, two.low));
        let mixed = ratio(&[(1.0, 2.0), (2.0, 2.0), (0.0, 1.0)]);
        assert!(
            (mixed.value - 0.6).abs() < 1e-12 && mixed.low < mixed.value,
            "{mixed:?}"
        );
        assert!(!ratio(&[(0.0, 0.0)]).is_defined());
    }
}
