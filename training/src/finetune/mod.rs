//! The encoder itself, trained on the labels: cross-entropy over its unit vectors times a scale.
//!
//! Cross-entropy and not a contrastive loss: on banking77 it reached .939 in five epochs, the yardstick of the project,
//! and it needs no choice of pairs. A tenth of the rows is never trained on: it ends the run early, and the head
//! that follows is calibrated on it alone.

mod adamw;
mod batches;
mod checkpoint;
mod fused;
mod network;
mod output;
mod run;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use classifier::Learnt;
use manifest::{EncoderSpec, Model};
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::fit::Progress;
use crate::folds;
use crate::recipe::Recipe;
pub use output::check_place;
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
    /// How many of the lowest layers stay as they are, the embeddings being the first; 0 for none.
    #[serde(default)]
    pub frozen: usize,
    /// Shares of the tuned weights tried, the rest being what they were; the head over it with the least held-out
    /// log-loss decides.
    #[serde(default = "whole")]
    pub shares: Vec<f64>,
    /// How long a run goes on before it is kept in the middle of an epoch, so that it can be broken off there too; it makes
    /// no other encoder of it. **Units**: seconds.
    #[serde(default = "checkpoint_seconds")]
    pub checkpoint_seconds: f64,
}

/// The tuned weights alone.
fn whole() -> Vec<f64> {
    vec![1.0]
}

/// Keeping a run takes a second or two.
fn checkpoint_seconds() -> f64 {
    120.0
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
            frozen: 0,
            shares: whole(),
            checkpoint_seconds: checkpoint_seconds(),
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
        ensure!(
            !self.shares.is_empty() && self.shares.iter().all(|share| (0.0..=1.0).contains(share)),
            "finetune.shares: at least one, from 0 to 1"
        );
        ensure!(
            self.checkpoint_seconds.is_finite() && self.checkpoint_seconds >= 0.0,
            "finetune.checkpoint_seconds: 0 or more"
        );
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

/// How a head did on held-out rows over an encoder between what it was and what it became.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mixed {
    /// Share of the tuned weights.
    pub share: f64,
    /// Mean log-loss.
    pub log_loss: f64,
}

/// An encoder that was trained, not yet written.
pub struct Trained {
    model: Model,
    run: Run,
    /// What it was trained on, now and before.
    learnt: Learnt,
    options: FineTune,
}

/// Trains the encoder of a folder on the rows outside the first fold.
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
) -> Result<Trained> {
    let options = recipe.finetune.clone().unwrap_or_default();
    check_place(out)?;
    folds::check(fold_of, &data.targets, 0..1)?;
    let model = Model::open(base).with_context(|| format!("cannot open the encoder in {}", base.display()))?;
    let mut run = Run::start(data, fold_of, &model, out, recipe.seed, &options)?;
    while run.goes_on() {
        run.epoch(progress)?;
    }
    let rows = data.texts.iter().zip(fold_of).filter(|(_, fold)| **fold != 0);
    let learnt = Learnt::of(rows.map(|(text, _)| text.as_str())).and(&Learnt::of_encoder(base)?);
    Ok(Trained {
        model,
        run,
        learnt,
        options,
    })
}

impl Trained {
    /// Writes the encoder with a share of the tuned weights, the rest being what they were, as a model folder.
    ///
    /// **Source**: Wortsman et al., Robust Fine-Tuning of Zero-Shot Models, CVPR 2022, equation 1.
    /// **Errors**: `out` without a usable name, a full disk.
    pub fn write(&self, share: f64, tried: &[Mixed], out: &Path) -> Result<()> {
        let base = network::weights(&self.model.folder.join(&spec_of(&self.model)?.weights), &device()?)?;
        let weights = mixed(base, self.run.best_weights()?, share)?;
        output::write(self, &weights, (share, tried), out)
    }

    /// What the run came to.
    ///
    /// **Errors**: no epoch gave a loss that is a number.
    pub fn tuned(&self) -> Result<Tuned> {
        self.run.tuned()
    }

    /// Forgets the checkpoint, once what it was for is written.
    pub fn forget(self) -> Result<()> {
        self.run.forget()
    }
}

/// Weights that were not learnt stay, those that were lie on the line from what they were.
fn mixed(
    base: BTreeMap<String, Tensor>,
    tuned: HashMap<String, Tensor>,
    share: f64,
) -> Result<HashMap<String, Tensor>> {
    let mix = |(name, before): (String, Tensor)| {
        let after = tuned.get(&name).unwrap_or(&before);
        // The whole of it is the very bytes, not their sum with zeros.
        let mixed = if share < 1.0 {
            ((&before * (1.0 - share))? + (after * share)?)?
        } else {
            after.clone()
        };
        Ok((name, mixed))
    };
    base.into_iter().map(mix).collect()
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
