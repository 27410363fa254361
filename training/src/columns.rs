//! Sparse features held by feature instead of by row.
//!
//! A fit reads every value of every row for each step, and the weights of the feature with it. By row these lie all over
//! megabytes; by feature they are read in their order, once, while the scores of some thousand rows stay in the processor's
//! cache.

use std::{iter, mem};

use classifier::features::Feature;
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

/// Scores and weights are so wide: a whole number of registers, which loops over labels fill without a remainder.
const LANES: usize = 8;

/// Room for so many labels.
pub fn padded(labels: usize) -> usize {
    labels.next_multiple_of(LANES)
}

/// The rows that have each feature, in their order.
pub struct Columns {
    /// Where the rows of a feature end; they begin where those of the one before end.
    ends: Vec<usize>,
    /// A row, counted within the part, and the value of the feature there.
    entries: Vec<(u32, f32)>,
}

impl Columns {
    /// Of rows, whose features are below `terms`.
    pub fn new(rows: &[Vec<Feature>], terms: usize) -> Self {
        let mut ends = vec![0; terms];
        for &(term, _) in rows.iter().flatten() {
            ends[term as usize] += 1;
        }
        let mut total = 0;
        for end in &mut ends {
            total += mem::replace(end, total);
        }
        let mut entries = vec![(0, 0.0); total];
        for (row, features) in rows.iter().enumerate() {
            for &(term, value) in features {
                let end = &mut ends[term as usize];
                entries[*end] = (row as u32, value);
                *end += 1;
            }
        }
        Self { ends, entries }
    }

    fn iter(&self) -> impl Iterator<Item = &[(u32, f32)]> {
        let starts = iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).map(|(&start, &end)| &self.entries[start..end])
    }

    /// Adds what each row's features weigh to its scores.
    ///
    /// **Shape**: `scores` `[rows, padded labels]`, `weights` `[terms, padded labels]`, both in standard layout.
    pub fn add_scores(&self, scores: &mut Array2<f32>, weights: &ArrayView2<'_, f32>) {
        let width = scores.ncols() / LANES;
        let scores = scores.as_slice_mut().unwrap_or_default().as_chunks_mut().0;
        let weights = weights.as_slice().unwrap_or_default().as_chunks().0;
        for (rows, weights) in self.iter().zip(weights.chunks_exact(width)) {
            for (block, &weights) in weights.iter().enumerate() {
                for &(row, value) in rows {
                    add_scaled(&mut scores[row as usize * width + block], value, weights);
                }
            }
        }
    }

    /// The slope of the loss along each feature's weights: its values times what their rows are wrong by.
    ///
    /// **Shape**: as for the scores.
    pub fn set_slopes(&self, slopes: &mut ArrayViewMut2<'_, f32>, residuals: &Array2<f32>) {
        let width = residuals.ncols() / LANES;
        let residuals = residuals.as_slice().unwrap_or_default().as_chunks().0;
        let slopes = slopes.as_slice_mut().unwrap_or_default().as_chunks_mut().0;
        for (rows, slopes) in self.iter().zip(slopes.chunks_exact_mut(width)) {
            for (block, slopes) in slopes.iter_mut().enumerate() {
                let mut sum = [0.0; LANES];
                for &(row, value) in rows {
                    add_scaled(&mut sum, value, residuals[row as usize * width + block]);
                }
                *slopes = sum;
            }
        }
    }
}

/// `sums += value * row`, without a loop in the machine's code.
fn add_scaled(sums: &mut [f32; LANES], value: f32, row: [f32; LANES]) {
    for lane in 0..LANES {
        sums[lane] += value * row[lane];
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn by_feature_everything_adds_up_as_by_row() {
        let rows = [vec![(0, 2.0), (2, 0.5)], vec![], vec![(2, 4.0)]];
        let columns = Columns::new(&rows, 4);
        // Ten labels, so two registers.
        let wide =
            |first: f32| Array2::from_shape_fn((4, padded(10)), |(row, label)| first + (row * 10 + label) as f32);
        let weights = wide(1.0);
        let mut scores = Array2::ones((3, padded(10)));
        columns.add_scores(&mut scores, &weights.view());
        let mut residuals = Array2::zeros((3, padded(10)));
        residuals.column_mut(9).assign(&array![1.0, 10.0, 100.0]);
        let mut slopes = wide(7.0);
        columns.set_slopes(&mut slopes.view_mut(), &residuals);
        for label in 0..padded(10) {
            let weight = |term: usize| weights[[term, label]];
            assert_eq!(scores[[0, label]], 1.0 + 2.0 * weight(0) + 0.5 * weight(2));
            assert_eq!(scores[[1, label]], 1.0);
            assert_eq!(scores[[2, label]], 1.0 + 4.0 * weight(2));
            let expected = if label == 9 { [2.0, 0.0, 400.5, 0.0] } else { [0.0; 4] };
            assert_eq!(slopes.column(label).to_vec(), expected);
        }
    }
}
