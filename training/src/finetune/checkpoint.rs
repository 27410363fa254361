//! A run on disk: everything the next epoch needs, so that a run that was broken off goes on where it was.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

/// File with the weights, the label layer and the optimiser's moments.
const TENSORS_FILE: &str = "run.safetensors";
/// File with the best weights so far.
const BEST_FILE: &str = "best.safetensors";
/// File with the rest; written last, so that what it speaks of is there.
const STATE_FILE: &str = "run.json";

/// How far a run has come.
///
/// **Persisted** as `run.json` of the checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Fingerprint of recipe, data and encoder: a checkpoint of another run is refused.
    pub fingerprint: String,
    /// Epochs done.
    pub epoch: usize,
    /// Optimiser steps done.
    pub steps: usize,
    /// Held-out log-loss after each epoch.
    pub losses: Vec<f64>,
    /// Epoch with the least of them.
    pub best: Option<usize>,
}

/// The folder of a run that is not finished.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    folder: PathBuf,
}

impl Checkpoint {
    /// Beside the folder the run will write.
    #[must_use]
    pub fn beside(out: &Path) -> Self {
        let mut name = out.file_name().unwrap_or_default().to_owned();
        name.push(".checkpoint");
        Self {
            folder: out.with_file_name(name),
        }
    }

    /// The run that was broken off here, with its tensors.
    ///
    /// **Errors**: an unreadable checkpoint, one of another run.
    pub fn read(&self, fingerprint: &str, device: &Device) -> Result<Option<(State, HashMap<String, Tensor>)>> {
        let path = self.folder.join(STATE_FILE);
        if !path.exists() {
            return Ok(None);
        }
        let folder = self.folder.display();
        let text = fs::read(&path).with_context(|| format!("cannot read the checkpoint {folder}"))?;
        let state: State = serde_json::from_slice(&text).with_context(|| format!("the checkpoint {folder}"))?;
        ensure!(
            state.fingerprint == fingerprint,
            "the checkpoint {folder} belongs to a run with another recipe, encoder or data; remove it to start anew"
        );
        let name = tensors_file(state.epoch);
        let tensors = candle_core::safetensors::load(self.folder.join(name), device)?;
        Ok(Some((state, tensors)))
    }

    /// The best weights of the run.
    pub fn best(&self, device: &Device) -> Result<HashMap<String, Tensor>> {
        Ok(candle_core::safetensors::load(self.folder.join(BEST_FILE), device)?)
    }

    /// Keeps a run; the weights also as the best, where they are.
    pub fn write(
        &self,
        state: &State,
        tensors: &HashMap<String, Tensor>,
        best: Option<&HashMap<String, Tensor>>,
    ) -> Result<()> {
        fs::create_dir_all(&self.folder).with_context(|| format!("cannot make {}", self.folder.display()))?;
        self.put(&tensors_file(state.epoch), tensors)?;
        if let Some(best) = best {
            self.put(BEST_FILE, best)?;
        }
        let temporary = self.folder.join(format!("{STATE_FILE}.new"));
        fs::write(&temporary, serde_json::to_vec_pretty(state)?)?;
        fs::rename(&temporary, self.folder.join(STATE_FILE)).context("cannot keep the checkpoint")?;
        if let Some(before) = state.epoch.checked_sub(1) {
            let old = self.folder.join(tensors_file(before));
            fs::remove_file(old).or_else(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })?;
        }
        Ok(())
    }

    fn put(&self, name: &str, tensors: &HashMap<String, Tensor>) -> Result<()> {
        let temporary = self.folder.join(format!("{name}.new"));
        candle_core::safetensors::save(tensors, &temporary)?;
        fs::rename(&temporary, self.folder.join(name)).with_context(|| format!("cannot keep {name}"))
    }

    /// Forgets the run.
    pub fn remove(&self) -> Result<()> {
        fs::remove_dir_all(&self.folder).with_context(|| format!("cannot remove {}", self.folder.display()))
    }
}

fn tensors_file(epoch: usize) -> String {
    format!("{epoch}.{TENSORS_FILE}")
}
