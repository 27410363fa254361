//! `deskwise config`: the settings in force.

use anyhow::{Context, Result};

use crate::config::Config;

/// Prints the settings as TOML, secrets masked.
pub fn run(config: &Config) -> Result<()> {
    let shown = toml::to_string(config).context("the settings cannot be shown")?;
    print!("{shown}");
    Ok(())
}
