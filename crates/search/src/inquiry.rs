//! A query on its way through a backend: what is asked of it, and what becomes of the answers.
//!
//! Nothing here waits, so Edge goes the whole way in one visit to a thread that may block, a server in three calls.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::candidates::{Candidate, Found, Lookup, Pool};
use crate::exact::{Exact, Trace, holders};
use crate::fusion::{Standards, fuse};
use crate::search::Core;
use crate::{CollectionSpec, Hit, Payload, Query};

/// The first step: each kind of likeness is asked for its best, each exact part of the query for its holders.
pub(crate) struct Inquiry<'a> {
    core: &'a Core,
    query: &'a Query,
    kinds: Vec<Lookup>,
    exact: Vec<Exact>,
}

/// The second step: each kind is asked for what only the others found, each phrase for who holds all its forms.
pub(crate) struct Completion<'a> {
    inquiry: Inquiry<'a>,
    pool: Pool,
    standards: Standards,
    lookups: Vec<Lookup>,
    /// How many of the lookups, at their end, are of each phrase.
    of_phrases: Vec<usize>,
}

/// The last step: the best candidates in order, whose payloads are asked for.
pub(crate) struct Ranking {
    best: Vec<Candidate>,
    /// How many of the best carry their payload.
    shown: usize,
}

impl<'a> Inquiry<'a> {
    pub(crate) fn new(core: &'a Core, spec: &CollectionSpec, query: &'a Query) -> Self {
        Self {
            core,
            query,
            kinds: core.lookups(spec, query),
            exact: core.exact_parts(query),
        }
    }

    pub(crate) fn lookups(&self) -> Vec<Lookup> {
        let of_exact = self.exact.iter().map(Exact::lookup);
        self.kinds.iter().chain(of_exact).cloned().collect()
    }

    /// Takes in what was found, in the order of the lookups.
    pub(crate) fn found(self, found: Vec<Found>) -> Completion<'a> {
        let mut found = found.into_iter();
        let mut pool = Pool::default();
        let of_kinds = self.kinds.iter().zip(found.by_ref());
        of_kinds.for_each(|(lookup, found)| pool.add(lookup, found));
        let standards = pool.standards();
        let phrases = follow(&self.exact, found, &mut pool);
        let everybody = pool.ids();
        let checks = phrases
            .iter()
            .map(|(phrase, ids)| phrase.checks(ids.as_ref().unwrap_or(&everybody)));
        let checks: Vec<Vec<Lookup>> = checks.collect();
        let of_phrases = checks.iter().map(Vec::len).collect();
        let mut lookups = pool.missing(&self.kinds);
        lookups.extend(checks.into_iter().flatten());
        Completion {
            inquiry: self,
            pool,
            standards,
            lookups,
            of_phrases,
        }
    }
}

/// Takes in what each exact part found. What is left are phrases, with those who may hold them; none where that may be
/// any candidate.
fn follow<'e>(
    exact: &'e [Exact],
    found: impl Iterator<Item = Found>,
    pool: &mut Pool,
) -> Vec<(&'e Exact, Option<HashSet<Uuid>>)> {
    let mut phrases = Vec::new();
    for (part, found) in exact.iter().zip(found) {
        match part.trace(found) {
            Trace::Held(holders) => pool.add_holders(holders),
            Trace::Common => {}
            Trace::Suspected { ids, all } => {
                pool.add_candidates(&ids);
                phrases.push((part, all.then_some(ids)));
            }
        }
    }
    phrases
}

impl Completion<'_> {
    pub(crate) fn lookups(&self) -> &[Lookup] {
        &self.lookups
    }

    /// Takes in what was found, in the order of the lookups.
    pub(crate) fn found(mut self, mut found: Vec<Found>) -> Ranking {
        let checks: usize = self.of_phrases.iter().sum();
        let mut checked = found.split_off(found.len().saturating_sub(checks)).into_iter();
        for count in self.of_phrases {
            self.pool.add_holders(holders(checked.by_ref().take(count).collect()));
        }
        let of_kinds = self.lookups.iter().zip(found);
        of_kinds.for_each(|(lookup, found)| self.pool.add(lookup, found));
        let Inquiry { core, query, .. } = self.inquiry;
        let mut best = self.pool.into_candidates(query.vector.is_some(), query.text.is_some());
        fuse(&mut best, &self.standards, core.weights(query), core.exact_weight());
        best.truncate(query.limit);
        Ranking {
            shown: query.payloads.unwrap_or(best.len()).min(best.len()),
            best,
        }
    }
}

impl Ranking {
    /// Whose payloads are asked for.
    pub(crate) fn ids(&self) -> Vec<Uuid> {
        self.best[..self.shown].iter().map(|candidate| candidate.id).collect()
    }

    /// The hits; a candidate without a payload was deleted meanwhile.
    pub(crate) fn hits(self, mut payloads: HashMap<Uuid, Payload>) -> Vec<Hit> {
        let shown = self.shown;
        let hit = |(at, candidate): (usize, Candidate)| {
            let payload = match payloads.remove(&candidate.id) {
                None if at < shown => return None,
                payload => payload.unwrap_or_default(),
            };
            Some(Hit {
                id: candidate.id,
                dense: candidate.dense,
                title: candidate.title,
                sparse: candidate.sparse,
                exact: candidate.exact,
                features: candidate.features,
                score: candidate.score,
                payload,
            })
        };
        self.best.into_iter().enumerate().filter_map(hit).collect()
    }
}
