//! Exact nearest neighbours by cosine, for the few rows a report shows.

/// Places of the `k` vectors most like the query, nearest first, with their cosines; `own` is left out.
///
/// **Shape**: unit vectors `[dimensions]` and `[n][dimensions]`.
pub fn nearest(query: &[f32], vectors: &[Vec<f32>], k: usize, own: Option<usize>) -> Vec<(usize, f32)> {
    let mut found: Vec<(usize, f32)> = vectors
        .iter()
        .enumerate()
        .filter(|(at, _)| Some(*at) != own)
        .map(|(at, vector)| (at, dot(query, vector)))
        .collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    found.truncate(k);
    found
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_come_first_and_a_row_does_not_find_itself() {
        let vectors = [vec![1.0, 0.0], vec![0.8, 0.6], vec![0.0, 1.0]];
        assert_eq!(nearest(&vectors[0], &vectors, 2, Some(0)), [(1, 0.8), (2, 0.0)]);
        assert_eq!(nearest(&vectors[0], &vectors, 1, None), [(0, 1.0)]);
    }
}
