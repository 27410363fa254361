//! `deskwise model`: weights from the sources a manifest names, and the versions of the heads.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;

use crate::cli::{meter, versions};
use crate::config::Config;
use crate::open;

/// What to do with models.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fetches the files a model's manifest names and checks their sums.
    Pull {
        /// A folder below models_dir, or a path; the encoder in use when left out.
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
    let folder = open::model_folder(config, name.as_deref().unwrap_or(&config.models.encoder))?;
    let place = folder.display().to_string();
    tokio::task::spawn_blocking(move || pull(&folder, from))
        .await
        .context("the download was interrupted")??;
    println!("{place} is complete");
    Ok(())
}

/// Fetches what is missing, with a progress bar.
///
/// **Errors:** no source could give files with the right sums.
pub fn pull(folder: &Path, from: Option<PathBuf>) -> Result<()> {
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
