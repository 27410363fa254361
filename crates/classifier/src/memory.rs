//! Stored vectors of labelled texts, and how the nearest of them vote: a label speaks from its first examples on.
//!
//! **Source**: distance-weighted k-nearest-neighbour rule, Dudani, The Distance-Weighted k-Nearest-Neighbor Rule, 1976,
//! with a Gaussian-like kernel on the cosine similarity as weight.

use half::bf16;
use pulp::{Arch, Simd, WithSimd};
use serde::{Deserialize, Serialize};

/// Numbers multiplied side by side: the compiler makes a few instructions of them that need not wait for each other.
const LANES: usize = 32;

/// How stored examples vote.
///
/// **Persisted** as `[head.vote]` of the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// How many of the nearest examples vote.
    pub neighbours: usize,
    /// A neighbour this much less similar (cosine) than the nearest counts `1/e` of it.
    pub width: f32,
    /// Share added to every label, so that a label without a vote is unlikely and not impossible.
    pub floor: f32,
    /// What the logarithm of the vote is multiplied by before it joins the linear scores.
    pub weight: f32,
}

/// A stored example near a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Cosine similarity, in `-1..=1`.
    pub similarity: f32,
    /// Index of its label.
    pub label: u32,
}

impl Vote {
    /// Logarithm of each label's share of the neighbours' votes.
    ///
    /// **Shape**: `[labels]`; all equal where there is no neighbour.
    #[must_use]
    pub fn log_shares(&self, neighbours: &[Neighbour], labels: usize) -> Vec<f32> {
        let nearest = neighbours
            .iter()
            .map(|neighbour| neighbour.similarity)
            .fold(f32::NEG_INFINITY, f32::max);
        let mut shares = vec![0.0; labels];
        let mut total = 0.0;
        for neighbour in neighbours {
            let voice = ((neighbour.similarity - nearest) / self.width).exp();
            shares[neighbour.label as usize] += voice;
            total += voice;
        }
        let scale = if total > 0.0 { 1.0 / total } else { 0.0 };
        shares.iter().map(|share| (share * scale + self.floor).ln()).collect()
    }
}

/// Vectors a head remembers, with their labels.
///
/// **Shape**: `vectors` `[examples, dimensions]` row by row, `labels` `[examples]`. **Persisted** in `head.safetensors`,
/// the vectors as half floats.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Memory {
    /// Unit vectors, row by row.
    pub vectors: Vec<f32>,
    /// Label index of each.
    pub labels: Vec<u32>,
}

/// Vectors in the form they are compared in: half as long, so that they leave room in the cache, and exact enough that a
/// cosine is right to four places.
#[must_use]
pub fn shortened(vectors: &[f32]) -> Vec<bf16> {
    vectors.iter().copied().map(bf16::from_f32).collect()
}

/// Cosine similarities of a unit vector with stored ones.
///
/// **Shape**: `stored` `[examples, dimensions]` row by row, `vector` `[dimensions]` → `[examples]`.
#[must_use]
pub fn similarities(stored: &[bf16], vector: &[f32]) -> Vec<f32> {
    Arch::new().dispatch(Similarities { stored, vector })
}

/// Computed with the widest instructions the processor has. A closure would not do: the compiler leaves it a function of
/// its own, which knows of none of them.
struct Similarities<'a> {
    stored: &'a [bf16],
    vector: &'a [f32],
}

impl WithSimd for Similarities<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<f32> {
        let rows = self.stored.chunks_exact(self.vector.len().max(1));
        let mut similarities = vec![0.0; rows.len()];
        for (similarity, row) in similarities.iter_mut().zip(rows) {
            *similarity = dot(row, self.vector);
        }
        similarities
    }
}

/// Each stored example with its similarity. **Shape**: both `[examples]`.
#[must_use]
pub fn labelled(similarities: &[f32], labels: &[u32]) -> Vec<Neighbour> {
    let pairs = similarities.iter().zip(labels);
    pairs
        .map(|(&similarity, &label)| Neighbour { similarity, label })
        .collect()
}

