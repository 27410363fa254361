//! Attention weights: a softmax that knows where texts end.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use super::rows::{by_pair, exp, sum, values};

/// Softmax of scaled scores over the keys that are text; padding gets nothing.
///
/// **Shape**: `scores` `[texts, heads, queries, keys]`, `lengths` `[texts]`.
pub fn attention(scores: &Tensor, lengths: &Arc<[usize]>, scale: f32) -> Result<Tensor> {
    let lengths = Arc::clone(lengths);
    scores.apply_op1(Attention { lengths, scale })
}

struct Attention {
    lengths: Arc<[usize]>,
    scale: f32,
}

impl CustomOp1 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(&self, scores: &CpuStorage, at: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, heads, queries, keys) = at.shape().dims4()?;
        let scores = values(scores, at)?;
        let text = heads * queries * keys;
        let mut weights = vec![0.0; scores.len()];
        let texts = weights.par_chunks_mut(text).zip(scores.par_chunks(text));
        texts.zip(&self.lengths[..]).for_each(|((weights, scores), &length)| {
            let rows = weights.chunks_exact_mut(keys).zip(scores.chunks_exact(keys));
            rows.for_each(|(weights, scores)| softmax(&scores[..length], self.scale, &mut weights[..length]));
        });
        Ok((CpuStorage::F32(weights), at.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, weights: &Tensor, slope: &Tensor) -> Result<Option<Tensor>> {
        let slope = slope.contiguous()?;
        weights.apply_op2_no_bwd(&slope, &AttentionSlope(self.scale)).map(Some)
    }
}

/// The slope of the scores from the weights and their slope; holds the scale of the scores.
struct AttentionSlope(f32);

impl CustomOp2 for AttentionSlope {
    fn name(&self) -> &'static str {
        "attention-slope"
    }

    fn cpu_fwd(
        &self,
        weights: &CpuStorage,
        at: &Layout,
        slopes: &CpuStorage,
        slopes_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let keys = at.shape().dims4()?.3;
        let slope = |weights: &[f32], slopes: &[f32], to: &mut [f32]| {
            let mean = sum(weights, slopes, |weight, slope| weight * slope);
            let pairs = weights.iter().zip(slopes);
            to.iter_mut()
                .zip(pairs)
                .for_each(|(to, (weight, slope))| *to = weight * (slope - mean) * self.0);
        };
        let slopes = by_pair(values(weights, at)?, values(slopes, slopes_at)?, keys, slope);
        Ok((slopes, at.shape().clone()))
    }
}

/// Softmax of the scores times a scale.
fn softmax(scores: &[f32], scale: f32, weights: &mut [f32]) {
    let largest = scores
        .iter()
        .fold(f32::NEG_INFINITY, |largest, &score| largest.max(score));
    weights
        .iter_mut()
        .zip(scores)
        .for_each(|(weight, score)| *weight = exp((score - largest) * scale));
    let share = sum(weights, weights, |weight, _| weight).recip();
    weights.iter_mut().for_each(|weight| *weight *= share);
}
