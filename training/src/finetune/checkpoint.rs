//! A run on disk: everything the next step needs, so that a run that was broken off goes on where it was.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
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
    /// Batches of the epoch under way that are done; the seed and the epoch say which they were.
    #[serde(default)]
    pub batch: usize,
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
        let name = tensors_file(&state);
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
        let name = tensors_file(state);
        self.put(&name, tensors)?;
        if let Some(best) = best {
            self.put(BEST_FILE, best)?;
        }
        let temporary = self.folder.join(format!("{STATE_FILE}.new"));
        fs::write(&temporary, serde_json::to_vec_pretty(state)?)?;
        move_there(&temporary, &self.folder.join(STATE_FILE)).context("cannot keep the checkpoint")?;
        self.remove_all_but(&name)
    }

    /// The tensors that the state spoke of before.
    fn remove_all_but(&self, kept: &str) -> Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            if name.ends_with(TENSORS_FILE) && name != kept {
                fs::remove_file(self.folder.join(&*name)).context("cannot remove an older checkpoint")?;
            }
        }
        Ok(())
    }

    fn put(&self, name: &str, tensors: &HashMap<String, Tensor>) -> Result<()> {
        let temporary = self.folder.join(format!("{name}.new"));
        candle_core::safetensors::save(tensors, &temporary)?;
        move_there(&temporary, &self.folder.join(name)).with_context(|| format!("cannot keep {name}"))
    }

    /// Forgets the run.
    pub fn remove(&self) -> Result<()> {
        fs::remove_dir_all(&self.folder).with_context(|| format!("cannot remove {}", self.folder.display()))
    }
}

/// The data reach the disk before the name does.
fn move_there(from: &Path, to: &Path) -> io::Result<()> {
    File::open(from)?.sync_all()?;
    fs::rename(from, to)
}

fn tensors_file(State { epoch, batch, .. }: &State) -> String {
    match batch {
        0 => format!("{epoch}.{TENSORS_FILE}"),
        batch => format!("{epoch}-{batch}.{TENSORS_FILE}"),
    }
}
