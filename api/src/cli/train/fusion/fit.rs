//! The fit itself, language by language.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use eval::fusion::{Observed, gain_at_10};
use search::{FusionConfig, Weights};
use training::fusion::{Question, fit_ranking};

use super::{Set, wide};

/// Penalty on large weights of the ranking.
const RANKING_L2: f64 = 1e-3;
/// The language whose weights serve where no set was to learn from: its encoder was not trained on it either.
const STANDS_FOR_OTHERS: &str = "es";
/// Features of the likeness of meaning: plain, and where its best stands out.
const DENSE: [usize; 2] = [0, 3];
/// What the weights of a likeness are tried times; the first of equals
/// counts, and none drops out, because what shares no word can be told by meaning alone.
const SCALES: [f64; 4] = [1.0, 0.5, 0.25, 0.1];

/// Fits each language on the halves of its sets that are for it, every set counting alike.
pub(super) fn fit(sets: &[Set]) -> Result<FusionConfig> {
    let mut fusion = FusionConfig::default();
    let languages: BTreeSet<&str> = sets.iter().map(|set| set.language.as_str()).collect();
    for language in languages {
        let of_it = |titled: bool| -> Vec<&Set> {
            let alike = sets
                .iter()
                .filter(|set| set.language == language && set.titled == titled);
            alike.collect()
        };
        for (sets, kind) in [
            (of_it(false), &mut fusion.by_language),
            (of_it(true), &mut fusion.titled),
        ] {
            if !sets.is_empty() {
                kind.insert(language.to_owned(), ranking(&sets)?);
            }
        }
    }
    if let Some(others) = fusion.by_language.get(STANDS_FOR_OTHERS) {
        fusion.otherwise = *others;
    }
    Ok(fusion)
}

fn ranking(sets: &[&Set]) -> Result<Weights> {
    let all: Vec<Question> = sets.iter().flat_map(|set| questions(set)).collect();
    weights(&tuned(&fit_ranking(&all, RANKING_L2)?, sets))
}

/// The softmax does not see the order itself. So the likeness of meaning is scaled down to where the order is best
/// over the halves for fitting; that way what only adds noise in a language hardly counts there.
fn tuned(fitted: &[f64], sets: &[&Set]) -> Vec<f64> {
    let scaled = SCALES.map(|scale| scaled(fitted, DENSE, scale));
    let gains = scaled.each_ref().map(|weights| gain(weights, sets));
    let best = gains.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let at = gains.iter().position(|gain| *gain >= best).unwrap_or(0);
    scaled[at].clone()
}

fn scaled(weights: &[f64], [plain, margin]: [usize; 2], scale: f64) -> Vec<f64> {
    let mut weights = weights.to_vec();
    weights[plain] *= scale;
    weights[margin] *= scale;
    weights
}

/// How good an order is over the queries that are for fitting: the mean over the sets of minus the logarithm of what
/// their gain lacks, so that half the faults less counts alike on an easy set and on a hard one.
fn gain(weights: &[f64], sets: &[&Set]) -> f64 {
    let of_set = |set: &&Set| {
        let observed: Vec<&Observed> = set.observed.iter().filter(|observed| !observed.held_out).collect();
        -(1.0 - gain_at_10(&observed, weights)).max(f64::EPSILON).ln()
    };
    sets.iter().map(of_set).sum::<f64>() / sets.len() as f64
}

fn questions(set: &Set) -> Vec<Question> {
    let fitted_on: Vec<&Observed> = set.observed.iter().filter(|observed| !observed.held_out).collect();
    let weight = 1.0 / fitted_on.len().max(1) as f64;
    let question = |observed: &&Observed| Question {
        candidates: observed.candidates.iter().map(|row| wide(row)).collect(),
        relevant: observed.relevant.clone(),
        weight,
    };
    fitted_on.iter().map(question).collect()
}

fn weights(fitted: &[f64]) -> Result<Weights> {
    let narrow: Vec<f32> = fitted.iter().map(|w| *w as f32).collect();
    let array = narrow
        .try_into()
        .ok()
        .context("the fit has another number of weights")?;
    Ok(Weights::from_array(array))
}
