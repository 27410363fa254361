//! A fitted head → `models/<name>/`: all of it or nothing.

use std::path::Path;

use anyhow::{Context, Result, bail};
use classifier::WEIGHTS_FILE;
use manifest::{FileEntry, Kind, MANIFEST_FILE, Manifest, hexadecimal};
use sha2::{Digest, Sha256};

use crate::fit::Fitted;
use crate::place::{self, CARD_FILE, REVISION_DIGITS, name_of, put};
use crate::recipe::Recipe;
use crate::report::Report;

/// Writes the folder beside `out` and moves it into place; a head that was there is replaced, and what else lies there, such
/// as its versions, stays.
///
/// **Errors**: `out` without a usable name, `out` that is something else than a head, a full disk.
pub fn write(fitted: &Fitted, recipe: &Recipe, out: &Path) -> Result<()> {
    let name = name_of(out)?;
    refuse_foreign(out)?;
    let folder = place::beside(out)?;
    fill(fitted, recipe, name, folder.path())?;
    place::move_there(&folder, out)
}

/// Refuses what [`write()`] would, before anything is spent on it; what is looked at stays as it is.
///
/// **Errors**: `out` without a usable name, `out` that is something else than a head, a place that cannot be written.
pub fn check_place(out: &Path) -> Result<()> {
    place::check(out, refuse_foreign)
}

fn refuse_foreign(out: &Path) -> Result<()> {
    if out.exists() && !out.join(WEIGHTS_FILE).exists() {
        bail!("{} exists and is not a trained head; it is left alone", out.display());
    }
    Ok(())
}

fn fill(fitted: &Fitted, recipe: &Recipe, name: &str, folder: &Path) -> Result<()> {
    let weights = fitted.tensors.to_bytes()?;
    let head = toml::Table::try_from(&fitted.spec).context("cannot write the head's description")?;
    let digest = Sha256::new()
        .chain_update(&weights)
        .chain_update(head.to_string())
        .finalize();
    let revision = hexadecimal(&digest)[..REVISION_DIGITS].to_owned();
    put(folder, WEIGHTS_FILE, &weights)?;
    put(folder, CARD_FILE, card(fitted, recipe, name, &revision)?.as_bytes())?;
    let file = FileEntry {
        path: WEIGHTS_FILE.to_owned(),
        sha256: hexadecimal(&Sha256::digest(&weights)),
        bytes: Some(weights.len() as u64),
    };
    let manifest = Manifest {
        name: name.to_owned(),
        revision,
        kind: Kind::Head,
        files: vec![file],
        sources: Vec::new(),
        encoder: None,
        head: Some(head),
        fusion: None,
        duplicates: None,
        answerability: None,
    };
    put(
        folder,
        MANIFEST_FILE,
        toml::to_string(&manifest)
            .context("cannot write the manifest")?
            .as_bytes(),
    )
}

fn card(fitted: &Fitted, recipe: &Recipe, name: &str, revision: &str) -> Result<String> {
    let recipe_text = toml::to_string(recipe).context("cannot write the recipe")?;
    let vote = match fitted.spec.vote {
        Some(_) => ", beside the vote of its nearest examples,",
        None => "",
    };
    Ok(format!(
        "# {name}\n\nRevision `{revision}`. A multinomial logistic head over the vectors of {} and the words of the \
         text{vote} with {} labels. Learnt from {} texts.\n\n## Figures\n\n{}\n\n\
         {}\n## What it cannot tell\n\nIt knows the labels above and the kind of text it was trained on; a text with less \
         energy than {:.3} is called none of them. Confidence is calibrated on the same kind of text: on a desk \
         whose tickets differ, measure before trusting it.\n\n## Recipe\n\n```toml\n{recipe_text}```\n",
        fitted.spec.encoder,
        fitted.spec.labels.len(),
        fitted.report.rows,
        judged_on(&fitted.report, recipe),
        fitted.report.to_markdown(),
        fitted.spec.out_of_scope_energy,
    ))
}

/// Over an encoder that was itself trained, one part of the rows is all that was held out.
fn judged_on(report: &Report, recipe: &Recipe) -> String {
    let judged = report.scores.rows;
    if judged < report.rows {
        return format!(
            "On one part of {judged} texts that neither the encoder nor the head judged here had learnt, with \
             near-copies never on both sides and 95 % bootstrap intervals. The temperature of each row was fitted on \
             other rows of that part; the epochs of the encoder, its share of tuned weights, the penalty and the weight \
             of the votes were chosen on all of it."
        );
    }
    format!(
        "From {}-fold cross-validation in which near-copies never stand on both sides, with 95 % bootstrap intervals. \
         The vocabulary, the fit and the temperature of each fold know nothing of its held-out rows; the penalty and \
         the weight of the votes were chosen on all of them.",
        recipe.folds
    )
}
