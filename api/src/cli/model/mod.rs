//! `deskwise model`: weights from the sources a manifest names, and the versions of the heads.

mod versions;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;

use crate::cli::meter;
use crate::config::Config;
use crate::open;

/// What to do with models.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fetches the files a model's manifest names and checks their sums.
    Pull {
        /// A folder below models_dir, or a path; the encoders in use when left out.
        name: Option<String>,
        /// A folder to look for the files in first.
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
    },
    /// The versions of the heads.
    #[command(flatten)]
    Versions(versions::Command),
}

/// Runs the command.
pub async fn run(command: Command, config: &Config) -> Result<()> {
    match command {
        Command::Pull { name, from } => pull_named(name, from, config).await,
        Command::Versions(command) => versions::run(command, config).await,
    }
}

async fn pull_named(name: Option<String>, from: Option<PathBuf>, config: &Config) -> Result<()> {
    let folders = match name {
        Some(name) => vec![open::model_folder(config, &name)?],
        None => open::encoder_folders(config)?,
    };
    for folder in folders {
        let place = folder.display().to_string();
        pull_beside(folder, from.clone()).await?;
        println!("{place} is complete");
    }
    Ok(())
}

/// Fetches the weights of the encoders in use.
///
/// **Errors:** as of [`pull()`].
pub async fn pull_encoders(config: &Config) -> Result<()> {
    for folder in open::encoder_folders(config)? {
        pull_beside(folder, None).await?;
    }
    Ok(())
}

async fn pull_beside(folder: PathBuf, from: Option<PathBuf>) -> Result<()> {
    tokio::task::spawn_blocking(move || pull(&folder, from))
        .await
        .context("the download was interrupted")?
}

/// Fetches what is missing, with a progress bar.
///
/// **Errors:** no source could give files with the right sums.
fn pull(folder: &Path, from: Option<PathBuf>) -> Result<()> {
    let bar = meter::bytes("weights", 0);
    let options = manifest::PullOptions {
        folder: from,
        ..manifest::PullOptions::default()
    };
    let pulled = manifest::pull(folder, &options, &mut |progress| {
        bar.set_message(progress.file.clone());
        bar.set_length(progress.total.unwrap_or(progress.bytes));
        bar.set_position(progress.bytes);
    });
    bar.finish_and_clear();
    pulled?;
    Ok(())
}
