//! Fits how probable it is that two tickets are about one matter, and from which probability on to say so.
//!
//! A logistic regression whose weights keep to the sign that makes sense: what would count the wrong way is left out,
//! the worst first, and the rest fitted again. Figures and threshold come from folds over groups of matters.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use manifest::{Kind, MANIFEST_FILE, Manifest};

use crate::fusion::{CARD_FILE, Example, Logistic, fit_probability, put, revision};

/// Parts of the data, each judged by a fit on the others.
const FOLDS: usize = 5;
/// Penalty on large weights of features in standard deviations.
const L2: f64 = 1e-5;
/// A feature that deviates no more is the same everywhere, but for rounding.
const FLAT: f64 = 1e-9;

/// Two tickets that were compared.
#[derive(Debug, Clone)]
pub struct Pair {
    /// What they share.
    pub features: Vec<f64>,
    /// Whether they are about one matter.
    pub same: bool,
    /// What stays on one side of a fold.
    pub group: usize,
}

/// What a fit on other folds says of a pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutOfFold {
    /// Of being one matter. **Units:** 0 to 1.
    pub probability: f64,
    /// Whether that reaches the threshold of the other folds.
    pub flagged: bool,
}

/// A fitted model.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// On all pairs.
    pub logistic: Logistic,
    /// From which probability on to say that two tickets are one matter.
    pub threshold: f64,
    /// **Shape:** `[pairs]`.
    pub out_of_fold: Vec<OutOfFold>,
}

/// Fits on all pairs; `speaks_for` tells of each feature whether more of it can only speak for one matter. The
/// threshold is the lowest at which the share of right flags reaches the target, over pairs the fit had not seen.
///
/// **Errors**: too few pairs or groups for folds with both outcomes.
pub fn fit(pairs: &[Pair], speaks_for: &[bool], target_precision: f64) -> Result<Fitted> {
    ensure!(!pairs.is_empty(), "no pairs to learn from");
    let mut probabilities = vec![0.0; pairs.len()];
    for fold in 0..FOLDS {
        let seen: Vec<&Pair> = pairs.iter().filter(|pair| fold_of(pair) != fold).collect();
        let logistic = fit_signed(&seen, speaks_for)?;
        let unseen = pairs
            .iter()
            .zip(&mut probabilities)
            .filter(|(pair, _)| fold_of(pair) == fold);
        unseen.for_each(|(pair, probability)| *probability = logistic.probability(&pair.features));
    }
    let judged: Vec<(&Pair, f64)> = pairs.iter().zip(probabilities).collect();
    let without = |fold: usize| {
        threshold(
            judged.iter().filter(|(pair, _)| fold_of(pair) != fold),
            target_precision,
        )
    };
    let thresholds: Vec<f64> = (0..FOLDS).map(without).collect();
    let out_of_fold = |(pair, probability): &(&Pair, f64)| OutOfFold {
        probability: *probability,
        flagged: *probability >= thresholds[fold_of(pair)],
    };
    Ok(Fitted {
        logistic: fit_signed(&pairs.iter().collect::<Vec<_>>(), speaks_for)?,
        threshold: threshold(judged.iter(), target_precision),
        out_of_fold: judged.iter().map(out_of_fold).collect(),
    })
}

fn fold_of(pair: &Pair) -> usize {
    pair.group % FOLDS
}

/// The lowest probability from which on the share of right ones reaches the target; above 1 where none does.
fn threshold<'a>(judged: impl Iterator<Item = &'a (&'a Pair, f64)>, target_precision: f64) -> f64 {
    let mut judged: Vec<(f64, bool)> = judged.map(|(pair, probability)| (*probability, pair.same)).collect();
    judged.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut right, mut all, mut lowest) = (0.0, 0.0, 1.0 + f64::EPSILON);
    for tied in judged.chunk_by(|a, b| a.0 == b.0) {
        all += tied.len() as f64;
        right += tied.iter().filter(|(_, same)| *same).count() as f64;
        if right >= target_precision * all {
            lowest = tied[0].0;
        }
    }
    lowest
}

fn fit_signed(pairs: &[&Pair], speaks_for: &[bool]) -> Result<Logistic> {
    let mut scales = signed_scales(pairs, speaks_for);
    loop {
        let fitted = fit_probability(&examples(pairs, &scales), L2)?;
        let worst = fitted
            .weights
            .iter()
            .copied()
            .enumerate()
            .min_by(|a, b| a.1.total_cmp(&b.1));
        match worst {
            Some((feature, weight)) if weight < 0.0 => scales[feature] = 0.0,
            _ => {
                let weights = fitted.weights.iter().zip(&scales).map(|(weight, scale)| weight * scale);
                return Ok(Logistic {
                    bias: fitted.bias,
                    weights: weights.collect(),
                });
            }
        }
    }
}

