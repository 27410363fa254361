//! Where a model folder is to be: looked at before anything is spent on it, filled beside, and moved there at the end.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

/// File that tells people about the model.
pub(crate) const CARD_FILE: &str = "card.md";
/// Hexadecimal digits of a revision.
pub(crate) const REVISION_DIGITS: usize = 12;

/// The name of the model that is to be in this folder.
///
/// **Errors**: a folder without a usable name.
pub(crate) fn name_of(out: &Path) -> Result<&str> {
    let name = out.file_name().and_then(|name| name.to_str());
    name.with_context(|| format!("the output folder {} needs a name", out.display()))
}

/// Refuses a folder without a name, one that holds what must stay, and one that cannot be made or written; what is looked
/// at stays as it is.
///
/// **Errors**: a folder without a usable name, those of `refuse_foreign`, a place that cannot be written.
pub(crate) fn check(out: &Path, refuse_foreign: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    name_of(out)?;
    refuse_foreign(out)?;
    let parent = parent_of(out);
    let nearest = parent.ancestors().find(|folder| folder.exists());
    let beside = nearest.unwrap_or(Path::new("."));
    for folder in [Some(beside), out.exists().then_some(out)].into_iter().flatten() {
        tempfile::tempdir_in(folder).with_context(|| format!("cannot write in {}", folder.display()))?;
    }
    Ok(())
}

/// A folder to fill before it is moved to `out`, on the same disk.
///
/// **Errors**: the system's.
pub(crate) fn beside(out: &Path) -> Result<TempDir> {
    let parent = parent_of(out);
    fs::create_dir_all(&parent).with_context(|| format!("cannot make {}", parent.display()))?;
    tempfile::Builder::new()
        .prefix(".model-")
        .tempdir_in(&parent)
        .with_context(|| format!("cannot write in {}", parent.display()))
}

/// Writes a file of the model.
///
/// **Errors**: the system's.
pub(crate) fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = folder.join(name);
    fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Moves what [`beside()`] gave to `out`, as [`manifest::install()`] does.
///
/// **Errors**: the system's.
pub(crate) fn move_there(filled: &TempDir, out: &Path) -> Result<()> {
    manifest::install(filled.path(), out).with_context(|| format!("cannot move the model to {}", out.display()))
}

fn parent_of(out: &Path) -> PathBuf {
    match out.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
