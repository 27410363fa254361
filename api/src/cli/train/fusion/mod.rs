//! `deskwise train fusion`: from judged sets to how search weighs its scores.

mod fit;
mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use eval::fusion::Observed;
use eval::{beir, duplicates};
use manifest::Kind;
use search::{Search, SearchConfig};
use training::parameters;

use crate::cli::meter;
use crate::config::Config;
use crate::open;
use fit::fit;
use report::{SetReport, card, judge};

/// What to learn from.
#[derive(Debug, Args)]
pub struct Options {
    /// Folder of judged sets: one folder each, in BEIR layout, or with tickets.jsonl and duplicates.tsv.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Folder to write.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Prints the figures as JSON.
    #[arg(long)]
    json: bool,
}

/// What was seen of one set.
struct Set {
    name: String,
    language: String,
    /// Whether its queries have titles of their own.
    titled: bool,
    observed: Vec<Observed>,
}

/// Runs the command.
pub async fn run(options: &Options, config: &Config) -> Result<()> {
    let sets = see_all(&options.data, config).await?;
    let fusion = fit(&sets)?;
    let report: BTreeMap<&str, SetReport> = sets
        .iter()
        .map(|set| (set.name.as_str(), judge(set, &fusion)))
        .collect();
    let figures = serde_json::to_string_pretty(&report)?;
    let weights = toml::Table::try_from(&fusion)?;
    let card = card(&weights, &figures, &options.out);
    parameters::write(Kind::Fusion, &weights, &card, &options.out)?;
    super::report(&report, figures, options.json, &options.out)
}

async fn see_all(data: &Path, config: &Config) -> Result<Vec<Set>> {
    let folders = std::fs::read_dir(data).with_context(|| format!("cannot read {}", data.display()))?;
    let mut folders: Vec<PathBuf> = folders.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    folders.sort();
    let mut sets = Vec::new();
    for folder in folders {
        sets.extend(see(&folder, config).await?);
    }
    ensure!(!sets.is_empty(), "{} has no judged set", data.display());
    Ok(sets)
}

/// None where the folder is no judged set.
async fn see(folder: &Path, config: &Config) -> Result<Option<Set>> {
    let set = if duplicates::files(folder)[0].is_file() {
        duplicates::read(folder)?.into_retrieval()
    } else if beir::files(folder)[0].is_file() {
        beir::read(folder)?
    } else {
        return Ok(None);
    };
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let bar = meter::counting(&name, 0);
    let encoder = open::search_encoder(config)?;
    let embedded = eval::fusion::embed(&encoder, &set, &mut meter::moved(&bar)).await?;
    bar.finish_and_clear();
    let place = tempfile::tempdir().context("cannot make a temporary folder")?;
    let search = Search::open(SearchConfig::edge(place.path())).await?;
    Ok(Some(Set {
        language: embedded.language().context("no language was detected")?,
        titled: embedded.is_titled(),
        observed: embedded.observe(&search).await?,
        name,
    }))
}

fn wide(row: &[f32]) -> Vec<f64> {
    row.iter().map(|x| f64::from(*x)).collect()
}
