//! Stored vectors of labelled texts, and how the nearest of them vote: a label speaks from its first examples on.
//!
//! **Source**: distance-weighted k-nearest-neighbour rule, Dudani, The Distance-Weighted k-Nearest-Neighbor Rule, 1976,
//! with a Gaussian-like kernel on the cosine similarity as weight.

use pulp::{Arch, Simd, WithSimd};
use serde::{Deserialize, Serialize};

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

/// Vectors in the form they are compared in, a byte a number: a quarter as long, so that they leave room in the cache, and
/// exact enough that a cosine is right to three places.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Remembered {
    /// Each row by its own scale. **Shape**: `[examples, dimensions]`, row by row.
    numbers: Vec<i8>,
    /// What a number of the row stands for. **Shape**: `[examples]`.
    scales: Vec<f32>,
}

impl Remembered {
    /// Rows of so many dimensions.
    #[must_use]
    pub fn of(vectors: &[f32], dimensions: usize) -> Self {
        let mut remembered = Self::default();
        for row in vectors.chunks_exact(dimensions.max(1)) {
            let scale = scale(row, i8::MAX.into());
            remembered.scales.push(scale);
            remembered
                .numbers
                .extend(row.iter().map(|value| (value / scale).round() as i8));
        }
        remembered
    }

    /// Mean of all rows; zeros where there is none. **Shape**: `[dimensions]`.
    #[must_use]
    pub fn mean(&self, dimensions: usize) -> Vec<f32> {
        let mut mean = vec![0.0; dimensions];
        let share = 1.0 / self.scales.len().max(1) as f32;
        let rows = self.numbers.chunks_exact(dimensions.max(1));
        for (row, scale) in rows.zip(&self.scales) {
            let values = row.iter().map(|&number| f32::from(number) * scale);
            mean.iter_mut()
                .zip(values)
                .for_each(|(sum, value)| *sum += share * value);
        }
        mean
    }

    /// Cosine similarities with a unit vector of as many dimensions. **Shape**: `[examples]`.
    #[must_use]
    pub fn similarities(&self, vector: &[f32]) -> Vec<f32> {
        let scale = scale(vector, ASKED_MAX.into());
        let asked: Vec<i16> = vector.iter().map(|value| (value / scale).round() as i16).collect();
        let products = Arch::new().dispatch(Products {
            numbers: &self.numbers,
            asked: &asked,
        });
        let each = products.into_iter().zip(&self.scales);
        each.map(|(product, of_row)| product as f32 * of_row * scale).collect()
    }
}

/// Largest number of a vector that is asked about: as large as the sum of thousands of products has room for.
const ASKED_MAX: i16 = 2_047;

/// What a number stands for where the largest value is `largest`.
fn scale(values: &[f32], largest: f32) -> f32 {
    let highest = values.iter().fold(0.0_f32, |highest, value| highest.max(value.abs()));
    if highest > 0.0 { highest / largest } else { 1.0 }
}

/// Computed with the widest instructions the processor has. A closure would not do: the compiler leaves it a function of
/// its own, which knows of none of them.
struct Products<'a> {
    numbers: &'a [i8],
    asked: &'a [i16],
}

impl WithSimd for Products<'_> {
    type Output = Vec<i32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<i32> {
        let rows = self.numbers.chunks_exact(self.asked.len().max(1));
        let mut products = vec![0; rows.len()];
        for (product, row) in products.iter_mut().zip(rows) {
            let pairs = row.iter().zip(self.asked);
            *product = pairs
                .map(|(&number, &asked)| i32::from(number) * i32::from(asked))
                .sum();
        }
        products
    }
}

/// Each stored example with its similarity. **Shape**: both `[examples]`.
pub fn labelled<'a>(similarities: &'a [f32], labels: &'a [u32]) -> impl Iterator<Item = Neighbour> + 'a {
    let pairs = similarities.iter().zip(labels);
    pairs.map(|(&similarity, &label)| Neighbour { similarity, label })
}

/// The `count` most similar of some neighbours, nearest first; equals in their own order.
///
/// Few of thousands come among the nearest so far, so that nearly all are looked at once and passed over.
#[must_use]
pub fn nearest(neighbours: impl Iterator<Item = Neighbour>, count: usize) -> Vec<Neighbour> {
    let mut nearest: Vec<Neighbour> = Vec::new();
    for neighbour in neighbours {
        let is_as_near = |kept: &Neighbour| kept.similarity.total_cmp(&neighbour.similarity).is_ge();
        if nearest.len() == count {
            if nearest.last().is_none_or(is_as_near) {
                continue;
            }
            nearest.pop();
        }
        nearest.insert(nearest.partition_point(is_as_near), neighbour);
    }
    nearest
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
        let stored = Remembered::of(&[1.0, 0.0, 0.0, 1.0, 0.6, 0.8], 2);
        nearest(labelled(&stored.similarities(&vector), &[0, 1, 1]), count)
    }

    #[test]
    fn the_nearest_of_many_are_those_of_all_put_in_order() {
        // Some are equally near, to be kept in their order.
        let all: Vec<Neighbour> = (0..500_u32)
            .map(|label| Neighbour {
                similarity: (label * 7_919 % 101) as f32 / 101.0,
                label,
            })
            .collect();
        let mut ordered = all.clone();
        ordered.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        for count in [0, 1, 7, 499, 500, 501] {
            let kept = &ordered[..count.min(all.len())];
            assert_eq!(nearest(all.iter().copied(), count), kept, "{count}");
        }
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
    fn the_longest_sums_have_room() {
        let dimensions = 4_096;
        let vector = vec![1.0 / (dimensions as f32).sqrt(); dimensions];
        let found = Remembered::of(&vector, dimensions).similarities(&vector);
        assert!((found[0] - 1.0).abs() < 1e-4, "{found:?}");
        assert_eq!(Remembered::of(&[0.0; 4], 2).similarities(&[0.0, 1.0]), [0.0, 0.0]);
    }

    #[test]
    fn a_cosine_of_remembered_vectors_is_right_to_three_places() {
        let vector = |seed: f32| {
            let values: Vec<f32> = (0..384).map(|i| (seed * i as f32).sin()).collect();
            let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
            values.iter().map(|value| value / length).collect::<Vec<f32>>()
        };
        let one = vector(0.7);
        for seed in [0.7, 0.701, 1.3, 2.9] {
            let other = vector(seed);
            let exact: f32 = one.iter().zip(&other).map(|(a, b)| a * b).sum();
            let found = Remembered::of(&other, other.len()).similarities(&one)[0];
            assert!((exact - found).abs() < 2e-3, "{exact} {found}");
        }
    }
}
