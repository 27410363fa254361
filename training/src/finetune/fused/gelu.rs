//! GELU by the error function.
//!
//! **Source**: Hendrycks and Gimpel, Gaussian Error Linear Units, 2016.

use std::f32::consts::{FRAC_1_SQRT_2, PI};

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

use super::rows::{by_pair, by_row, exp, values};

/// A value times the share of the normal distribution below it.
///
/// **Shape**: `[rows, width]`.
pub fn gelu(states: &Tensor) -> Result<Tensor> {
    states.apply_op1(Gelu)
}

struct Gelu;

impl CustomOp1 for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn cpu_fwd(&self, states: &CpuStorage, at: &Layout) -> Result<(CpuStorage, Shape)> {
        let gelu = |row: &[f32], to: &mut [f32]| {
            to.iter_mut()
                .zip(row)
                .for_each(|(to, value)| *to = value * normal(*value).0);
        };
        let width = at.shape().dims2()?.1;
        Ok((by_row(values(states, at)?, width, gelu), at.shape().clone()))
    }

    fn bwd(&self, states: &Tensor, _: &Tensor, slope: &Tensor) -> Result<Option<Tensor>> {
        states.apply_op2_no_bwd(slope, &Gelu).map(Some)
    }
}

/// The slope of the states from that of their GELU.
impl CustomOp2 for Gelu {
    fn name(&self) -> &'static str {
        "gelu-slope"
    }

    fn cpu_fwd(
        &self,
        states: &CpuStorage,
        at: &Layout,
        slopes: &CpuStorage,
        slopes_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let slope = |row: &[f32], slopes: &[f32], to: &mut [f32]| {
            let pairs = row.iter().zip(slopes);
            to.iter_mut().zip(pairs).for_each(|(to, (value, slope))| {
                let (share, density) = normal(*value);
                *to = slope * (share + value * density);
            });
        };
        let width = at.shape().dims2()?.1;
        let slopes = by_pair(values(states, at)?, values(slopes, slopes_at)?, width, slope);
        Ok((slopes, at.shape().clone()))
    }
}

/// Share of the standard normal distribution below a value, and its density there.
///
/// **Source**: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26; off by at most 1.5e-7.
#[inline(always)]
fn normal(value: f32) -> (f32, f32) {
    let x = value.abs() * FRAC_1_SQRT_2;
    let t = (1.0 + 0.327_591_1 * x).recip();
    let series = [1.061_405_4, -1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6];
    let series = series.iter().fold(0.0, |sum, factor| sum * t + factor) * t;
    let bell = exp(-x * x);
    let above = 0.5 * series * bell;
    let share = if value < 0.0 { above } else { 1.0 - above };
    (share, bell * (0.5 / PI).sqrt())
}
