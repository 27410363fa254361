//! Intervals by resampling: how far a figure would move on another draw of the same size.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// Resamples per interval.
const RESAMPLES: usize = 1_000;
/// Fixed, so that a report is repeatable to the last digit.
const SEED: u64 = 7;

/// A figure with its 95 % interval, of the bootstrap unless it is said otherwise (see [`share`](mod@crate::share)).
/// **Persisted** in `metrics.json` and in baselines.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// On all rows.
    pub value: f64,
    /// Where the interval begins: the 2.5th percentile over the resamples.
    pub low: f64,
    /// Where it ends: the 97.5th.
    pub high: f64,
}

impl Figure {
    /// Whether there were rows to make it from.
    pub fn is_defined(&self) -> bool {
        self.value.is_finite()
    }
}

/// A figure over rows `0..n` with its interval, by the percentile bootstrap.
///
/// `figure` is given row indices (with repeats) and says the figure on them; resamples on which it is undefined (NaN)
/// are left out. Two figures over the same rows see the same resamples, so their difference is a paired one.
///
/// **Source**: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, 13.3.
pub fn bootstrap(n: usize, figure: impl Fn(&[usize]) -> f64) -> Figure {
    resampled(n, figure, |rows, rng| rows.fill_with(|| rng.random_range(0..n)))
}

/// The same, drawing as many rows of each stratum as there are: for means over labels, of which a plain resample loses
/// the rare ones and with them what they cost.
///
/// **Shape**: `strata` `[rows]`, numbers from 0. **Source**: Davison & Hinkley, Bootstrap Methods and their
/// Application, 1997, 3.2.
pub fn stratified(strata: &[usize], figure: impl Fn(&[usize]) -> f64) -> Figure {
    resampled(strata.len(), figure, draw_of(strata))
}

/// The same of many figures at once, over the same resamples.
pub fn stratified_each(strata: &[usize], figures: impl Fn(&[usize]) -> Vec<f64>) -> Vec<Figure> {
    let all: Vec<usize> = (0..strata.len()).collect();
    let values = figures(&all);
    let mut drawn = vec![Vec::with_capacity(RESAMPLES); values.len()];
    let (mut rng, mut rows, mut draw) = (StdRng::seed_from_u64(SEED), all, draw_of(strata));
    for _ in 0..if rows.is_empty() { 0 } else { RESAMPLES } {
        draw(&mut rows, &mut rng);
        let again = drawn.iter_mut().zip(figures(&rows));
        again.for_each(|(drawn, figure)| drawn.push(figure));
    }
    values
        .into_iter()
        .zip(drawn)
        .map(|(value, drawn)| around(value, drawn))
        .collect()
}

/// Draws as many rows of each stratum as there are.
fn draw_of(strata: &[usize]) -> impl FnMut(&mut [usize], &mut StdRng) {
    let mut members = vec![Vec::new(); strata.iter().max().map_or(0, |last| last + 1)];
    for (row, &stratum) in strata.iter().enumerate() {
        members[stratum].push(row);
    }
    move |rows, rng| {
        for (row, &stratum) in rows.iter_mut().zip(strata) {
            *row = members[stratum][rng.random_range(0..members[stratum].len())];
        }
    }
}

fn resampled(n: usize, figure: impl Fn(&[usize]) -> f64, mut draw: impl FnMut(&mut [usize], &mut StdRng)) -> Figure {
    let all: Vec<usize> = (0..n).collect();
    let value = figure(&all);
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut rows = all;
    let drawn = (0..if n == 0 { 0 } else { RESAMPLES }).map(|_| {
        draw(&mut rows, &mut rng);
        figure(&rows)
    });
    around(value, drawn.collect())
}

/// The mean of a figure that is left to chance, and the interval that holds 95 of 100 draws of it.
pub fn by_chance(mut draw: impl FnMut(&mut StdRng) -> f64) -> Figure {
    let mut rng = StdRng::seed_from_u64(SEED);
    let drawn: Vec<f64> = (0..RESAMPLES).map(|_| draw(&mut rng)).collect();
    around(drawn.iter().sum::<f64>() / drawn.len() as f64, drawn)
}

fn around(value: f64, mut drawn: Vec<f64>) -> Figure {
    drawn.retain(|drawn| !drawn.is_nan());
    drawn.sort_by(f64::total_cmp);
    Figure {
        value,
        low: percentile(&drawn, 0.025).unwrap_or(value),
        high: percentile(&drawn, 0.975).unwrap_or(value),
    }
}

/// The mean of values with its interval.
pub fn mean(values: &[f64]) -> Figure {
    bootstrap(values.len(), |rows| {
        rows.iter().map(|&row| values[row]).sum::<f64>() / rows.len() as f64
    })
}

fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((share * last as f64).round() as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_holds_the_value_and_narrows_with_more_rows() {
        let values = |n: usize| (0..n).map(|i| f64::from(u8::from(i % 4 != 0))).collect::<Vec<_>>();
        let (few, many) = (mean(&values(40)), mean(&values(4_000)));
        assert!((few.value - 0.75).abs() < 1e-12);
        assert!(few.low < few.value && few.value < few.high);
        assert!(many.high - many.low < (few.high - few.low) / 3.0);
        assert_eq!(mean(&values(40)), few);
    }

    #[test]
    fn every_stratum_is_drawn_as_often_as_it_has_rows() {
        let strata = [0, 1, 1, 1, 2];
        let counted = |rows: &[usize]| rows.iter().filter(|row| strata[**row] == 0).count() as f64;
        let figure = stratified(&strata, counted);
        assert_eq!((figure.low, figure.value, figure.high), (1.0, 1.0, 1.0));
        let within = stratified(&strata, |rows| rows.iter().sum::<usize>() as f64);
        assert!(within.low < within.value && within.value < within.high, "{within:?}");
        assert!(!stratified(&[], |_| f64::NAN).is_defined());
    }

    #[test]
    fn no_rows_have_no_interval() {
        let none = mean(&[]);
        assert!(none.value.is_nan() && none.low.is_nan() && !none.is_defined());
    }
}
