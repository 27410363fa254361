//! AdamW with its moments in reach: candle's keeps them to itself, and a run could not be resumed.
//!
//! **Source**: Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019, algorithm 2.

use std::collections::BTreeMap;

use anyhow::Result;
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

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
        let gradient = gradient.detach();
        let blend = |old: Option<&Tensor>, new: Tensor, beta: f64| -> Result<Tensor> {
            let new = (new * (1.0 - beta))?;
            Ok(match old {
                Some(old) => ((old * beta)? + new)?,
                None => new,
            })
        };
        let first = blend(self.first.get(name), gradient.clone(), BETAS.0)?;
        let second = blend(self.second.get(name), gradient.sqr()?, BETAS.1)?;
        let steps = self.steps as i32;
        let (bias_first, bias_second) = (1.0 - BETAS.0.powi(steps), 1.0 - BETAS.1.powi(steps));
        let direction = ((&first / bias_first)? / ((&second / bias_second)?.sqrt()? + EPSILON)?)?;
        let decayed = (variable.as_tensor().detach() * (1.0 - rate * decay))?;
        variable.set(&(decayed - (direction * rate)?)?)?;
        self.first.insert(name.to_owned(), first);
        self.second.insert(name.to_owned(), second);
        Ok(())
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
