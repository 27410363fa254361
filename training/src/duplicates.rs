//! Fits how probable it is that two tickets are about one matter, and from which probability on to say so.
//!
//! A logistic regression whose weights keep to the sign that makes sense: what would count the wrong way is left out,
//! the worst first, and the rest fitted again. Figures and threshold come from folds over groups of matters.

use anyhow::{Result, ensure};

use crate::logistic::{Example, Logistic};
use crate::signed::{fit_signed, threshold};

/// Parts of the data, each judged by a fit on the others.
const FOLDS: usize = 5;
/// Penalty on large weights of features in standard deviations.
const L2: f64 = 1e-5;

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
        let logistic = fit_pairs(&seen, speaks_for)?;
        let unseen = pairs
            .iter()
            .zip(&mut probabilities)
            .filter(|(pair, _)| fold_of(pair) == fold);
        unseen.for_each(|(pair, probability)| *probability = logistic.probability(&pair.features));
    }
    let judged: Vec<(&Pair, f64)> = pairs.iter().zip(probabilities).collect();
    let of = |(pair, probability): &(&Pair, f64)| (*probability, pair.same);
    let without = |fold: usize| {
        let others = judged.iter().filter(|(pair, _)| fold_of(pair) != fold);
        threshold(others.map(of), target_precision)
    };
    let thresholds: Vec<f64> = (0..FOLDS).map(without).collect();
    let out_of_fold = |(pair, probability): &(&Pair, f64)| OutOfFold {
        probability: *probability,
        flagged: *probability >= thresholds[fold_of(pair)],
    };
    Ok(Fitted {
        logistic: fit_pairs(&pairs.iter().collect::<Vec<_>>(), speaks_for)?,
        threshold: threshold(judged.iter().map(of), target_precision),
        out_of_fold: judged.iter().map(out_of_fold).collect(),
    })
}

fn fold_of(pair: &Pair) -> usize {
    pair.group % FOLDS
}

fn fit_pairs(pairs: &[&Pair], speaks_for: &[bool]) -> Result<Logistic> {
    let example = |pair: &&Pair| Example {
        features: pair.features.clone(),
        yes: pair.same,
        weight: 1.0,
    };
    fit_signed(&pairs.iter().map(example).collect::<Vec<_>>(), speaks_for, L2)
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
}
