//! Which rows are held out together: folds that keep near-copies on one side and every label in its share.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::data::DataError;

/// The fold of each row, `0..folds`: a group stays whole, labels are spread evenly.
#[must_use]
pub fn assign(groups: &[usize], targets: &[usize], folds: usize, seed: u64) -> Vec<usize> {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    groups
        .iter()
        .enumerate()
        .for_each(|(row, &group)| members.entry(group).or_default().push(row));
    let mut members: Vec<Vec<usize>> = members.into_values().collect();
    members.shuffle(&mut StdRng::seed_from_u64(seed));
    members.sort_by_key(|rows| std::cmp::Reverse(rows.len()));
    let mut fold_of = vec![0; groups.len()];
    let mut load: Vec<BTreeMap<usize, usize>> = vec![BTreeMap::new(); folds];
    let mut sizes = vec![0; folds];
    for rows in members {
        let label = targets[rows[0]];
        let fold = (0..folds)
            .min_by_key(|&fold| (load[fold].get(&label).copied().unwrap_or(0), sizes[fold]))
            .unwrap_or(0);
        for row in rows {
            *load[fold].entry(targets[row]).or_insert(0) += 1;
            sizes[fold] += 1;
            fold_of[row] = fold;
        }
    }
    fold_of
}

/// Rows outside the fold, and rows inside it.
#[must_use]
pub fn split(fold_of: &[usize], fold: usize) -> (Vec<usize>, Vec<usize>) {
    (0..fold_of.len()).partition(|&row| fold_of[row] != fold)
}

/// Refuses folds that leave nothing to learn: outside each of those to be scored there must be two labels.
///
/// **Errors**: [`DataError::NearCopies`].
pub fn check(fold_of: &[usize], targets: &[usize], scored: Range<usize>) -> Result<(), DataError> {
    for fold in scored {
        let outside = fold_of.iter().zip(targets).filter(|(of, _)| **of != fold);
        let labels: BTreeSet<usize> = outside.map(|(_, target)| *target).collect();
        if labels.len() < 2 {
            return Err(DataError::NearCopies);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fold_must_leave_two_labels_to_learn() {
        let targets = [0, 0, 1, 1];
        assert!(check(&[0, 1, 0, 1], &targets, 0..2).is_ok());
        assert!(matches!(check(&[0; 4], &targets, 0..2), Err(DataError::NearCopies)));
        assert!(matches!(
            check(&[0, 0, 1, 1], &targets, 0..2),
            Err(DataError::NearCopies)
        ));
        assert!(check(&[0, 1, 1, 1], &targets, 0..1).is_ok(), "fold 1 is not scored");
    }

    #[test]
    fn groups_stay_whole_and_labels_are_spread() {
        let groups: Vec<usize> = (0..60).map(|row| row / 3).collect();
        let targets: Vec<usize> = (0..60).map(|row| (row / 3) % 2).collect();
        let folds = assign(&groups, &targets, 5, 1);
        assert!((0..60).all(|row| folds[row] == folds[row / 3 * 3]));
        for fold in 0..5 {
            let (rest, held_out) = split(&folds, fold);
            assert_eq!((rest.len(), held_out.len()), (48, 12));
            assert_eq!(held_out.iter().filter(|&&row| targets[row] == 0).count(), 6);
        }
        assert_eq!(folds, assign(&groups, &targets, 5, 1), "the seed decides");
    }
}
