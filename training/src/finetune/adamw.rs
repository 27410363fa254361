//! AdamW with its moments in reach: candle's keeps them to itself, and a run could not be resumed.
//!
//! **Source**: Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019, algorithm 2.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use anyhow::Result;
use candle_core::backend::BackendStorage;
use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, Error, InplaceOp2, InplaceOp3, Layout, Tensor, Var};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use super::fused::{CHUNK, values};

/// Decay of the first and the second moment.
const BETAS: (f64, f64) = (0.9, 0.999);
/// Keeps the step finite.
const EPSILON: f64 = 1e-8;

/// The optimiser's memory, by the name of the variable.
#[derive(Debug, Default)]
pub struct AdamW {
    /// Steps done.
    pub steps: usize,
    /// Running mean of each gradient.
    pub first: BTreeMap<String, Tensor>,
    /// Running mean of its square.
    pub second: BTreeMap<String, Tensor>,
}

impl AdamW {
    /// Moves every variable that has a gradient.
    pub fn step(
        &mut self,
        variables: &BTreeMap<String, Var>,
        gradients: &GradStore,
        learning_rate: f64,
        weight_decay: f64,
    ) -> Result<()> {
        self.steps += 1;
        for (name, variable) in variables {
            if let Some(gradient) = gradients.get(variable) {
                self.move_one(name, variable, gradient, learning_rate, weight_decay)?;
            }
        }
        Ok(())
    }

    fn move_one(&mut self, name: &str, variable: &Var, gradient: &Tensor, rate: f64, decay: f64) -> Result<()> {
        let steps = self.steps as i32;
        let (first, second) = (
            moment(&mut self.first, name, gradient)?,
            moment(&mut self.second, name, gradient)?,
        );
        blend(first, gradient, BETAS.0)?;
        blend(second, &gradient.sqr()?, BETAS.1)?;
        let stride = Stride {
            rate: rate / (1.0 - BETAS.0.powi(steps)),
            keep: 1.0 - rate * decay,
            bias_second: 1.0 - BETAS.1.powi(steps),
        };
        stride.take(variable, first, second)
    }
}

fn moment<'a>(moments: &'a mut BTreeMap<String, Tensor>, name: &str, gradient: &Tensor) -> Result<&'a mut Tensor> {
    Ok(match moments.entry(name.to_owned()) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => entry.insert(gradient.zeros_like()?),
    })
}

/// A running mean goes on: `moment * beta + value * (1 - beta)`.
fn blend(moment: &mut Tensor, value: &Tensor, beta: f64) -> Result<()> {
    if moment.device().is_cpu() {
        return Ok(moment.inplace_op2(&value.contiguous()?, &Blend(beta as f32))?);
    }
    *moment = ((&*moment * beta)? + (value.detach() * (1.0 - beta))?)?;
    Ok(())
}

/// [`blend()`] without a tensor in between: over all weights of an encoder, memory is what takes the time.
struct Blend(f32);

impl InplaceOp2 for Blend {
    fn name(&self) -> &'static str {
        "blend"
    }

    fn cpu_fwd(&self, moment: &mut CpuStorage, _: &Layout, value: &CpuStorage, at: &Layout) -> candle_core::Result<()> {
        let (moment, value) = (all(moment)?, values(value, at)?);
        let blend = |(moment, value): (&mut [f32], &[f32])| {
            let pairs = moment.iter_mut().zip(value);
            pairs.for_each(|(moment, value)| *moment = *moment * self.0 + value * (1.0 - self.0));
        };
        moment
            .par_chunks_mut(CHUNK)
            .zip(value.par_chunks(CHUNK))
            .for_each(blend);
        Ok(())
    }
}

/// One step of a variable along its moments.
struct Stride {
    /// Learning rate over the bias of the first moment.
    rate: f64,
    /// What weight decay leaves of the variable.
    keep: f64,
    /// Bias of the second moment.
    bias_second: f64,
}

impl Stride {
    fn take(&self, variable: &Var, first: &Tensor, second: &Tensor) -> Result<()> {
        if variable.device().is_cpu() {
            return Ok(variable.inplace_op3(first, second, self)?);
        }
        let direction = (first / ((second / self.bias_second)?.sqrt()? + EPSILON)?)?;
        let kept = (variable.as_tensor().detach() * self.keep)?;
        Ok(variable.set(&(kept - (direction * self.rate)?)?)?)
    }
}

impl InplaceOp3 for Stride {
    fn name(&self) -> &'static str {
        "stride"
    }

    fn cpu_fwd(
        &self,
        variable: &mut CpuStorage,
        _: &Layout,
        first: &CpuStorage,
        first_at: &Layout,
        second: &CpuStorage,
        second_at: &Layout,
    ) -> candle_core::Result<()> {
        let (variable, first, second) = (all(variable)?, values(first, first_at)?, values(second, second_at)?);
        let (rate, keep) = (self.rate as f32, self.keep as f32);
        let (sharpness, epsilon) = (self.bias_second.recip() as f32, EPSILON as f32);
        let step = |(variable, (first, second)): (&mut [f32], (&[f32], &[f32]))| {
            let moments = first.iter().zip(second);
            variable
                .iter_mut()
                .zip(moments)
                .for_each(|(variable, (first, second))| {
                    *variable = *variable * keep - rate * first / ((second * sharpness).sqrt() + epsilon);
                });
        };
        let moments = first.par_chunks(CHUNK).zip(second.par_chunks(CHUNK));
        variable.par_chunks_mut(CHUNK).zip(moments).for_each(step);
        Ok(())
    }
}

/// Everything of a tensor that owns its storage, as variables and moments do.
fn all(storage: &mut CpuStorage) -> candle_core::Result<&mut [f32]> {
    match storage {
        CpuStorage::F32(values) => Ok(values),
        other => Err(Error::UnsupportedDTypeForOp(other.dtype(), "adamw")),
    }
}

/// The learning rate of a step: a linear rise, then a linear fall to zero.
#[must_use]
pub fn scheduled(peak: f64, warmup: f64, step: usize, steps: usize) -> f64 {
    let rising = (steps as f64 * warmup).max(1.0);
    let step = step as f64 + 1.0;
    let left = (steps as f64 + 1.0 - step) / (steps as f64 + 1.0 - rising).max(1.0);
    peak * (step / rising).min(left).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn it_walks_to_the_bottom_of_a_bowl() {
        let variable = Var::new(&[3.0_f32, -2.0], &Device::Cpu).expect("a variable");
        let variables = BTreeMap::from([("x".to_owned(), variable.clone())]);
        let mut optimiser = AdamW::default();
        for _ in 0..400 {
            let loss = variable.sqr().and_then(|square| square.sum_all()).expect("a loss");
            let gradients = loss.backward().expect("gradients");
            optimiser.step(&variables, &gradients, 0.05, 0.0).expect("a step");
        }
        let at: Vec<f32> = variable.to_vec1().expect("values");
        assert!(at.iter().all(|value| value.abs() < 0.05), "{at:?}");
    }

    #[test]
    fn the_rate_rises_and_falls() {
        let rates: Vec<f64> = (0..100).map(|step| scheduled(1.0, 0.1, step, 100)).collect();
        assert!(rates[0] < rates[5] && rates[5] < rates[9]);
        assert!((rates[9] - 1.0).abs() < 1e-9 && rates[50] < 1.0 && rates[99] < 0.02 && rates[99] > 0.0);
    }
}