/// One over the standard deviation of each feature, negative for one that speaks against, 0 for one that is always
/// the same.
fn signed_scales(pairs: &[&Pair], speaks_for: &[bool]) -> Vec<f64> {
    let count = pairs.len().max(1) as f64;
    let scale = |(feature, speaks_for): (usize, &bool)| {
        let values = || pairs.iter().map(|pair| pair.features[feature]);
        let mean = values().sum::<f64>() / count;
        let deviation = (values().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
        let sign = if *speaks_for { 1.0 } else { -1.0 };
        if deviation > FLAT { sign / deviation } else { 0.0 }
    };
    speaks_for.iter().enumerate().map(scale).collect()
}

fn examples(pairs: &[&Pair], scales: &[f64]) -> Vec<Example> {
    let example = |pair: &&Pair| Example {
        features: pair.features.iter().zip(scales).map(|(x, scale)| x * scale).collect(),
        yes: pair.same,
        weight: 1.0,
    };
    pairs.iter().map(example).collect()
}

/// Writes `models/<name>/`: the manifest with these parameters, and the card.
///
/// **Errors**: `out` without a usable name or not writable.
pub fn write(parameters: &toml::Table, card: &str, out: &Path) -> Result<()> {
    let name = out.file_name().and_then(|name| name.to_str());
    let manifest = Manifest {
        name: name.context("the output folder needs a name")?.to_owned(),
        revision: revision(parameters),
        kind: Kind::Duplicates,
        files: Vec::new(),
        sources: Vec::new(),
        encoder: None,
        head: None,
        fusion: None,
        duplicates: Some(parameters.clone()),
    };
    let text = toml::to_string(&manifest).context("cannot write the manifest")?;
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    put(out, CARD_FILE, card)?;
    put(out, MANIFEST_FILE, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first feature tells, the second is noise, the third speaks against but is said to speak for.
    fn pairs() -> Vec<Pair> {
        let pair = |i: usize| {
            let same = i.is_multiple_of(4);
            let noise = |seed: usize| ((i * 7 + seed) as f64 * 12.9898).sin();
            Pair {
                features: vec![f64::from(same) + 0.6 * noise(1), noise(2), noise(3) - f64::from(same)],
                same,
                group: i / 4,
            }
        };
        (0..800).map(pair).collect()
    }

    #[test]
    fn weights_keep_their_sign_and_flags_their_precision() {
        let fitted = fit(&pairs(), &[true, true, true], 0.9).expect("fits");
        let weights = &fitted.logistic.weights;
        assert!(
            weights[0] > 1.0 && weights.iter().all(|weight| *weight >= 0.0),
            "{weights:?}"
        );
        assert_eq!(weights[2], 0.0);
        let flagged: Vec<bool> = pairs()
            .iter()
            .zip(&fitted.out_of_fold)
            .filter(|(_, said)| said.flagged)
            .map(|(pair, _)| pair.same)
            .collect();
        let right = flagged.iter().filter(|same| **same).count() as f64;
        assert!(
            flagged.len() > 50 && right / flagged.len() as f64 > 0.8,
            "{right} of {}",
            flagged.len()
        );
    }

    #[test]
    fn a_feature_that_is_the_same_everywhere_does_no_harm() {
        let with = |extra: f64| -> Vec<Pair> {
            let mut pairs = pairs();
            pairs.iter_mut().for_each(|pair| pair.features[1] = extra);
            pairs
        };
        let [none, constant] =
            [0.0, 15_f64.ln()].map(|extra| fit(&with(extra), &[true, true, false], 0.9).expect("fits"));
        assert_eq!(none.logistic, constant.logistic);
    }

    #[test]
    fn a_fit_can_be_repeated_and_needs_both_outcomes() {
        let fit_of = |pairs: &[Pair]| fit(pairs, &[true, true, false], 0.9);
        let [one, again] = [(); 2].map(|()| fit_of(&pairs()).expect("fits"));
        assert_eq!((one.logistic, one.threshold), (again.logistic, again.threshold));
        let one_sided: Vec<Pair> = pairs().into_iter().filter(|pair| pair.same).collect();
        assert!(fit_of(&one_sided).is_err() && fit_of(&[]).is_err());
    }

    #[test]
    fn where_no_threshold_is_precise_enough_nothing_is_flagged() {
        let pair = |same| Pair {
            features: vec![0.0],
            same,
            group: 0,
        };
        let (wrong, right) = (pair(false), pair(true));
        assert!(threshold([(&wrong, 0.9), (&right, 0.8)].iter(), 0.9) > 1.0);
        assert_eq!(threshold([(&right, 0.9), (&wrong, 0.8)].iter(), 0.9), 0.9);
    }
}
