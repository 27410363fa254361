//! Whether two tickets are about the same matter: a small logistic model over what they share. Pure.

mod identifiers;
mod shared;
mod telling;
mod weights;
mod wording;

use std::iter;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ticket::Ticket;
use wording::Pool;

pub use shared::Shared;
pub use telling::Telling;
pub use weights::{FEATURES, SPEAKS_FOR, Weights};
pub use wording::Wording;

/// The model's parameters, all of them fitted (see the card of the model). **Persisted** in its manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DuplicateModel {
    /// Names the parameters; the manifest tells it beside them.
    #[serde(default, skip_serializing)]
    pub revision: String,
    /// Candidates compared.
    pub candidates: usize,
    /// Probability from which on a pair is flagged. **Units:** 0 to 1.
    pub threshold: f64,
    /// Texts holding an identifier or a figure above which it says nothing, the ticket's own among them.
    pub identifier_texts: usize,
    /// What each thing shared weighs.
    pub weights: Weights,
}

/// A ticket that may be about the same matter. **Persisted** in a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Duplicate {
    /// The other ticket.
    pub ticket_id: Uuid,
    /// Its short number.
    pub number: i64,
    /// Whether the probability reaches the threshold.
    pub flagged: bool,
    /// Of being the same matter. **Units:** 0 to 1.
    pub probability: f64,
    /// What speaks for it, in words.
    pub reasons: Vec<String>,
}

/// A ticket and what it says.
pub type Told<'a> = (&'a Ticket, &'a Wording);

impl DuplicateModel {
    /// Every candidate with its probability, most probable first. They come as the search found them, each with its
    /// cosine to the ticket.
    pub fn assess(&self, own: Told<'_>, candidates: &[(Told<'_>, f64)]) -> Vec<Duplicate> {
        self.at_least(0.0, own, candidates)
    }

    /// Those of [`DuplicateModel::assess`] that are flagged.
    pub fn flag(&self, own: Told<'_>, candidates: &[(Told<'_>, f64)]) -> Vec<Duplicate> {
        self.at_least(self.threshold, own, candidates)
    }

    fn at_least(&self, least: f64, (ticket, wording): Told<'_>, candidates: &[(Told<'_>, f64)]) -> Vec<Duplicate> {
        let tellings: Vec<(Telling<'_>, f64)> = candidates
            .iter()
            .map(|&((other, said), cosine)| (Telling::of(other, said), cosine))
            .collect();
        let shared = shared(&Telling::of(ticket, wording), &tellings, self.identifier_texts);
        let compared = candidates.iter().zip(shared);
        let mut found: Vec<Duplicate> = compared
            .map(|(((other, _), _), shared)| (other, self.probability(&shared), shared))
            .filter(|(_, probability, _)| *probability >= least)
            .map(|(other, probability, shared)| self.duplicate(other, probability, &shared))
            .collect();
        found.sort_by(|a, b| {
            b.probability
                .total_cmp(&a.probability)
                .then(a.ticket_id.cmp(&b.ticket_id))
        });
        found
    }

    /// Whether any of these candidates, or any part of them, could be flagged, going by the cosines alone: false saves
    /// reading their rows.
    pub fn could_flag(&self, (ticket, wording): Told<'_>, cosines: &[f64]) -> bool {
        let Some(cosine) = cosines.iter().copied().max_by(f64::total_cmp) else {
            return false;
        };
        let telling = Telling::of(ticket, wording);
        let has_figures = !wording.figures.is_empty();
        let trust = trust(cosines.len());
        let at_best = Shared {
            cosine,
            standout: trust * (cosine - lowest_mean(cosine, cosines)),
            lead: trust * (cosine - cosines.iter().copied().fold(cosine, f64::min)),
            subject: f64::from(wording.has_subject()),
            subject_lead: trust * f64::from(wording.has_subject()),
            words: 1.0,
            words_lead: trust,
            named: f64::from(!wording.identifiers.is_empty()),
            figures: vec![String::new(); if has_figures { shared::FIGURES_MAX } else { 0 }],
            same_requester: telling.has_requester(),
            same_account: telling.account_id.is_some(),
            ..Shared::default()
        };
        self.probability(&at_best) >= self.threshold
    }

    /// Of being the same matter. **Units:** 0 to 1.
    pub fn probability(&self, shared: &Shared) -> f64 {
        logistic(self.weights.log_odds(&shared.features()))
    }

    fn duplicate(&self, other: &Ticket, probability: f64, shared: &Shared) -> Duplicate {
        Duplicate {
            ticket_id: other.id,
            number: other.number,
            flagged: probability >= self.threshold,
            probability,
            reasons: shared.reasons(),
        }
    }
}

