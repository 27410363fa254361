//! Whether confidence means what it says: reliability, calibration error, Brier score.

use rand::RngExt;

use crate::bootstrap::{Figure, bootstrap, by_chance, mean};
use crate::prediction::Prediction;

/// Bins of the reliability diagram.
pub const BINS: usize = 15;

/// One bin of the reliability diagram.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bin {
    /// Mean confidence of its rows.
    pub confidence: f64,
    /// Share of its rows that are right.
    pub accuracy: f64,
    /// Rows in it.
    pub rows: usize,
}

/// Rows by confidence, in [`BINS`] bins of equal width.
pub fn reliability(predictions: &[Prediction]) -> Vec<Bin> {
    bins(predictions.iter())
}

fn bins<'a>(rows: impl Iterator<Item = &'a Prediction>) -> Vec<Bin> {
    bins_of(rows.map(|prediction| (prediction.confidence, prediction.is_right())))
}

/// Of confidences and whether each was right.
fn bins_of(rows: impl Iterator<Item = (f32, bool)>) -> Vec<Bin> {
    let mut bins = vec![Bin::default(); BINS];
    for (confidence, is_right) in rows {
        let bin = &mut bins[((confidence * BINS as f32) as usize).min(BINS - 1)];
        bin.confidence += f64::from(confidence);
        bin.accuracy += f64::from(u8::from(is_right));
        bin.rows += 1;
    }
    for bin in bins.iter_mut().filter(|bin| bin.rows > 0) {
        bin.confidence /= bin.rows as f64;
        bin.accuracy /= bin.rows as f64;
    }
    bins
}

/// Expected calibration error: mean distance of confidence from accuracy, by bins weighted with their rows.
///
/// Resampling adds noise to every bin, which the absolute value turns into error, so the percentile interval of this
/// figure leans upwards; the basic (reflected) interval takes that out.
///
/// **Source**: Guo et al., On Calibration of Modern Neural Networks, 2017, section 2; Davison & Hinkley, Bootstrap
/// Methods and their Application, 1997, 5.2 (the basic interval).
pub fn ece(predictions: &[Prediction]) -> Figure {
    let percentile = bootstrap(predictions.len(), |rows| {
        gap(&bins(rows.iter().map(|&row| &predictions[row])), rows.len())
    });
    reflected(percentile)
}

/// The calibration error of confidences that mean what they say: every row is right by chance, as often as its confidence
/// has it. The fewer the rows, the more of [`ece`] is this.
///
/// **Source**: Bröcker & Smith, Increasing the Reliability of Reliability Diagrams, 2007, section 3 (consistency
/// resampling, here without drawing the rows anew).
pub fn ece_by_chance(predictions: &[Prediction]) -> Figure {
    by_chance(|rng| {
        let drawn = predictions
            .iter()
            .map(|prediction| (prediction.confidence, rng.random::<f32>() < prediction.confidence));
        gap(&bins_of(drawn), predictions.len())
    })
}

fn gap(bins: &[Bin], rows: usize) -> f64 {
    let gap = |bin: &Bin| (bin.confidence - bin.accuracy).abs() * bin.rows as f64;
    bins.iter().map(gap).sum::<f64>() / rows as f64
}

fn reflected(figure: Figure) -> Figure {
    Figure {
        value: figure.value,
        low: (2.0 * figure.value - figure.high).max(0.0).min(figure.value),
        high: (2.0 * figure.value - figure.low).max(figure.value),
    }
}

/// Mean Brier score over all labels.
///
/// **Source**: Brier, Verification of forecasts expressed in terms of probability, 1950. **Units:** 0 to 2.
pub fn brier(predictions: &[Prediction]) -> Figure {
    mean(&predictions.iter().map(|p| f64::from(p.brier)).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(right: bool, confidence: f32) -> Prediction {
        Prediction {
            label: "a".to_owned(),
            predicted: if right { "a" } else { "b" }.to_owned(),
            confidence,
            ..Prediction::default()
        }
    }

    #[test]
    fn calibration_error_is_the_gap_of_the_bins() {
        // Both in one bin: confidence 0.8, accuracy 0.5.
        let rows = [said(true, 0.8), said(false, 0.8)];
        assert!((ece(&rows).value - 0.3).abs() < 1e-6);
        assert_eq!(reliability(&rows).iter().map(|bin| bin.rows).sum::<usize>(), 2);
        // Two bins: gaps 0.1 and 0.4, one row each.
        let rows = [said(true, 0.9), said(false, 0.4)];
        assert!((ece(&rows).value - 0.25).abs() < 1e-6);
    }

    #[test]
    fn the_interval_of_the_error_holds_it() {
        let rows: Vec<Prediction> = (0..400).map(|row| said(row % 4 != 0, 0.75)).collect();
        let ece = ece(&rows);
        assert!(
            ece.low <= ece.value && ece.value <= ece.high && ece.high < 0.1,
            "{ece:?}"
        );
    }

    /// In one bin of n rows the gap is that of a share: a normal error of mean √(2p(1-p)/πn).
    #[test]
    fn few_rows_err_by_chance() {
        let rows = |n: usize| (0..n).map(|row| said(row % 4 != 0, 0.75)).collect::<Vec<_>>();
        for n in [100, 10_000] {
            let expected = (2.0 * 0.75 * 0.25 / (std::f64::consts::PI * n as f64)).sqrt();
            let chance = ece_by_chance(&rows(n));
            assert!((chance.value / expected - 1.0).abs() < 0.1, "{chance:?} {expected}");
            assert!(chance.low < chance.value && chance.value < chance.high);
        }
        let always_right: Vec<Prediction> = (0..400).map(|_| said(true, 0.75)).collect();
        assert!(ece(&always_right).value > ece_by_chance(&always_right).high);
    }

    #[test]
    fn certainty_falls_in_the_last_bin() {
        assert_eq!(reliability(&[said(true, 1.0)])[BINS - 1].rows, 1);
    }
}
