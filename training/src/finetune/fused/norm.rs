//! Layer norms.
//!
//! **Source**: Ba, Kiros and Hinton, Layer Normalization, 2016.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

use super::rows::{by_pair, by_row, column_sums, sum, values};

/// Rows of mean 0 and variance 1, times `weight`, plus `bias`.
///
/// **Shape**: `[rows, width]`, `[width]`, `[width]` → `[rows, width]`.
pub fn norm(states: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f64) -> Result<Tensor> {
    states.apply_op3(weight, bias, Norm(Standard(epsilon as f32)))
}

/// Rows of mean 0 and variance 1; holds what is added to the variance.
#[derive(Clone, Copy)]
struct Standard(f32);

impl Standard {
    /// Mean, and one over the deviation.
    fn of(self, row: &[f32]) -> (f32, f32) {
        let mean = sum(row, row, |value, _| value) / row.len() as f32;
        let variance = sum(row, row, |value, _| (value - mean) * (value - mean)) / row.len() as f32;
        (mean, (variance + self.0).sqrt().recip())
    }
}

impl CustomOp1 for Standard {
    fn name(&self) -> &'static str {
        "standard"
    }

    fn cpu_fwd(&self, states: &CpuStorage, at: &Layout) -> Result<(CpuStorage, Shape)> {
        let width = at.shape().dims2()?.1;
        let standard = |row: &[f32], to: &mut [f32]| {
            let (mean, sharpness) = self.of(row);
            to.iter_mut()
                .zip(row)
                .for_each(|(to, value)| *to = (value - mean) * sharpness);
        };
        Ok((by_row(values(states, at)?, width, standard), at.shape().clone()))
    }
}

/// The slope of the states from that of their standard form.
impl CustomOp2 for Standard {
    fn name(&self) -> &'static str {
        "standard-slope"
    }

    fn cpu_fwd(
        &self,
        states: &CpuStorage,
        at: &Layout,
        slopes: &CpuStorage,
        slopes_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let width = at.shape().dims2()?.1;
        let slope = |row: &[f32], slopes: &[f32], to: &mut [f32]| {
            let (mean, sharpness) = self.of(row);
            let level = sum(slopes, slopes, |slope, _| slope) / width as f32;
            let along = sum(row, slopes, |value, slope| (value - mean) * slope);
            let along = along * sharpness * sharpness / width as f32;
            let pairs = row.iter().zip(slopes);
            to.iter_mut()
                .zip(pairs)
                .for_each(|(to, (value, slope))| *to = (slope - level - (value - mean) * along) * sharpness);
        };
        let slopes = by_pair(values(states, at)?, values(slopes, slopes_at)?, width, slope);
        Ok((slopes, at.shape().clone()))
    }
}

struct Norm(Standard);

impl CustomOp3 for Norm {
    fn name(&self) -> &'static str {
        "norm"
    }

    fn cpu_fwd(
        &self,
        states: &CpuStorage,
        at: &Layout,
        weight: &CpuStorage,
        weight_at: &Layout,
        bias: &CpuStorage,
        bias_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (weight, bias) = (values(weight, weight_at)?, values(bias, bias_at)?);
        let norm = |row: &[f32], to: &mut [f32]| {
            let (mean, sharpness) = self.0.of(row);
            let terms = row.iter().zip(weight.iter().zip(bias));
            to.iter_mut()
                .zip(terms)
                .for_each(|(to, (value, (weight, bias)))| *to = (value - mean) * sharpness * weight + bias);
        };
        Ok((by_row(values(states, at)?, weight.len(), norm), at.shape().clone()))
    }

    fn bwd(
        &self,
        states: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        _: &Tensor,
        slope: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let standard = states.apply_op1_no_bwd(&self.0)?;
        let weighted = slope.broadcast_mul(&weight.detach())?;
        Ok((
            Some(states.apply_op2_no_bwd(&weighted, &self.0)?),
            Some(column_sums(&(slope * standard)?)?),
            Some(column_sums(slope)?),
        ))
    }
}
