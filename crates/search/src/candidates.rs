//! The candidates of a query: found by one kind of likeness, scored by all.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::Filter;
use crate::fusion::{FEATURES, Standard, Standards};
use crate::words::SparseWords;

/// One question to a collection.
#[derive(Clone, Debug)]
pub(crate) struct Lookup {
    pub by: By,
    pub filter: Filter,
    /// Left out of what is found: a filter that most points pass costs more than a few points too many.
    pub exclude: Vec<Uuid>,
    /// Where given, these points only.
    pub only: Option<Vec<Uuid>>,
    pub limit: usize,
}

impl Lookup {
    /// How many points to ask for, so that `limit` are left when some are left out.
    pub(crate) fn limit_with_excluded(&self) -> usize {
        self.limit + self.exclude.len()
    }

    /// What is left of what was found.
    pub(crate) fn without_excluded(&self, mut found: Found) -> Found {
        found.retain(|(id, _)| !self.exclude.contains(id));
        found.truncate(self.limit);
        found
    }
}

/// Name of the dense vector, in either backend. **Persisted**.
pub(crate) const DENSE: &str = "dense";
/// Name of the dense vector of the title. **Persisted**.
pub(crate) const TITLE: &str = "title";
/// Name of the sparse vector. **Persisted**.
pub(crate) const SPARSE: &str = "sparse";

/// By which vector, and what with.
#[derive(Clone, Debug)]
pub(crate) enum By {
    Dense(Vec<f32>),
    Title(Vec<f32>),
    Sparse(SparseWords),
}

/// Points with their scores, best first.
pub(crate) type Found = Vec<(Uuid, f32)>;

/// A point on its way to being a hit.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Candidate {
    pub id: Uuid,
    pub dense: Option<f32>,
    pub title: Option<f32>,
    pub sparse: Option<f32>,
    /// Share of the query's exact parts, of those that few hold, that it holds.
    pub exact: f32,
    pub features: [f32; FEATURES],
    pub score: f32,
}

/// What has been found so far, by id.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    dense: HashMap<Uuid, f32>,
    title: HashMap<Uuid, f32>,
    sparse: HashMap<Uuid, f32>,
    /// Who holds each exact part of the query that few hold.
    exact: Vec<HashSet<Uuid>>,
    /// Who may hold one.
    suspected: HashSet<Uuid>,
}

impl Pool {
    /// Takes in what one lookup found.
    pub(crate) fn add(&mut self, lookup: &Lookup, found: Found) {
        self.scores_of_mut(&lookup.by).extend(lookup.without_excluded(found));
    }

    /// Takes in who holds one exact part of the query. They are candidates.
    pub(crate) fn add_holders(&mut self, holders: HashSet<Uuid>) {
        self.exact.push(holders);
    }

    /// Takes in who may hold one, to be scored like the others.
    pub(crate) fn add_candidates(&mut self, ids: &HashSet<Uuid>) {
        self.suspected.extend(ids);
    }

    /// Everybody who was found so far.
    pub(crate) fn ids(&self) -> HashSet<Uuid> {
        let kinds = [&self.dense, &self.title, &self.sparse];
        let found = kinds.into_iter().flat_map(HashMap::keys);
        let exact = self.exact.iter().flatten();
        found.chain(exact).chain(&self.suspected).copied().collect()
    }

    fn scores_of(&self, by: &By) -> &HashMap<Uuid, f32> {
        match by {
            By::Dense(_) => &self.dense,
            By::Title(_) => &self.title,
            By::Sparse(_) => &self.sparse,
        }
    }

    fn scores_of_mut(&mut self, by: &By) -> &mut HashMap<Uuid, f32> {
        match by {
            By::Dense(_) => &mut self.dense,
            By::Title(_) => &mut self.title,
            By::Sparse(_) => &mut self.sparse,
        }
    }

    /// The standard of each kind after it was asked for its best. Where fewer points share a word with the query than
    /// there are points to compare, the others count with 0.
    pub(crate) fn standards(&self) -> Standards {
        let mut sparse = best_first(&self.sparse);
        sparse.resize(sparse.len().max(self.dense.len()), 0.0);
        Standards {
            dense: Standard::of(&best_first(&self.dense)),
            title: (!self.title.is_empty()).then(|| Standard::of(&best_first(&self.title))),
            sparse: Standard::of(&sparse),
        }
    }

    /// The lookups that give each candidate the scores of the kinds that did not find it. Words and titles that gave
    /// fewer than they were asked for have no more to give.
    pub(crate) fn missing(&self, asked: &[Lookup]) -> Vec<Lookup> {
        let all = self.ids();
        asked
            .iter()
            .filter_map(|lookup| self.missing_for(lookup, &all))
            .collect()
    }

