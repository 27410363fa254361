//! `deskwise retrain`: the heads fitted anew on what the desk has learnt.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use desk::HeadRole;
use store::Store;

use crate::cli::meter;
use crate::config::Config;
use crate::learning::{self, Means, Report, SharedVectors, Shelf};
use crate::open;

/// Which heads. Works while a server runs, which takes up what is put in force within a second.
#[derive(Debug, Args)]
pub struct Options {
    /// category or priority; both when left out.
    #[arg(long)]
    head: Option<HeadRole>,
    /// Prints the outcome as JSON, one object a head.
    #[arg(long)]
    json: bool,
    /// Vectors that a server hands over, which holds the index that has them.
    #[arg(long, value_name = "FILE", hide = true)]
    vectors: Option<PathBuf>,
}

/// Runs the command: every head is tried and reported, whatever becomes of the others.
///
/// **Errors:** no head could be fitted, or something broke; the reports are printed all the same.
pub async fn run(options: Options, config: &Config) -> Result<()> {
    std::fs::create_dir_all(&config.data_dir)?;
    let shelf = Shelf::open(config)?;
    let store = open::store(config).await?;
    open::know_shipped(&store, &shelf).await?;
    let encoder = open::encoder(config)?;
    let heads = options.head.map_or_else(|| HeadRole::ALL.to_vec(), |head| vec![head]);
    let known = learning::known(config, &store, &encoder, options.vectors.as_deref()).await;
    let mut reports = Vec::new();
    for head in heads {
        let means = Means {
            encoder: encoder.clone(),
            known: SharedVectors::clone(&known),
            precision: config.triage.precision(head),
            // A server that hands vectors over runs this when nothing else wants the processor, and writes for it; others on
            // its database could not wait for the files.
            keeps_files: options.vectors.is_none() || store.is_shared(),
        };
        let report = retrain(&store, &shelf, means, head).await;
        print(&report, options.json)?;
        reports.push(report);
    }
    store.close().await;
    learning::keep(config, &known)?;
    refuse_failures(&reports)
}

async fn retrain(store: &Store, shelf: &Shelf, means: Means, head: HeadRole) -> Report {
    let bar = meter::counting("train", 0);
    let mut acted = meter::acted(&bar);
    let retrained = learning::retrain(store, shelf, means, head, move |progress| {
        acted(progress.act, progress.done, progress.total);
    })
    .await;
    bar.finish_and_clear();
    Report::new(head, retrained)
}

fn print(report: &Report, as_json: bool) -> Result<()> {
    if as_json {
        println!("{}", serde_json::to_string(report)?);
    } else {
        println!("{report}");
    }
    Ok(())
}

fn refuse_failures(reports: &[Report]) -> Result<()> {
    let not_fitted = reports.iter().filter(|report| !report.is_fitted());
    let reasons: Vec<String> = not_fitted.map(ToString::to_string).collect();
    if reasons.len() == reports.len() || reports.iter().any(Report::is_broken) {
        bail!("{}", reasons.join("\n"));
    }
    Ok(())
}
