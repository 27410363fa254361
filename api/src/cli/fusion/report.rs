//! What the fit is worth on the queries it did not see.

use eval::Figure;
use eval::fusion::{Answerable, Observed, Worth, worth};
use search::{FEATURES, FusionConfig};
use serde::Serialize;

use super::fit::probability;
use super::{Set, wide};

/// What the fitted weights are worth on the queries held out of a set.
#[derive(Debug, Serialize)]
pub(super) struct SetReport {
    language: String,
    fused: Worth,
    dense_alone: Worth,
    #[serde(skip_serializing_if = "Option::is_none")]
    title_alone: Option<Worth>,
    words_alone: Worth,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer_or_silence_auroc: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    precision_when_answered: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_of_possible: Option<Figure>,
}

/// The figures of one set.
pub(super) fn judge(set: &Set, fusion: &FusionConfig) -> SetReport {
    let held_out: Vec<&Observed> = set.observed.iter().filter(|observed| observed.held_out).collect();
    let alone = |feature: usize| {
        let mut one = vec![0.0; FEATURES];
        one[feature] = 1.0;
        worth(&held_out, &one)
    };
    let weights = fusion.weights(Some(&set.language), set.titled).as_array();
    let said: Vec<(f64, &Answerable)> = set
        .answerable
        .iter()
        .filter(|one| one.held_out)
        .map(|one| (probability(&fusion.answer, &set.language, one), one))
        .collect();
    let of = |possible: bool| -> Vec<f64> {
        said.iter()
            .filter(|(_, one)| one.possible == possible)
            .map(|(p, _)| *p)
            .collect()
    };
    let threshold = f64::from(fusion.answer.threshold);
    let share = |outcomes: Vec<bool>| {
        let values: Vec<f64> = outcomes.into_iter().map(|yes| f64::from(u8::from(yes))).collect();
        eval::bootstrap::mean(&values)
    };
    let answered = said
        .iter()
        .filter(|(p, _)| *p >= threshold)
        .map(|(_, one)| one.answered)
        .collect();
    let of_possible = said
        .iter()
        .filter(|(_, one)| one.possible)
        .map(|(p, _)| *p >= threshold)
        .collect();
    let has_titles = held_out.iter().flat_map(|one| &one.candidates).any(|row| row[1] != 0.0);
    let has_answers = !said.is_empty();
    SetReport {
        language: set.language.clone(),
        fused: worth(&held_out, &wide(&weights)),
        dense_alone: alone(0),
        title_alone: has_titles.then(|| alone(1)),
        words_alone: alone(2),
        answer_or_silence_auroc: has_answers.then(|| eval::scope::auroc(&of(true), &of(false))),
        precision_when_answered: has_answers.then(|| share(answered)),
        answered_of_possible: has_answers.then(|| share(of_possible)),
    }
}
