//! A fine-tuned encoder → `models/<name>/`, a folder like any other encoder's.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use candle_core::Tensor;
use classifier::LEARNT_FILE;
use manifest::{EncoderSpec, FileEntry, Kind, MANIFEST_FILE, Manifest, Model, hexadecimal, sha256_of};
use sha2::{Digest, Sha256};

use super::{FineTune, Mixed, Trained, Tuned, spec_of};
use crate::place::{self, CARD_FILE, REVISION_DIGITS, name_of, put};

/// Refuses what writing the encoder would, before anything is spent on it; what is looked at stays as it is.
///
/// **Errors**: `out` without a usable name, `out` that was not made by us, a place that cannot be written.
pub fn check_place(out: &Path) -> Result<()> {
    place::check(out, refuse_foreign)
}

/// Nothing is replaced but a fine-tuned encoder.
fn refuse_foreign(out: &Path) -> Result<()> {
    let card = fs::read_to_string(out.join(CARD_FILE)).unwrap_or_default();
    if out.exists() && !card.contains(MADE_HERE) {
        bail!(
            "{} exists and is not a fine-tuned encoder; it is left alone",
            out.display()
        );
    }
    Ok(())
}

/// In the card of every encoder we made.
const MADE_HERE: &str = "Fine-tuned from";

/// Writes the folder beside `out` and moves it into place.
///
/// **Errors**: `out` without a usable name, a full disk.
pub fn write(trained: &Trained, weights: &HashMap<String, Tensor>, shares: (f64, &[Mixed]), out: &Path) -> Result<()> {
    let (base, options, tuned) = (&trained.model, &trained.options, trained.tuned()?);
    let name = name_of(out)?;
    let place = place::beside(out)?;
    let folder = place.path();
    let spec = spec_of(base)?;
    for file in [&spec.config, &spec.tokenizer] {
        fs::copy(base.folder.join(file), folder.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    candle_core::safetensors::save(weights, folder.join(&spec.weights))?;
    let files = [&spec.config, &spec.tokenizer, &spec.weights];
    let mut files = files
        .iter()
        .map(|file| entry(folder, file))
        .collect::<Result<Vec<_>>>()?;
    let sums: String = files.iter().map(|file| file.sha256.as_str()).collect();
    let revision = hexadecimal(&Sha256::digest(sums))[..REVISION_DIGITS].to_owned();
    // Behind the sums that make the revision: it changes no vector.
    put(folder, LEARNT_FILE, &trained.learnt.to_bytes())?;
    files.push(entry(folder, LEARNT_FILE)?);
    put(
        folder,
        CARD_FILE,
        card(base, name, &revision, &tuned, shares, options)?.as_bytes(),
    )?;
    let manifest = Manifest {
        name: name.to_owned(),
        revision,
        kind: Kind::Encoder,
        files,
        sources: Vec::new(),
        // It learnt from the texts as they are.
        encoder: Some(EncoderSpec {
            glossary: None,
            ..spec.clone()
        }),
        head: None,
        fusion: None,
        duplicates: None,
        answerability: None,
    };
    put(folder, MANIFEST_FILE, toml::to_string(&manifest)?.as_bytes())?;
    place::move_there(&place, out)
}

fn entry(folder: &Path, file: &str) -> Result<FileEntry> {
    let path = folder.join(file);
    Ok(FileEntry {
        path: file.to_owned(),
        sha256: sha256_of(&path).with_context(|| format!("cannot read {}", path.display()))?,
        bytes: Some(fs::metadata(&path)?.len()),
    })
}

fn card(
    base: &Model,
    name: &str,
    revision: &str,
    tuned: &Tuned,
    (share, tried): (f64, &[Mixed]),
    options: &FineTune,
) -> Result<String> {
    let recipe = toml::to_string(options)?;
    let losses: Vec<String> = tuned.losses.iter().map(|loss| format!("{loss:.4}")).collect();
    let tried: Vec<String> = tried
        .iter()
        .map(|tried| format!("{:.4} with {}", tried.log_loss, tried.share))
        .collect();
    let tried = if tried.is_empty() {
        String::new()
    } else {
        format!(" The head over it has a held-out log-loss of {}.", tried.join(", "))
    };
    Ok(format!(
        "# {name}\n\nRevision `{revision}`. {MADE_HERE} {} at {} by cross-entropy on labelled texts. Mean log-loss on \
         rows it was not trained on, epoch by epoch: {}; the weights after epoch {} were kept, with a share of {share} \
         in the mean with those before training.{tried}\n\n## What it cannot \
         tell\n\nIt was bent towards these labels: for search the encoder it came from is the better one.\n\n## \
         Recipe\n\n```toml\n{recipe}```\n",
        base.manifest.name,
        base.manifest.revision,
        losses.join(", "),
        tuned.best + 1,
    ))
}