/// What a telling shares with each candidate, in their order, which is that of the search. The cosine of each with it is
/// given; an identifier that more than `identifier_texts` of all the texts hold is not named among what is shared.
pub fn shared(own: &Telling<'_>, candidates: &[(Telling<'_>, f64)], identifier_texts: usize) -> Vec<Shared> {
    let said = own.wording;
    let theirs = candidates.iter().map(|(other, _)| other.wording);
    let texts: Vec<&Wording> = iter::once(said).chain(theirs).collect();
    let pool = Pool::of(&texts);
    let of_each = |likeness: &dyn Fn(&Wording) -> f64| -> Vec<f64> {
        candidates.iter().map(|(other, _)| likeness(other.wording)).collect()
    };
    let cosines: Vec<f64> = candidates.iter().map(|(_, cosine)| *cosine).collect();
    let (mean, trust) = (mean(&cosines), trust(candidates.len()));
    let subjects = of_each(&|other| pool.subject_likeness(said, other));
    let words = of_each(&|other| pool.text_likeness(said, other));
    let [lead, subject_lead, words_lead] = [&cosines, &subjects, &words].map(|values| leads(values));
    let both_have_figures = |other: &Wording| !said.figures.is_empty() && !other.figures.is_empty();
    let of = |(rank, (other, cosine)): (usize, &(Telling<'_>, f64))| {
        let theirs = other.wording;
        Shared {
            rank,
            cosine: *cosine,
            standout: trust * (cosine - mean),
            lead: trust * lead[rank],
            subject: subjects[rank],
            subject_lead: trust * subject_lead[rank],
            words: words[rank],
            words_lead: trust * words_lead[rank],
            identifiers: pool.identifiers_in_both(said, theirs, identifier_texts),
            named: pool.identifier_likeness(said, theirs),
            other_identifiers: said.identifiers.are_others(&theirs.identifiers),
            conflict: said.identifiers.conflict(&theirs.identifiers),
            figures: pool.figures_in_both(said, theirs, identifier_texts),
            other_figures: both_have_figures(theirs) && said.figures.is_disjoint(&theirs.figures),
            same_requester: own.is_same_requester(other),
            same_account: own.is_same_account(other),
            days: own.days_from(other),
        }
    };
    candidates.iter().enumerate().map(of).collect()
}

/// The lowest mean of any part of the cosines that holds `kept`: candidates that were merged meanwhile drop out.
fn lowest_mean(kept: f64, cosines: &[f64]) -> f64 {
    let mut ascending = cosines.to_vec();
    ascending.sort_by(f64::total_cmp);
    let (mut sum, mut lowest) = (kept, kept);
    for (cosine, texts) in ascending.iter().zip(2_u32..) {
        sum += cosine;
        lowest = lowest.min(sum / f64::from(texts));
    }
    lowest
}

/// How much it counts to be above the others: among few, as a new desk has, nobody knows what is usual.
fn trust(candidates: usize) -> f64 {
    const USUAL_FROM: f64 = 5.0;
    let candidates = candidates as f64;
    candidates / (candidates + USUAL_FROM)
}

/// How far each is above others: above the second highest of them, because a matter may have been told once more already,
/// or above the one there is. One by itself is above none.
fn leads(values: &[f64]) -> Vec<f64> {
    const OVER: usize = 1;
    let lead = |at: usize| {
        let mut others = [&values[..at], &values[at + 1..]].concat();
        others.sort_by(|a, b| b.total_cmp(a));
        let over = others.get(OVER).or(others.last());
        over.map_or(0.0, |over| values[at] - over)
    };
    (0..values.len()).map(lead).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

#[cfg(test)]
mod tests;
