//! Fits how probable it is that a knowledge base answers a question.
//!
//! A logistic regression over what speaks for the best passage, by language: the examples in a language count fully,
//! those in others in part, so that few examples are enough. Figures come from folds over topics.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};

use crate::folds;
use crate::logistic::{self, Logistic};
use crate::signed::fit_signed;

/// Parts of the data, each judged by a fit on the others.
const FOLDS: usize = 5;
/// Decides which topics share a fold.
const SEED: u64 = 7;
/// Penalty on large weights of features in standard deviations.
const L2: f64 = 0.004;
/// What an example in another language counts.
const FOREIGN: f64 = 0.6;
/// Examples a language needs for weights of its own.
const LANGUAGE_EXAMPLES: usize = 40;
/// What the examples of bases that lost articles count together, beside those of whole ones.
const LOSSES: f64 = 0.5;

/// Share of the questions that are the surest.
const SUREST: f64 = 0.1;

/// A question and the best passage that a base had for it.
#[derive(Debug, Clone)]
pub struct Example {
    /// What speaks for the passage.
    pub features: Vec<f64>,
    /// Whether the base answers the question.
    pub answered: bool,
    /// What the question was taken for.
    pub language: Option<String>,
    /// What stays on one side of a fold.
    pub group: usize,
    /// Whether the base had lost articles: such are learnt from, figures are by whole ones.
    pub lost: bool,
}

/// Weights by language.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Of the languages with enough examples.
    pub by_language: BTreeMap<String, Logistic>,
    /// Of every other language and of none.
    pub otherwise: Logistic,
}

/// A fitted model.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// On all examples.
    pub weights: Weights,
    /// No probability is higher.
    pub ceiling: f64,
    /// What fits on other folds say of each example. **Shape:** `[examples]`. **Units:** 0 to 1.
    pub out_of_fold: Vec<f64>,
}

impl Weights {
    /// That a question is answered, 0 to 1.
    pub fn probability(&self, language: Option<&str>, features: &[f64]) -> f64 {
        let of_language = language.and_then(|code| self.by_language.get(code));
        of_language.unwrap_or(&self.otherwise).probability(features)
    }
}

/// Fits on all examples; `speaks_for` tells of each feature whether more of it can only speak for an answer. The ceiling
/// is by questions to whole bases that the fit had not seen: beyond what they bear out a regression only goes on in a
/// straight line.
///
/// **Errors**: too few examples or groups for folds with both outcomes.
pub fn fit(examples: &[Example], speaks_for: &[bool]) -> Result<Fitted> {
    ensure!(!examples.is_empty(), "no questions to learn from");
    let folds = folds_of(examples);
    let mut judged = vec![0.0; examples.len()];
    for fold in 0..FOLDS {
        let seen: Vec<&Example> = kept(examples, &folds, |of| of != fold).collect();
        let weights = fit_weights(&seen, speaks_for)?;
        for (at, example) in examples.iter().enumerate().filter(|(at, _)| folds[*at] == fold) {
            judged[at] = weights.probability(example.language.as_deref(), &example.features);
        }
    }
    let ceiling_by = |keep: &dyn Fn(usize) -> bool| {
        let whole = examples
            .iter()
            .enumerate()
            .filter(|(at, one)| !one.lost && keep(folds[*at]));
        ceiling(whole.map(|(at, one)| (judged[at], one.answered)).collect())
    };
    let ceilings: Vec<f64> = (0..FOLDS).map(|fold| ceiling_by(&|of| of != fold)).collect();
    let out_of_fold = |(probability, fold): (&f64, &usize)| probability.min(ceilings[*fold]);
    Ok(Fitted {
        weights: fit_weights(&examples.iter().collect::<Vec<_>>(), speaks_for)?,
        ceiling: ceiling_by(&|_| true),
        out_of_fold: judged.iter().zip(&folds).map(out_of_fold).collect(),
    })
}

/// The share of the surest that are answered, by the rule of succession.
fn ceiling(mut judged: Vec<(f64, bool)>) -> f64 {
    judged.sort_by(|a, b| b.0.total_cmp(&a.0));
    let surest = (judged.len() as f64 * SUREST).ceil() as usize;
    let answered = judged.iter().take(surest).filter(|(_, answered)| *answered).count();
    (answered as f64 + 1.0) / (surest as f64 + 2.0)
}

fn folds_of(examples: &[Example]) -> Vec<usize> {
    let groups: Vec<usize> = examples.iter().map(|example| example.group).collect();
    let answered: Vec<usize> = examples.iter().map(|example| usize::from(example.answered)).collect();
    folds::assign(&groups, &answered, FOLDS, SEED)
}

fn kept<'a>(
    examples: &'a [Example],
    folds: &'a [usize],
    keep: impl Fn(usize) -> bool + 'a,
) -> impl Iterator<Item = &'a Example> {
    let with_fold = examples.iter().zip(folds);
    with_fold
        .filter(move |(_, fold)| keep(**fold))
        .map(|(example, _)| example)
}

