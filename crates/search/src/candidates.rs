//! The candidates of a query: found by one half, scored by both.

use std::collections::HashMap;

use uuid::Uuid;

use crate::Filter;
use crate::fusion::{Standard, Standards};
use crate::words::SparseWords;

/// One question to one half of a collection.
#[derive(Clone, Debug)]
pub(crate) struct Lookup {
    pub by: By,
    pub filter: Filter,
    pub exclude: Vec<Uuid>,
    /// Where given, these points only.
    pub only: Option<Vec<Uuid>>,
    pub limit: usize,
}

/// Which half, and what with.
#[derive(Clone, Debug)]
pub(crate) enum By {
    Dense(Vec<f32>),
    Sparse(SparseWords),
}

/// Points with their scores, best first.
pub(crate) type Found = Vec<(Uuid, f32)>;

/// A point on its way to being a hit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Candidate {
    pub id: Uuid,
    pub dense: Option<f32>,
    pub sparse: Option<f32>,
    pub score: f32,
}

/// What has been found so far, by id.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    dense: HashMap<Uuid, f32>,
    sparse: HashMap<Uuid, f32>,
}

impl Pool {
    /// Takes in what one lookup found.
    pub(crate) fn add(&mut self, by: &By, found: Found) {
        match by {
            By::Dense(_) => self.dense.extend(found),
            By::Sparse(_) => self.sparse.extend(found),
        }
    }

    /// The standard of each half after it was asked for its best. Where fewer points share a word with the query than
    /// there are points to compare, the others count with 0.
    pub(crate) fn standards(&self) -> Standards {
        let best_first = |half: &HashMap<Uuid, f32>| {
            let mut scores: Vec<f32> = half.values().copied().collect();
            scores.sort_by(|a, b| b.total_cmp(a));
            scores
        };
        let mut sparse = best_first(&self.sparse);
        sparse.resize(sparse.len().max(self.dense.len()), 0.0);
        Standards {
            dense: Standard::of(&best_first(&self.dense)),
            sparse: Standard::of(&sparse),
        }
    }

    /// The lookups that give each candidate the score of the half that did not find it.
    pub(crate) fn missing(&self, asked: &[Lookup]) -> Vec<Lookup> {
        asked.iter().filter_map(|lookup| self.missing_for(lookup)).collect()
    }

    fn missing_for(&self, lookup: &Lookup) -> Option<Lookup> {
        let (have, others) = match lookup.by {
            By::Dense(_) => (&self.dense, &self.sparse),
            By::Sparse(_) => (&self.sparse, &self.dense),
        };
        let gave_all = matches!(lookup.by, By::Sparse(_)) && have.len() < lookup.limit;
        if gave_all {
            return None;
        }
        let only: Vec<Uuid> = others.keys().filter(|id| !have.contains_key(id)).copied().collect();
        (!only.is_empty()).then(|| Lookup {
            by: lookup.by.clone(),
            filter: Filter::default(),
            exclude: Vec::new(),
            limit: only.len(),
            only: Some(only),
        })
    }

    /// The candidates with the scores of each half that was asked. A point that shares no word with the query's text
    /// has the sparse score 0; one that lost its vector between two lookups was deleted meanwhile and is left out.
    pub(crate) fn into_candidates(self, has_vector: bool, has_text: bool) -> Vec<Candidate> {
        let Self { dense, sparse } = self;
        if !has_vector {
            return sparse
                .into_iter()
                .map(|(id, score)| candidate(id, None, Some(score)))
                .collect();
        }
        let sparse_of = |id| has_text.then(|| sparse.get(&id).copied().unwrap_or(0.0));
        dense
            .into_iter()
            .map(|(id, score)| candidate(id, Some(score), sparse_of(id)))
            .collect()
    }
}

fn candidate(id: Uuid, dense: Option<f32>, sparse: Option<f32>) -> Candidate {
    Candidate {
        id,
        dense,
        sparse,
        score: 0.0,
    }
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
        pool.add(&asked[0].by, vec![(id(1), 0.9), (id(2), 0.8)]);
        pool.add(&asked[1].by, vec![(id(2), 7.0), (id(3), 5.0)]);
        let missing = pool.missing(&asked);
        assert_eq!(missing[0].only, Some(vec![id(3)]));
        assert_eq!(missing[1].only, Some(vec![id(1)]));
    }

    #[test]
    fn a_half_that_gave_all_it_had_is_not_asked_again() {
        let asked = [lookup(By::Sparse(SparseWords::default()), 5)];
        let mut pool = Pool::default();
        pool.add(&By::Dense(vec![1.0]), vec![(id(1), 0.9)]);
        pool.add(&asked[0].by, vec![(id(2), 7.0)]);
        assert!(pool.missing(&asked).is_empty());
    }

    #[test]
    fn equal_points_stand_in_for_each_other() {
        let order = |ids: [u128; 2]| {
            let mut pool = Pool::default();
            pool.add(&By::Dense(vec![1.0]), vec![(id(1), 0.9), (id(2), 0.8), (id(3), 0.7)]);
            pool.add(&By::Sparse(SparseWords::default()), ids.map(|n| (id(n), 4.0)).to_vec());
            format!("{:?}", pool.standards())
        };
        assert_eq!(order([2, 4]), order([5, 6]));
    }

    #[test]
    fn no_shared_word_is_a_sparse_score_of_zero() {
        let mut pool = Pool::default();
        pool.add(&By::Dense(vec![1.0]), vec![(id(1), 0.9)]);
        assert_eq!(pool.into_candidates(true, true)[0].sparse, Some(0.0));
    }
}
