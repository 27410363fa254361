//! How far what comes in has moved from what a head was trained on. Pure.

/// Share taken for a label that one side never had, so that the index stays finite.
const LEAST_SHARE: f64 = 1e-3;

/// Standard normal value that is exceeded one time in twenty.
const UPPER_TWENTIETH: f64 = 1.644_853_626_951_472_2;

/// Population stability index of two label distributions: 0 where they agree; above .1 look, above .25 act.
///
/// **Shape**: both `[labels]`, counts or shares; none where either side has nothing. **Source**: Siddiqi, Credit Risk
/// Scorecards, 2006, chapter 8.
#[must_use]
pub fn population_stability_index(expected: &[f64], found: &[f64]) -> Option<f64> {
    let (expected_total, found_total): (f64, f64) = (expected.iter().sum(), found.iter().sum());
    if expected_total <= 0.0 || found_total <= 0.0 {
        return None;
    }
    let term = |(expected, found): (&f64, &f64)| {
        let expected = (expected / expected_total).max(LEAST_SHARE);
        let found = (found / found_total).max(LEAST_SHARE);
        (found - expected) * (found / expected).ln()
    };
    Some(expected.iter().zip(found).map(term).sum())
}

/// The index that draws of these sizes reach one time in twenty where nothing has moved; none where there is nothing to
/// move, or no rows.
///
/// Under no drift the index, divided by `1 / expected + 1 / found`, is chi-squared with one degree of freedom less than
/// there are labels. **Source**: Yurdakul, Statistical Properties of Population Stability Index, 2018, theorem 3.1; the
/// quantile by Wilson and Hilferty, The distribution of chi-square, 1931.
#[must_use]
pub fn index_by_chance(labels: usize, expected: usize, found: usize) -> Option<f64> {
    if labels < 2 || expected == 0 || found == 0 {
        return None;
    }
    let freedom = (labels - 1) as f64;
    let spread = 2.0 / (9.0 * freedom);
    let quantile = freedom * (1.0 - spread + UPPER_TWENTIETH * spread.sqrt()).powi(3);
    Some(quantile * (1.0 / expected as f64 + 1.0 / found as f64))
}

/// Distance of two mean vectors: 1 less their cosine, 0 where they point the same way; none where one is zero.
#[must_use]
pub fn mean_distance(one: &[f32], other: &[f32]) -> Option<f32> {
    let dot = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let lengths = (dot(one, one) * dot(other, other)).sqrt();
    (lengths > 0.0).then(|| 1.0 - dot(one, other) / lengths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_distributions_have_not_drifted_however_they_are_counted() {
        let index = population_stability_index(&[0.5, 0.3, 0.2], &[50.0, 30.0, 20.0]);
        assert!(index.is_some_and(|index| index.abs() < 1e-12));
    }

    #[test]
    fn a_label_that_vanishes_and_one_that_grows_are_drift() {
        let little = population_stability_index(&[0.5, 0.5], &[0.45, 0.55]).expect("both counted");
        let much = population_stability_index(&[0.5, 0.5], &[0.0, 1.0]).expect("both counted");
        assert!(little < 0.1 && much > 0.25 && much.is_finite(), "{little} {much}");
        assert_eq!(population_stability_index(&[0.0, 0.0], &[1.0, 1.0]), None);
    }

    #[test]
    fn few_rows_reach_a_high_index_by_chance_and_many_do_not() {
        let by_chance = |found| index_by_chance(11, 100_000, found).expect("rows");
        // The 95 % quantile of chi-squared with ten degrees of freedom is 18.307.
        assert!(
            (by_chance(1_000) - 18.307 * (1e-3 + 1e-5)).abs() < 1e-4,
            "{}",
            by_chance(1_000)
        );
        assert!(by_chance(50) > 0.25 && by_chance(1_000) < 0.1);
        assert_eq!(index_by_chance(1, 10, 10), None);
        assert_eq!(index_by_chance(3, 0, 10), None);
    }

    #[test]
    fn means_that_turn_away_are_far() {
        assert!(mean_distance(&[1.0, 0.0], &[2.0, 0.0]).is_some_and(|far| far.abs() < 1e-6));
        assert!(mean_distance(&[1.0, 0.0], &[0.0, 1.0]).is_some_and(|far| (far - 1.0).abs() < 1e-6));
        assert_eq!(mean_distance(&[0.0, 0.0], &[1.0, 0.0]), None);
    }
}