fn fit_weights(examples: &[&Example], speaks_for: &[bool]) -> Result<Weights> {
    let weights = balanced(examples);
    let fit_for = |language: Option<&str>| {
        let weighed = |(example, weight): (&&Example, &f64)| {
            let at_home = language.is_none() || example.language.as_deref() == language;
            logistic::Example {
                features: example.features.clone(),
                yes: example.answered,
                weight: weight * if at_home { 1.0 } else { FOREIGN },
            }
        };
        let weighed: Vec<logistic::Example> = examples.iter().zip(&weights).map(weighed).collect();
        fit_signed(&weighed, speaks_for, L2)
    };
    let languages: BTreeSet<&str> = examples.iter().filter_map(|one| one.language.as_deref()).collect();
    let in_language = |code: &str| {
        let whole = examples.iter().filter(|one| !one.lost);
        whole.filter(|one| one.language.as_deref() == Some(code)).count()
    };
    let known = languages
        .into_iter()
        .filter(|code| in_language(code) >= LANGUAGE_EXAMPLES);
    Ok(Weights {
        by_language: known
            .map(|code| Ok((code.to_owned(), fit_for(Some(code))?)))
            .collect::<Result<_>>()?,
        otherwise: fit_for(None)?,
    })
}

/// What each example counts: those of bases that lost articles count together a share of the others, and as many of
/// them as answered, so that the share of answers stays that of whole bases.
fn balanced(examples: &[&Example]) -> Vec<f64> {
    let count = |lost: bool, answered: bool| {
        let alike = examples
            .iter()
            .filter(|one| one.lost == lost && one.answered == answered);
        alike.count().max(1) as f64
    };
    let weight = |one: &&Example| match one.lost {
        false => 1.0,
        true => LOSSES * count(false, one.answered) / count(true, one.answered),
    };
    examples.iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first feature tells, in Spanish half as much; the second is noise. Bases that lost articles answer less.
    fn examples() -> Vec<Example> {
        let example = |i: usize| {
            let lost = i.is_multiple_of(3);
            let answered = i.is_multiple_of(if lost { 8 } else { 2 });
            let spanish = (i / 2).is_multiple_of(2);
            let noise = |seed: usize| ((i * 7 + seed) as f64 * 12.9898).sin();
            Example {
                features: vec![
                    f64::from(answered) * if spanish { 0.5 } else { 1.0 } + 0.4 * noise(1),
                    noise(2),
                ],
                answered,
                language: Some(if spanish { "es" } else { "en" }.to_owned()),
                group: i / 5,
                lost,
            }
        };
        (0..900).map(example).collect()
    }

    #[test]
    fn probabilities_mean_what_they_say_of_whole_bases() {
        let examples = examples();
        let fitted = fit(&examples, &[true, true]).expect("fits");
        let whole = || examples.iter().zip(&fitted.out_of_fold).filter(|(one, _)| !one.lost);
        let surer = whole().filter(|(_, said)| **said >= 0.5);
        let right = surer.clone().filter(|(one, _)| one.answered).count() as f64;
        assert!(right / surer.count() as f64 > 0.75, "{right}");
        let mean = whole().map(|(_, said)| said).sum::<f64>() / whole().count() as f64;
        assert!(
            (mean - 0.5).abs() < 0.05,
            "the share of answers is that of whole bases: {mean}"
        );
    }

    #[test]
    fn languages_with_enough_examples_have_weights_of_their_own() {
        let fitted = fit(&examples(), &[true, true]).expect("fits");
        let known: Vec<&String> = fitted.weights.by_language.keys().collect();
        assert_eq!(known, ["en", "es"]);
        let mut few = examples();
        few.iter_mut()
            .skip(LANGUAGE_EXAMPLES)
            .for_each(|one| one.language = Some("en".to_owned()));
        let fitted = fit(&few, &[true, true]).expect("fits");
        assert!(!fitted.weights.by_language.contains_key("es"));
        let probability = |language| fitted.weights.probability(language, &[1.0, 0.0]);
        assert_eq!(probability(Some("es")), probability(None));
    }

    #[test]
    fn nothing_is_surer_than_the_data_bear_out() {
        let judged = |surest: bool| -> Vec<(f64, bool)> {
            let one = |i: usize| {
                (
                    1.0 - i as f64 / 1000.0,
                    if i < 10 { surest } else { i.is_multiple_of(2) },
                )
            };
            (0..100).map(one).collect()
        };
        assert_eq!(ceiling(judged(true)), 11.0 / 12.0);
        assert_eq!(ceiling(judged(false)), 1.0 / 12.0);
    }

    #[test]
    fn a_fit_can_be_repeated_and_needs_both_outcomes() {
        let [one, again] = [(); 2].map(|()| fit(&examples(), &[true, true]).expect("fits"));
        assert_eq!((one.weights, one.ceiling), (again.weights, again.ceiling));
        let one_sided: Vec<Example> = examples().into_iter().filter(|one| one.answered).collect();
        assert!(fit(&one_sided, &[true, true]).is_err() && fit(&[], &[true, true]).is_err());
    }
}
