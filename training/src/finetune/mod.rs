//! The encoder itself, trained on the labels: cross-entropy over its unit vectors times a scale.
//!
//! Cross-entropy and not a contrastive loss: on banking77 it reached .939 in five epochs, the yardstick of the project,
//! and it needs no choice of pairs. A tenth of the rows is never trained on: it ends the run early, and the head
//! that follows is calibrated on it alone.

mod adamw;
mod batches;
mod checkpoint;
mod network;
mod output;
mod run;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use candle_core::Device;
use manifest::{EncoderSpec, Model};
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::fit::Progress;
use crate::recipe::Recipe;
use run::Run;

/// How an encoder is fine-tuned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FineTune {
    /// Rounds over the rows at most.
    pub epochs: usize,
    /// Epochs without a better held-out log-loss before the run ends.
    pub patience: usize,
    /// Texts a step.
    pub batch_size: usize,
    /// Longest text read. **Units**: tokens, special ones included.
    pub max_tokens: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Share of the steps in which the learning rate rises; it falls to zero over the rest.
    pub warmup: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// Share of the rows, about, that is never trained on: it ends the run and calibrates the head.
    pub held_out: f64,
    /// What unit vectors are multiplied by before the label layer.
    pub scale: f64,
}

impl Default for FineTune {
    fn default() -> Self {
        Self {
            epochs: 5,
            patience: 2,
            batch_size: 32,
            max_tokens: 128,
            learning_rate: 1e-4,
            warmup: 0.1,
            weight_decay: 0.01,
            held_out: 0.1,
            scale: 20.0,
        }
    }
}

impl FineTune {
    /// Refuses numbers out of range.
    ///
    /// **Errors**: names the key.
    pub fn check(&self) -> Result<()> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        ensure!(
            self.epochs > 0 && self.patience > 0,
            "finetune: epochs and patience at least 1"
        );
        ensure!(self.batch_size > 0, "finetune.batch_size: at least 1");
        ensure!(self.max_tokens >= 3, "finetune.max_tokens: at least 3");
        ensure!(
            positive(self.learning_rate),
            "finetune.learning_rate: a positive number"
        );
        ensure!((0.0..1.0).contains(&self.warmup), "finetune.warmup: from 0 to below 1");
        ensure!(
            (0.0..1.0).contains(&self.weight_decay),
            "finetune.weight_decay: from 0 to below 1"
        );
        ensure!(
            self.held_out > 0.0 && self.held_out <= 0.5,
            "finetune.held_out: above 0, at most 0.5"
        );
        ensure!(positive(self.scale), "finetune.scale: a positive number");
        Ok(())
    }
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tuned {
    /// Held-out log-loss after each epoch.
    pub losses: Vec<f64>,
    /// The epoch whose weights were kept, from 0.
    pub best: usize,
}

/// Trains the encoder of a folder on the rows outside the first fold, and writes it as a model folder.
///
/// A run that is broken off leaves a checkpoint beside `out` and goes on from it when asked for again.
/// **Errors**: a folder that is no encoder, `out` that is something else, a checkpoint of another run, a loss that is no
/// number.
pub fn finetune(
    data: &Dataset,
    fold_of: &[usize],
    base: &Path,
    out: &Path,
    recipe: &Recipe,
    progress: &mut dyn FnMut(Progress),
) -> Result<Tuned> {
    let options = recipe.finetune.clone().unwrap_or_default();
    output::refuse_foreign(out)?;
    let model = Model::open(base).with_context(|| format!("cannot open the encoder in {}", base.display()))?;
    let mut run = Run::start(data, fold_of, &model, out, recipe.seed, &options)?;
    while run.goes_on() {
        run.epoch(progress)?;
    }
    let tuned = run.tuned()?;
    output::write(&model, &run.best_weights()?, &tuned, &options, out)?;
    run.forget()?;
    Ok(tuned)
}

fn spec_of(model: &Model) -> Result<&EncoderSpec> {
    let spec = model.manifest.encoder.as_ref();
    spec.with_context(|| format!("{} is not an encoder", model.folder.display()))
}

/// The processor, or the first CUDA device where this was built with the feature `cuda` and there is one.
fn device() -> Result<Device> {
    #[cfg(feature = "cuda")]
    let device = Device::cuda_if_available(0)?;
    #[cfg(not(feature = "cuda"))]
    let device = Device::Cpu;
    Ok(device)
}
