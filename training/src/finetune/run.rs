//! One run: weights, optimiser, batches, and what the held-out rows say after each epoch.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::loss::cross_entropy;
use manifest::{Model, hexadecimal};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sha2::{Digest, Sha256};

use super::adamw::{AdamW, scheduled};
use super::batches::{Batch, Example, in_order, shuffled, tokenize};
use super::checkpoint::{Checkpoint, State};
use super::network::Network;
use super::{FineTune, Tuned, device, spec_of};
use crate::dataset::Dataset;
use crate::fit::Progress;

/// The label layer among the variables; no tensor of a BERT is called so.
const LABELS: &str = "labels.weight";
/// Before the names of the optimiser's moments in a checkpoint.
const FIRST: &str = "first.";
const SECOND: &str = "second.";
/// The label layer starts this far from zero.
const SPREAD: f32 = 0.02;

/// A run, between two steps.
pub struct Run {
    network: Network,
    optimiser: AdamW,
    learn: Vec<Example>,
    check: Vec<Example>,
    state: State,
    checkpoint: Checkpoint,
    /// When it was kept last.
    kept: Instant,
    options: FineTune,
    seed: u64,
}

impl Run {
    /// A new run, or the one whose checkpoint lies beside `out`.
    pub fn start(
        data: &Dataset,
        fold_of: &[usize],
        model: &Model,
        out: &Path,
        seed: u64,
        options: &FineTune,
    ) -> Result<Self> {
        let (spec, device) = (spec_of(model)?, device()?);
        let examples = tokenize(&model.folder, spec, options.max_tokens, &data.texts, &data.targets)?;
        let mut network = Network::open(&model.folder, spec, options.frozen, &device)?;
        let labels = label_layer(data.labels.len(), network.dimensions(), seed, &device)?;
        network.variables.insert(LABELS.to_owned(), labels);
        let split = |held_out: bool| -> Vec<Example> {
            let rows = examples.iter().zip(fold_of);
            let rows = rows.filter(|(_, fold)| (**fold == 0) == held_out);
            rows.map(|(example, _)| example.clone()).collect()
        };
        let mut run = Self {
            network,
            optimiser: AdamW::default(),
            learn: split(false),
            check: split(true),
            state: State {
                fingerprint: fingerprint(data, model, options, seed),
                epoch: 0,
                batch: 0,
                steps: 0,
                losses: Vec::new(),
                best: None,
            },
            checkpoint: Checkpoint::beside(out),
            kept: Instant::now(),
            options: options.clone(),
            seed,
        };
        run.resume()?;
        Ok(run)
    }

    fn resume(&mut self) -> Result<()> {
        let device = self.network.device().clone();
        let Some((state, tensors)) = self.checkpoint.read(&self.state.fingerprint, &device)? else {
            return Ok(());
        };
        for (name, variable) in &self.network.variables {
            let tensor = tensors
                .get(name)
                .with_context(|| format!("the checkpoint has no {name}"))?;
            variable.set(tensor)?;
        }
        for (name, tensor) in tensors {
            if let Some(name) = name.strip_prefix(FIRST) {
                self.optimiser.first.insert(name.to_owned(), tensor);
            } else if let Some(name) = name.strip_prefix(SECOND) {
                self.optimiser.second.insert(name.to_owned(), tensor);
            }
        }
        self.optimiser.steps = state.steps;
        self.state = state;
        Ok(())
    }

