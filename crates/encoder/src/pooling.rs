//! Token states to one vector, and its norm.

use manifest::Pooling;

/// The vector of a text from the states of its own tokens.
///
/// **Shape**: `states` is `[tokens, hidden]`, row after row and without padding.
pub(crate) fn pool(states: &[f32], hidden: usize, pooling: Pooling) -> Vec<f32> {
    match pooling {
        Pooling::Cls => states[..hidden].to_vec(),
        Pooling::Mean => mean(states, hidden),
    }
}

fn mean(states: &[f32], hidden: usize) -> Vec<f32> {
    let mut sum = vec![0.0_f32; hidden];
    for state in states.chunks_exact(hidden) {
        sum.iter_mut().zip(state).for_each(|(total, value)| *total += value);
    }
    let tokens = (states.len() / hidden) as f32;
    sum.iter_mut().for_each(|total| *total /= tokens);
    sum
}

/// The vector scaled to length 1, or `None` when it has no direction.
pub(crate) fn unit(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if !length.is_finite() || length == 0.0 {
        return None;
    }
    vector.iter_mut().for_each(|value| *value /= length);
    Some(vector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_is_over_tokens_and_cls_is_the_first() {
        let states = [1.0, 2.0, 3.0, 6.0];
        assert_eq!(pool(&states, 2, Pooling::Mean), [2.0, 4.0]);
        assert_eq!(pool(&states, 2, Pooling::Cls), [1.0, 2.0]);
    }

    #[test]
    fn unit_vectors_have_length_one_or_are_none() {
        assert_eq!(unit(vec![3.0, 4.0]), Some(vec![0.6, 0.8]));
        assert_eq!(unit(vec![0.0, 0.0]), None);
        assert_eq!(unit(vec![f32::NAN, 1.0]), None);
    }
}
