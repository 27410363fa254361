//! What a query says exactly, on its way through a backend: who holds a code, who holds a phrase.
//!
//! A code is one form, so whoever is found by it holds it. A phrase is as many as it has pairs of neighbouring words (a
//! single word is one, its stem), each of which thousands may hold, so those who hold most of it are asked for first,
//! and of the candidates it is then asked which hold each of its forms.

use std::collections::HashSet;

use uuid::Uuid;

use crate::Filter;
use crate::candidates::{By, Found, Lookup};
use crate::words::SparseWords;

/// How many times as many are asked for by a phrase: some may say most of it, and that often.
pub(crate) const PHRASE_DEPTH: usize = 4;

/// A part of a query that must be found as it is.
#[derive(Debug)]
pub(crate) enum Exact {
    /// An identifier.
    Code(Lookup),
    /// A quoted phrase.
    Phrase {
        /// By all its forms together.
        whole: Lookup,
        /// Each pair of neighbouring words (the one stem, of a single word); all of them must be there.
        forms: Vec<SparseWords>,
    },
}

/// What the first lookup of an exact part told.
#[derive(Debug, PartialEq)]
pub(crate) enum Trace {
    /// These hold it and nobody else.
    Held(HashSet<Uuid>),
    /// So many hold it that it tells nobody apart.
    Common,
    /// These may hold it, and where not `all` of those who may were found, others too.
    Suspected { ids: HashSet<Uuid>, all: bool },
}

impl Exact {
    /// The first lookup.
    pub(crate) fn lookup(&self) -> &Lookup {
        match self {
            Self::Code(lookup) => lookup,
            Self::Phrase { whole, .. } => whole,
        }
    }

    /// What its answer tells.
    pub(crate) fn trace(&self, found: Found) -> Trace {
        let found = self.lookup().without_excluded(found);
        let all = found.len() < self.lookup().limit;
        let ids = found.into_iter().map(|(id, _)| id).collect();
        match self {
            Self::Code(_) if all => Trace::Held(ids),
            Self::Code(_) => Trace::Common,
            Self::Phrase { forms, .. } if all && forms.len() == 1 => Trace::Held(ids),
            Self::Phrase { .. } => Trace::Suspected { ids, all },
        }
    }

    /// The lookups that tell which of `ids` hold each of its forms.
    pub(crate) fn checks(&self, ids: &HashSet<Uuid>) -> Vec<Lookup> {
        let Self::Phrase { forms, .. } = self else {
            return Vec::new();
        };
        if ids.is_empty() {
            return Vec::new();
        }
        let check = |form: &SparseWords| Lookup {
            by: By::Sparse(form.clone()),
            filter: Filter::default(),
            exclude: Vec::new(),
            only: Some(ids.iter().copied().collect()),
            limit: ids.len(),
        };
        forms.iter().map(check).collect()
    }
}

/// Whoever was found by every check; nobody where nothing was asked.
pub(crate) fn holders(checked: Vec<Found>) -> HashSet<Uuid> {
    let ids = |found: Found| found.into_iter().map(|(id, _)| id).collect::<HashSet<Uuid>>();
    let of_all = checked.into_iter().map(ids).reduce(|all, next| &all & &next);
    of_all.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(limit: usize) -> Lookup {
        Lookup {
            by: By::Sparse(SparseWords::default()),
            filter: Filter::default(),
            exclude: Vec::new(),
            only: None,
            limit,
        }
    }

    fn phrase(limit: usize, forms: usize) -> Exact {
        Exact::Phrase {
            whole: lookup(limit),
            forms: vec![SparseWords::default(); forms],
        }
    }

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn found(ids: &[u128]) -> Found {
        ids.iter().map(|n| (id(*n), 1.0)).collect()
    }

    #[test]
    fn a_code_that_as_many_hold_as_were_asked_for_tells_nobody_apart() {
        let code = Exact::Code(lookup(3));
        assert_eq!(code.trace(found(&[1, 2])), Trace::Held([id(1), id(2)].into()));
        assert_eq!(code.trace(found(&[1, 2, 3])), Trace::Common);
    }

    #[test]
    fn whoever_is_left_out_does_not_make_a_code_common() {
        let mut asked = lookup(2);
        asked.exclude = vec![id(1)];
        assert_eq!(Exact::Code(asked).trace(found(&[1, 2])), Trace::Held([id(2)].into()));
    }

    #[test]
    fn a_phrase_of_one_form_is_held_by_those_found_unless_there_may_be_more() {
        assert_eq!(phrase(3, 1).trace(found(&[1])), Trace::Held([id(1)].into()));
        let suspected = |all| Trace::Suspected {
            ids: [id(1)].into(),
            all,
        };
        assert_eq!(phrase(1, 1).trace(found(&[1])), suspected(false));
        assert_eq!(phrase(3, 2).trace(found(&[1])), suspected(true));
    }

    #[test]
    fn each_form_of_a_phrase_is_checked_among_those_who_may_hold_it() {
        let checks = phrase(3, 2).checks(&[id(1), id(2)].into());
        assert_eq!(checks.len(), 2);
        assert!(checks.iter().all(|check| check.limit == 2));
        assert!(phrase(3, 2).checks(&HashSet::new()).is_empty());
        assert!(Exact::Code(lookup(3)).checks(&[id(1)].into()).is_empty());
    }

    #[test]
    fn a_phrase_is_held_by_whoever_has_all_its_forms() {
        assert_eq!(holders(vec![found(&[1, 2]), found(&[2, 3])]), [id(2)].into());
        assert!(holders(Vec::new()).is_empty());
    }
}