    /// Whether there are epochs left and the last ones were of use.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        let since_best = self.state.best.map_or(0, |best| self.state.epoch - 1 - best);
        self.state.epoch < self.options.epochs && since_best < self.options.patience
    }

    /// One round over the rows, or what is left of it, then the held-out loss and the checkpoint.
    ///
    /// **Errors**: a loss that is no number, a full disk.
    pub fn epoch(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<()> {
        let batches = shuffled(&self.learn, self.options.batch_size, self.seed, self.state.epoch);
        let total = batches.len() * self.options.epochs;
        for batch in batches.iter().skip(self.state.batch) {
            progress(Progress {
                act: "fine-tune",
                done: self.state.steps,
                total,
            });
            self.step(batch, total)?;
            if self.kept.elapsed().as_secs_f64() >= self.options.checkpoint_seconds {
                self.keep(false)?;
            }
        }
        let loss = self.held_out_loss()?;
        let is_best = self.state.losses.iter().all(|before| loss < *before);
        self.state.losses.push(loss);
        if is_best {
            self.state.best = Some(self.state.epoch);
        }
        self.state.epoch += 1;
        self.state.batch = 0;
        self.keep(is_best)
    }

    fn step(&mut self, batch: &Batch, total: usize) -> Result<()> {
        let loss = cross_entropy(&self.logits(batch)?, &batch.targets(self.network.device())?)?;
        ensure!(
            loss.to_scalar::<f32>()?.is_finite(),
            "the loss is no number any more; lower learning_rate"
        );
        let options = &self.options;
        let rate = scheduled(options.learning_rate, options.warmup, self.state.steps, total);
        let gradients = loss.backward()?;
        self.optimiser
            .step(&self.network.variables, &gradients, rate, options.weight_decay)?;
        self.state.steps += 1;
        self.state.batch += 1;
        Ok(())
    }

    /// **Shape**: `[texts, labels]`.
    fn logits(&self, batch: &Batch) -> Result<Tensor> {
        let labels = self.network.variables.get(LABELS).context("no label layer")?;
        let vectors = (self.network.forward(batch)? * self.options.scale)?;
        Ok(vectors.matmul(&labels.as_tensor().t()?)?)
    }

    fn held_out_loss(&self) -> Result<f64> {
        let mut sum = 0.0;
        for batch in in_order(&self.check, self.options.batch_size) {
            let loss = cross_entropy(&self.logits(&batch)?, &batch.targets(self.network.device())?)?;
            sum += f64::from(loss.to_scalar::<f32>()?) * batch.examples.len() as f64;
        }
        Ok(sum / self.check.len().max(1) as f64)
    }

    fn keep(&mut self, is_best: bool) -> Result<()> {
        let weights = self.weights();
        let mut tensors = weights.clone();
        let moments = [(FIRST, &self.optimiser.first), (SECOND, &self.optimiser.second)];
        for (prefix, moments) in moments {
            let named = moments
                .iter()
                .map(|(name, tensor)| (format!("{prefix}{name}"), tensor.clone()));
            tensors.extend(named);
        }
        self.checkpoint
            .write(&self.state, &tensors, is_best.then_some(&weights))?;
        self.kept = Instant::now();
        Ok(())
    }

    fn weights(&self) -> HashMap<String, Tensor> {
        let variables = self.network.variables.iter();
        variables
            .map(|(name, variable)| (name.clone(), variable.as_tensor().detach()))
            .collect()
    }

    /// What the encoder learnt up to the best epoch, by the names of its file.
    pub fn best_weights(&self) -> Result<HashMap<String, Tensor>> {
        let mut weights = self.checkpoint.best(self.network.device())?;
        weights.remove(LABELS);
        Ok(weights)
    }

    /// What the run came to.
    pub fn tuned(&self) -> Result<Tuned> {
        Ok(Tuned {
            losses: self.state.losses.clone(),
            best: self
                .state
                .best
                .context("no epoch gave a held-out loss that is a number")?,
        })
    }

    /// Removes the checkpoint.
    pub fn forget(&self) -> Result<()> {
        self.checkpoint.remove()
    }
}

fn label_layer(labels: usize, dimensions: usize, seed: u64, device: &Device) -> Result<Var> {
    let mut rng = StdRng::seed_from_u64(seed);
    let values: Vec<f32> = (0..labels * dimensions)
        .map(|_| rng.random_range(-SPREAD..SPREAD))
        .collect();
    let tensor = Tensor::from_vec(values, (labels, dimensions), device)?;
    Ok(Var::from_tensor(&tensor.to_dtype(DType::F32)?)?)
}

fn fingerprint(data: &Dataset, model: &Model, options: &FineTune, seed: u64) -> String {
    // What is chosen once the run is over does not make it another run, nor how often it is kept.
    let options = FineTune {
        shares: Vec::new(),
        checkpoint_seconds: 0.0,
        ..options.clone()
    };
    let mut digest = Sha256::new();
    digest.update(format!(
        "{options:?} {seed} {} {}",
        model.manifest.name, model.manifest.revision
    ));
    for (text, target) in data.texts.iter().zip(&data.targets) {
        digest.update(text.as_bytes());
        digest.update([0]);
        digest.update(target.to_le_bytes());
    }
    hexadecimal(&digest.finalize())
}
