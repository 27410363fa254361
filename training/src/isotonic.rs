//! Held-out probabilities → the rising curve that makes them come true.

use classifier::Curve;
use ndarray::Array2;

/// A run of probabilities that share one value.
#[derive(Debug, Clone, Copy)]
struct Block {
    probabilities: f64,
    right: f64,
    count: f64,
}

impl Block {
    fn of(pairs: &[(f32, bool)]) -> Self {
        Self {
            probabilities: pairs.iter().map(|(probability, _)| f64::from(*probability)).sum(),
            right: pairs.iter().filter(|(_, right)| *right).count() as f64,
            count: pairs.len() as f64,
        }
    }

    fn share(&self) -> f64 {
        self.right / self.count
    }

    fn join(&mut self, other: &Self) {
        self.probabilities += other.probabilities;
        self.right += other.right;
        self.count += other.count;
    }
}

/// The curve over the probabilities of every label of these rows, all labels in one.
///
/// **Shape**: `probabilities` `[rows of the data set, labels]`; `rows` positions in it.
/// **Source**: pool adjacent violators, Ayer et al., An Empirical Distribution Function for Sampling with Incomplete
/// Information, 1955.
#[must_use]
pub fn fit(probabilities: &Array2<f32>, targets: &[usize], rows: &[usize]) -> Curve {
    let of_row = |&row: &usize| {
        let values = probabilities.row(row).to_vec();
        values
            .into_iter()
            .enumerate()
            .map(move |(label, value)| (value, targets[row] == label))
    };
    let mut pairs: Vec<(f32, bool)> = rows.iter().flat_map(of_row).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    to_curve(&pool(&pairs), &pairs)
}

fn pool(pairs: &[(f32, bool)]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    // Equal probabilities are one block from the start, whatever order they came in.
    for equal in pairs.chunk_by(|a, b| a.0 == b.0) {
        let mut block = Block::of(equal);
        while let Some(last) = blocks.last().filter(|last| last.share() >= block.share()).copied() {
            block.join(&last);
            blocks.pop();
        }
        blocks.push(block);
    }
    blocks
}

/// Through the mean of each block, level out to the outermost probabilities.
fn to_curve(blocks: &[Block], pairs: &[(f32, bool)]) -> Curve {
    let mut curve = Curve::default();
    let mut put = |from: f32, to: f64| {
        // Means of neighbouring blocks may be one number in single precision.
        if curve.from.last().is_none_or(|&last| from > last) {
            curve.from.push(from.clamp(0.0, 1.0));
            curve.to.push(to as f32);
        }
    };
    if let (Some(block), Some((lowest, _))) = (blocks.first(), pairs.first()) {
        put(*lowest, block.share());
    }
    for block in blocks {
        put((block.probabilities / block.count) as f32, block.share());
    }
    if let (Some(block), Some((highest, _))) = (blocks.last(), pairs.last()) {
        put(*highest, block.share());
    }
    curve
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_rises_through_what_came_true() {
        // Said .9, right half of the time; said .6, right as often: one block; the rest of each goes the other way.
        let probabilities = Array2::from_shape_fn((100, 2), |(row, label)| {
            let top = if row < 50 { 0.9 } else { 0.6 };
            if label == 0 { top } else { 1.0 - top }
        });
        let targets: Vec<usize> = (0..100).map(|row| row % 2).collect();
        let rows: Vec<usize> = (0..100).collect();
        let curve = fit(&probabilities, &targets, &rows);
        assert!(curve.is_rising());
        let calibrated = curve.apply(vec![0.9, 0.1]);
        assert!((calibrated[0] - 0.5).abs() < 0.02, "{calibrated:?}");
    }
}
