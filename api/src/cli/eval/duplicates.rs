//! `deskwise eval duplicates`: known duplicates among tickets, as the search finds them and as triage flags them.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use eval::beir::Document;
use eval::fingerprint::Fingerprint;
use eval::matters::Observed;
use eval::retrieval::{Mode, Ranked};
use eval::{Kind, Metrics, duplicates};

use super::{Output, last, retrieval};
use crate::cli::train::duplicates as flag;
use crate::config::Config;
use crate::open;

/// Which tickets.
#[derive(Debug, Args)]
pub struct Options {
    /// Folder with tickets.jsonl and duplicates.tsv.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Runs the command.
pub async fn run(options: &Options, config: &Config) -> Result<()> {
    let Judged { run, corpus, .. } = judge(&options.data, config).await?;
    let title = format!("Duplicates in {}", last(&options.data));
    options.output.finish(&run.files(&title, &corpus)?, &run.metrics)
}

/// Linked tickets, judged.
pub struct Judged {
    /// What the search finds; with the figures of the flag, as it ships.
    pub run: Ranked,
    /// The tickets as they were searched.
    pub corpus: Vec<Document>,
    /// What the linked ones share with those that the desk compares them with.
    pub observed: Observed,
}

/// Asks the search for every ticket that somebody linked, and the shipped model whether each is what it was linked with.
///
/// **Errors**: those of [`duplicates::read`], the encoder's and the search's.
pub async fn judge(folder: &Path, config: &Config) -> Result<Judged> {
    let pairs = duplicates::read(folder)?;
    let files = duplicates::files(folder);
    let set = pairs.clone().into_retrieval();
    let mut run = retrieval::ranked(Kind::Duplicates, &set, Mode::Hybrid, &files, config).await?;
    let observed = add_flags(&mut run.metrics, pairs, config).await?;
    Ok(Judged {
        run,
        corpus: set.corpus,
        observed,
    })
}

/// Adds what the flag is worth on tickets that somebody linked. Of all tickets it is only told how many pairs are flagged.
async fn add_flags(metrics: &mut Metrics, pairs: duplicates::Pairs, config: &Config) -> Result<Observed> {
    let observed = flag::observe(pairs.into_matters(), config).await?;
    let model = open::duplicates(config)?;
    let of_all = pairs_flagged(&flag::as_shipped(&observed, &model));
    let observed = observed.of_linked();
    let shipped = flag::as_shipped(&observed, &model);
    metrics.fact("pairs_flagged_of_all", of_all);
    metrics.facts.extend(shipped.facts);
    metrics.figures.extend(shipped.figures);
    let folder = open::model_folder(config, &config.models.duplicates)?;
    metrics.fingerprints.models.push(Fingerprint::of_model(&folder)?);
    Ok(observed)
}

/// Adds, as `refitted_…`, what the flag is worth when it is fitted on these very tickets, by cross-validation.
///
/// **Errors**: too little to fit on.
pub fn add_refitted(metrics: &mut Metrics, observed: &Observed) -> Result<()> {
    let refitted = flag::cross_validated(observed, &flag::learn(observed)?);
    metrics.fact("refitted_pairs_flagged", pairs_flagged(&refitted));
    for (name, figure) in refitted.figures {
        metrics.add(&format!("refitted_{name}"), figure);
    }
    Ok(())
}

fn pairs_flagged(metrics: &Metrics) -> f64 {
    metrics.facts.get("pairs_flagged").copied().unwrap_or_default()
}