    fn missing_for(&self, lookup: &Lookup, all: &HashSet<Uuid>) -> Option<Lookup> {
        let have = self.scores_of(&lookup.by);
        let gave_all = !matches!(lookup.by, By::Dense(_)) && have.len() < lookup.limit;
        if gave_all {
            return None;
        }
        let only: Vec<Uuid> = all.iter().filter(|id| !have.contains_key(id)).copied().collect();
        (!only.is_empty()).then(|| Lookup {
            by: lookup.by.clone(),
            filter: Filter::default(),
            exclude: Vec::new(),
            limit: only.len(),
            only: Some(only),
        })
    }

    /// The candidates with every score that was asked for. A point that shares no word with the query's text has the
    /// sparse score 0; one that lost its vector between two lookups was deleted meanwhile and is left out.
    pub(crate) fn into_candidates(self, has_vector: bool, has_text: bool) -> Vec<Candidate> {
        let found_by = if has_vector { &self.dense } else { &self.sparse };
        found_by
            .keys()
            .map(|id| Candidate {
                id: *id,
                dense: self.dense.get(id).copied(),
                title: self.title.get(id).copied(),
                sparse: has_text.then(|| self.sparse.get(id).copied().unwrap_or(0.0)),
                exact: self.exact_share(id),
                ..Candidate::default()
            })
            .collect()
    }

    fn exact_share(&self, id: &Uuid) -> f32 {
        let held = self.exact.iter().filter(|holders| holders.contains(id)).count();
        held as f32 / self.exact.len().max(1) as f32
    }
}

fn best_first(scores: &HashMap<Uuid, f32>) -> Vec<f32> {
    let mut scores: Vec<f32> = scores.values().copied().collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    scores
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(by: By, limit: usize) -> Lookup {
        Lookup {
            by,
            filter: Filter::default(),
            exclude: Vec::new(),
            only: None,
            limit,
        }
    }

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    #[test]
    fn only_the_unscored_are_asked_for_again() {
        let asked = [
            lookup(By::Dense(vec![1.0]), 2),
            lookup(By::Sparse(SparseWords::default()), 2),
        ];
        let mut pool = Pool::default();
        pool.add(&asked[0], vec![(id(1), 0.9), (id(2), 0.8)]);
        pool.add(&asked[1], vec![(id(2), 7.0), (id(3), 5.0)]);
        let missing = pool.missing(&asked);
        assert_eq!(missing[0].only, Some(vec![id(3)]));
        assert_eq!(missing[1].only, Some(vec![id(1)]));
    }

    #[test]
    fn a_kind_that_gave_all_it_had_is_not_asked_again() {
        let asked = [lookup(By::Sparse(SparseWords::default()), 5)];
        let mut pool = Pool::default();
        pool.add(&lookup(By::Dense(vec![1.0]), 9), vec![(id(1), 0.9)]);
        pool.add(&asked[0], vec![(id(2), 7.0)]);
        assert!(pool.missing(&asked).is_empty());
    }

    #[test]
    fn equal_points_stand_in_for_each_other() {
        let order = |ids: [u128; 2]| {
            let mut pool = Pool::default();
            pool.add(
                &lookup(By::Dense(vec![1.0]), 9),
                vec![(id(1), 0.9), (id(2), 0.8), (id(3), 0.7)],
            );
            pool.add(
                &lookup(By::Sparse(SparseWords::default()), 9),
                ids.map(|n| (id(n), 4.0)).to_vec(),
            );
            format!("{:?}", pool.standards())
        };
        assert_eq!(order([2, 4]), order([5, 6]));
    }

    #[test]
    fn no_shared_word_is_a_sparse_score_of_zero() {
        let mut pool = Pool::default();
        pool.add(&lookup(By::Dense(vec![1.0]), 9), vec![(id(1), 0.9)]);
        assert_eq!(pool.into_candidates(true, true)[0].sparse, Some(0.0));
    }

    #[test]
    fn a_candidate_counts_by_its_share_of_the_exact_parts() {
        let mut pool = Pool::default();
        pool.add(&lookup(By::Dense(vec![1.0]), 9), vec![(id(1), 0.9), (id(2), 0.8)]);
        pool.add_holders([id(2)].into());
        pool.add_holders([id(1), id(2)].into());
        let mut candidates = pool.into_candidates(true, false);
        candidates.sort_by_key(|candidate| candidate.id);
        assert_eq!((candidates[0].exact, candidates[1].exact), (0.5, 1.0));
    }

    #[test]
    fn whoever_may_hold_a_phrase_is_scored_like_the_others() {
        let asked = [lookup(By::Dense(vec![1.0]), 1)];
        let mut pool = Pool::default();
        pool.add(&asked[0], vec![(id(1), 0.9)]);
        pool.add_candidates(&[id(2)].into());
        assert_eq!(pool.missing(&asked)[0].only, Some(vec![id(2)]));
    }
}
