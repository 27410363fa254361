//! Which examples vote on which: the nearest ones of other folds, as a new text finds the nearest ones of all.

use classifier::Vote;
use classifier::memory::{Memory, Neighbour, nearest};
use ndarray::{Array2, Axis};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::examples::in_halves;
use crate::mixture::Mixture;
use crate::recipe::Voting;

/// Rows compared with all others at once.
const BLOCK: usize = 128;

/// The vote that a recipe's search chose, and the scores with it added.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// How examples vote; none where that does not lower the held-out log-loss.
    pub vote: Option<Vote>,
    /// **Shape**: `[rows, labels]`.
    pub logits: Array2<f32>,
}

/// Positions of the examples a head will remember, ascending: all of them, or a seeded sample where they are too many.
#[must_use]
pub fn remembered(rows: usize, voting: &Voting, seed: u64) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..rows).collect();
    if rows > voting.max_examples {
        positions.shuffle(&mut StdRng::seed_from_u64(seed));
        positions.truncate(voting.max_examples);
        positions.sort_unstable();
    }
    positions
}

/// The memory of these rows.
#[must_use]
pub fn memory(vectors: &Array2<f32>, targets: &[usize], rows: &[usize]) -> Memory {
    Memory {
        vectors: vectors.select(Axis(0), rows).into_iter().collect(),
        labels: rows.iter().map(|&row| targets[row] as u32).collect(),
    }
}

/// Vectors with their labels and folds.
///
/// **Shape**: `vectors` `[rows, dimensions]`, the others `[rows]`.
#[derive(Debug, Clone, Copy)]
pub struct Labelled<'a> {
    /// Unit vectors.
    pub vectors: &'a Array2<f32>,
    /// Label indices.
    pub targets: &'a [usize],
    /// Which rows are held out together.
    pub fold_of: &'a [usize],
}

/// What a head remembers where no example votes: the mean of all vectors, as one example. Drift is told by it.
///
/// **Shape**: `vectors` `[rows, dimensions]`.
#[must_use]
pub fn mean(vectors: &Array2<f32>) -> Memory {
    let mean = vectors.mean_axis(Axis(0));
    mean.map_or_else(Memory::default, |mean| Memory {
        vectors: mean.to_vec(),
        labels: vec![0],
    })
}

/// Adds to the scores of some rows the votes of the nearest remembered examples of other folds, in the width and weight
/// with the least log-loss.
///
/// **Shape**: `logits` `[asked, labels]`, `asked` positions among the labelled rows.
#[must_use]
pub fn choose(
    logits: Array2<f32>,
    labelled: Labelled<'_>,
    asked: &[usize],
    remembered: &[usize],
    voting: &Voting,
) -> Chosen {
    if voting.neighbours == 0 {
        return Chosen { vote: None, logits };
    }
    let neighbours = of_other_folds(labelled, asked, remembered, voting.neighbours);
    let targets: Vec<usize> = asked.iter().map(|&row| labelled.targets[row]).collect();
    let (targets, rows): (&[usize], Vec<usize>) = (&targets, (0..asked.len()).collect());
    let alone = Mixture::fit(&logits, None, targets, &rows);
    let try_out = |&width: &f64| {
        let mut vote = Vote {
            neighbours: voting.neighbours,
            width: width as f32,
            floor: voting.floor as f32,
            weight: 1.0,
        };
        let shares = log_shares(&neighbours, &vote, logits.ncols());
        let mixture = Mixture::fit(&logits, Some(&shares), targets, &rows);
        vote.weight = (mixture.vote / mixture.sharpness) as f32;
        (mixture.log_loss, vote, shares)
    };
    let tried = voting.widths.iter().map(try_out);
    match tried.min_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((log_loss, vote, shares)) if log_loss < alone.log_loss && vote.weight > 0.0 => Chosen {
            logits: logits + shares * vote.weight,
            vote: Some(vote),
        },
        _ => Chosen { vote: None, logits },
    }
}

fn log_shares(neighbours: &[Vec<Neighbour>], vote: &Vote, labels: usize) -> Array2<f32> {
    let mut shares = Array2::zeros((neighbours.len(), labels));
    for (mut row, neighbours) in shares.rows_mut().into_iter().zip(neighbours) {
        let values = vote.log_shares(neighbours, labels);
        row.iter_mut().zip(values).for_each(|(cell, value)| *cell = value);
    }
    shares
}

fn of_other_folds(labelled: Labelled<'_>, asked: &[usize], remembered: &[usize], count: usize) -> Vec<Vec<Neighbour>> {
    let Labelled {
        vectors,
        targets,
        fold_of,
    } = labelled;
    let stored = vectors.select(Axis(0), remembered);
    let blocks: Vec<&[usize]> = asked.chunks(BLOCK).collect();
    let of_block = |block: &&[usize]| {
        let similarities = vectors.select(Axis(0), block).dot(&stored.t());
        let of_row = |(row, similarities): (usize, ndarray::ArrayView1<'_, f32>)| {
            let others = remembered.iter().zip(similarities);
            let others = others.filter(|(other, _)| fold_of[**other] != fold_of[row]);
            let neighbour = |(&other, &similarity): (&usize, &f32)| Neighbour {
                similarity,
                label: targets[other] as u32,
            };
            nearest(others.map(neighbour), count)
        };
        let rows = block.iter().copied().zip(similarities.rows());
        rows.map(of_row).collect::<Vec<_>>()
    };
    in_halves(&blocks, of_block).into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn nobody_votes_on_its_own_fold() {
        let vectors = array![[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.6, 0.8]];
        let labelled = Labelled {
            vectors: &vectors,
            targets: &[0, 1, 2, 1],
            fold_of: &[0, 0, 1, 1],
        };
        let found = of_other_folds(labelled, &[0, 1, 2, 3], &[0, 1, 2, 3], 1);
        let labels: Vec<u32> = found.iter().map(|neighbours| neighbours[0].label).collect();
        assert_eq!(labels, [1, 1, 0, 0]);
    }

    #[test]
    fn a_memory_that_is_full_keeps_a_seeded_sample() {
        let voting = Voting {
            max_examples: 10,
            ..Voting::default()
        };
        let kept = remembered(100, &voting, 7);
        assert_eq!(kept.len(), 10);
        assert!(kept.is_sorted());
        assert_eq!(kept, remembered(100, &voting, 7));
        assert_eq!(remembered(3, &voting, 7), [0, 1, 2]);
    }
}