/// The `count` most similar of some neighbours, nearest first; equals in their own order.
#[must_use]
pub fn nearest(neighbours: Vec<Neighbour>, count: usize) -> Vec<Neighbour> {
    let mut ordered: Vec<(usize, Neighbour)> = neighbours.into_iter().enumerate().collect();
    let by_similarity =
        |a: &(usize, Neighbour), b: &(usize, Neighbour)| b.1.similarity.total_cmp(&a.1.similarity).then(a.0.cmp(&b.0));
    if count < ordered.len() {
        ordered.select_nth_unstable_by(count, by_similarity);
        ordered.truncate(count);
    }
    ordered.sort_unstable_by(by_similarity);
    ordered.into_iter().map(|(_, neighbour)| neighbour).collect()
}

#[inline(always)]
fn dot(stored: &[bf16], vector: &[f32]) -> f32 {
    let (stored, stored_rest) = stored.as_chunks::<LANES>();
    let (vector, vector_rest) = vector.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (stored, vector) in stored.iter().zip(vector) {
        for lane in 0..LANES {
            sums[lane] += long(stored[lane]) * vector[lane];
        }
    }
    let rest = stored_rest.iter().zip(vector_rest);
    let rest: f32 = rest.map(|(stored, value)| long(*stored) * value).sum();
    sums.iter().sum::<f32>() + rest
}

/// As `bf16::to_f32`, without its question for NaN, which the compiler cannot put to many at once.
#[inline(always)]
fn long(short: bf16) -> f32 {
    f32::from_bits(u32::from(short.to_bits()) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOTE: Vote = Vote {
        neighbours: 2,
        width: 0.1,
        floor: 1e-3,
        weight: 1.0,
    };

    /// The nearest of three examples.
    fn found(vector: [f32; 2], count: usize) -> Vec<Neighbour> {
        let stored = shortened(&[1.0, 0.0, 0.0, 1.0, 0.6, 0.8]);
        nearest(labelled(&similarities(&stored, &vector), &[0, 1, 1]), count)
    }

    #[test]
    fn the_nearest_come_first_and_no_more_than_asked_for() {
        let nearest = found([0.0, 1.0], 2);
        let labels: Vec<u32> = nearest.iter().map(|neighbour| neighbour.label).collect();
        assert_eq!(labels, [1, 1]);
        assert!((nearest[1].similarity - 0.8).abs() < 2e-3);
        assert_eq!(found([1.0, 0.0], 9).len(), 3);
    }

    #[test]
    fn one_near_example_makes_a_label_likely() {
        let shares = VOTE.log_shares(&found([1.0, 0.0], VOTE.neighbours), 3);
        assert!(shares[0] > -0.1 && shares[1] < -3.0);
        assert!((shares[2] - VOTE.floor.ln()).abs() < 1e-6, "nobody voted for it");
        assert_eq!(VOTE.log_shares(&[], 2), [VOTE.floor.ln(); 2]);
    }

    #[test]
    fn long_vectors_are_multiplied_whole() {
        let a: Vec<f32> = (0..67).map(|i| i as f32).collect();
        assert_eq!(dot(&shortened(&a), &[1.0; 67]), 2211.0);
    }

    #[test]
    fn a_cosine_of_short_vectors_is_right_to_four_places() {
        let vector = |seed: f32| {
            let values: Vec<f32> = (0..384).map(|i| (seed * i as f32).sin()).collect();
            let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
            values.iter().map(|value| value / length).collect::<Vec<f32>>()
        };
        let one = vector(0.7);
        for seed in [0.7, 0.701, 1.3, 2.9] {
            let other = vector(seed);
            let exact: f32 = one.iter().zip(&other).map(|(a, b)| a * b).sum();
            let short = similarities(&shortened(&other), &one)[0];
            assert!((exact - short).abs() < 5e-4, "{exact} {short}");
        }
    }
}
