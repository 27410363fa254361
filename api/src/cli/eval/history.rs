//! `deskwise eval history`: what a head would have done with the desk's own past.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use desk::{Decision, HeadRole, ModelOrigin};
use eval::classify::{self, Models, Set};
use eval::history::{self, Before, PastTicket, Split};
use eval::rows::{self, LabelledText};
use store::Store;
use uuid::Uuid;

use super::taught::{Taught, Teaching, teach};
use super::{Output, last};
use crate::cli::meter;
use crate::config::Config;
use crate::learning;
use crate::open;

/// Which head, and how the past is cut.
#[derive(Debug, Args)]
pub struct Options {
    /// What the head decides: category or priority.
    #[arg(long, default_value = "category")]
    field: HeadRole,
    /// Head to judge on the newest tickets, without those it may have learnt; one is taught on the older ones when left
    /// out.
    #[arg(long, value_name = "DIR", conflicts_with = "recipe")]
    head: Option<String>,
    /// How to teach it, as TOML.
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
    /// Share of the tickets, the newest, to judge on.
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    newest: f64,
    /// Asks the head for another precision than the desk does, between 0 and 1.
    #[arg(long, value_name = "SHARE")]
    target_precision: Option<f64>,
    #[command(flatten)]
    output: Output,
}

/// Runs the command; a running server goes on meanwhile.
pub async fn run(options: Options, config: &Config) -> Result<()> {
    ensure!(
        options.newest > 0.0 && options.newest < 1.0,
        "--newest must be between 0 and 1"
    );
    ensure!(
        !config.store.url.expose().is_empty() || config.data_dir.is_dir(),
        "there is no desk in {}",
        config.data_dir.display()
    );
    let store = open::store(config).await?;
    let split = read(&store, &options, config).await;
    store.close().await;
    let (split, config) = (split?, config.clone());
    tokio::task::spawn_blocking(move || judge(&options, &split, &config))
        .await
        .context("the evaluation was interrupted")?
}

/// The past in two parts, the newer one without what the head may have learnt.
async fn read(store: &Store, options: &Options, config: &Config) -> Result<Split> {
    let past = past(store, options.field).await?;
    let ids: HashMap<usize, Uuid> = past.iter().map(|(id, ticket)| (ticket.row.row, *id)).collect();
    let mut split = history::split(past.into_iter().map(|(_, ticket)| ticket).collect(), options.newest)?;
    if let Some(head) = &options.head {
        let is_of_desk = is_of_desk(store, options.field, &open::model_folder(config, head)?).await?;
        split.leave_out_learnt(learning::may_have_learnt(options.field, is_of_desk))?;
    }
    for ticket in &mut split.newer {
        if let Some(id) = ids.get(&ticket.row.row) {
            let decision = store.latest_decision(*id).await?;
            ticket.before = decision.map(|decision| before(decision, options.field));
        }
    }
    Ok(split)
}

/// Every ticket whose label people have confirmed, by a correction or by finishing it, with its id.
async fn past(store: &Store, field: HeadRole) -> Result<Vec<(Uuid, PastTicket)>> {
    let mut past = Vec::new();
    learning::for_each_labelled(store, field, |ticket, text, label| {
        let row = LabelledText {
            row: usize::try_from(ticket.number).unwrap_or_default(),
            text,
            label,
        };
        let at = ticket.created_at.unix_timestamp();
        past.push((ticket.id, PastTicket { row, before: None, at }));
    })
    .await?;
    Ok(past)
}

fn before(decision: Decision, field: HeadRole) -> Before {
    let choice = match field {
        HeadRole::Category => decision.category,
        HeadRole::Priority => decision.priority,
    };
    choice.label.map_or(Before::Asked, Before::Decided)
}

/// Whether a head is a version that was fitted on the tickets of this desk.
async fn is_of_desk(store: &Store, field: HeadRole, folder: &Path) -> Result<bool> {
    let revision = manifest::Model::open(folder)?.manifest.revision;
    let versions = store.list_model_versions(field).await?;
    Ok(versions
        .iter()
        .any(|version| version.revision == revision && version.origin == ModelOrigin::Retrained))
}

fn judge(options: &Options, split: &Split, config: &Config) -> Result<()> {
    let encoder_folder = open::model_folder(config, &config.models.encoder)?;
    let rows = |tickets: &[PastTicket]| tickets.iter().map(|ticket| ticket.row.clone()).collect::<Vec<_>>();
    let judged = rows(&split.newer);
    let taught = match &options.head {
        Some(head) => Taught::there(open::model_folder(config, head)?, encoder_folder),
        None => {
            let (to_teach, leaks) = rows::drop_leaks(rows(&split.older), &judged);
            let teaching = Teaching {
                recipe: options.recipe.as_deref(),
                encoder: &encoder_folder,
                finetune: None,
            };
            teach(&to_teach, leaks, teaching).context("teaching a head on the older tickets")?
        }
    };
    if split.learnt > 0 {
        eprintln!(
            "{} of the newest tickets are left out: the head may have learnt them",
            split.learnt
        );
    }
    let set = Set {
        rows: judged,
        leaks: split.learnt,
        ..Set::default()
    };
    let models = Models {
        head: &taught.folder,
        encoder: &taught.encoder,
        target_precision: options.target_precision.or(config.triage.precision(options.field)),
    };
    let bar = meter::counting("judge", set.rows.len() as u64);
    let mut run = classify::run(models, &open::encoder(config)?, &set, &mut meter::moved(&bar))?;
    bar.finish_and_clear();
    taught.describe(&mut run.metrics);
    run.metrics
        .fact("rows_not_taught_as_alone_of_their_label", split.lonely as f64);
    history::add_weekly(&mut run.metrics, split, &run.predictions);
    eprintln!("{}", history::sentence(&run.metrics));
    let head = options.head.as_deref().unwrap_or("a head taught on the past");
    options.output.finish(
        &run.files(&format!("{} on the newest tickets", last(Path::new(head))))?,
        &run.metrics,
    )
}
