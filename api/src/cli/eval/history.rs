//! `deskwise eval history`: what a head would have done with the desk's own past.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use desk::{Decision, HeadRole, ModelOrigin};
use encoder::Encoder;
use eval::Metrics;
use eval::classify::{self, LeftOut, Models, Set};
use eval::history::{self, Before, PastTicket, Split};
use eval::learnt::Learnt;
use eval::rows::LabelledText;
use store::Store;
use uuid::Uuid;

use super::retrained::{Pupil, Teacher};
use super::taught::Taught;
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
    /// Head to judge on the newest tickets, without those that it or the encoder has learnt; when left out, one is taught on
    /// the older ones as `retrain` would have made it then.
    #[arg(long, value_name = "DIR", conflicts_with = "recipe")]
    head: Option<String>,
    /// How to teach it, as TOML; as `retrain` does when left out.
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

/// What the store says, so that it can be closed.
struct Past {
    split: Split,
    subject: Subject,
}

/// Which head is judged.
enum Subject {
    /// One that is there, in this folder.
    There(PathBuf),
    /// One that retraining would have made.
    Retrained(Teacher),
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
    let encoder = open::encoder(config)?;
    let store = open::store(config).await?;
    let past = read(&store, &encoder, &options, config).await;
    store.close().await;
    let (past, config) = (past?, config.clone());
    tokio::task::spawn_blocking(move || judge(&options, past, &encoder, &config))
        .await
        .context("the evaluation was interrupted")?
}

/// The past in two parts, the newer one without what the head and the encoder have learnt, and how that head is come by.
async fn read(store: &Store, encoder: &Encoder, options: &Options, config: &Config) -> Result<Past> {
    let past = past(store, options.field).await?;
    let ids: HashMap<usize, Uuid> = past.iter().map(|(id, ticket)| (ticket.row.row, *id)).collect();
    let mut split = history::split(past.into_iter().map(|(_, ticket)| ticket).collect(), options.newest)?;
    let by_encoder = training::Learnt::of_encoder(&open::model_folder(config, &config.models.encoder)?)?;
    let subject = match &options.head {
        Some(head) => {
            let folder = open::model_folder(config, head)?;
            leave_out_learnt(&mut split, &by_encoder, store, options.field, &folder).await?;
            Subject::There(folder)
        }
        None => {
            split.leave_out_learnt(|text| by_encoder.has(text))?;
            Subject::Retrained(Teacher::find(store, encoder, options.field, config).await?)
        }
    };
    for ticket in &mut split.newer {
        if let Some(id) = ids.get(&ticket.row.row) {
            let decision = store.latest_decision(*id).await?;
            ticket.before = decision.map(|decision| before(decision, options.field));
        }
    }
    Ok(Past { split, subject })
}

/// Leaves out what the encoder has learnt, and what the head has, or where it does not know that itself, may have.
async fn leave_out_learnt(
    split: &mut Split,
    by_encoder: &training::Learnt,
    store: &Store,
    field: HeadRole,
    folder: &Path,
) -> Result<()> {
    match Learnt::by(folder)? {
        Some(learnt) => split.leave_out_learnt(|text| by_encoder.has(text) || learnt.has(text)),
        None => {
            let may_have_learnt = learning::may_have_learnt(field, is_of_desk(store, field, folder).await?);
            split.leave_out_learnt(|text| by_encoder.has(text) || may_have_learnt(text))
        }
    }
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

fn judge(options: &Options, past: Past, encoder: &Encoder, config: &Config) -> Result<()> {
    let Past { split, subject } = past;
    let encoder_folder = open::model_folder(config, &config.models.encoder)?;
    let judged: Vec<LabelledText> = split.newer.iter().map(|ticket| ticket.row.clone()).collect();
    let (head, lonely) = match subject {
        Subject::There(folder) => (Taught::there(folder, encoder_folder), None),
        Subject::Retrained(teacher) => {
            let encoder = (encoder, encoder_folder.as_path());
            let Pupil { head, lonely } = teacher.teach(&split, &judged, options.recipe.as_deref(), encoder)?;
            (head, Some(lonely))
        }
    };
    let models = Models {
        head: &head.folder,
        encoder: &head.encoder,
        target_precision: options.target_precision.or(config.triage.precision(options.field)),
    };
    let set = Set {
        rows: judged,
        left_out: Some(LeftOut {
            rows: split.learnt,
            outsiders: 0,
        }),
        ..Set::default()
    };
    let bar = meter::counting("judge", set.rows.len() as u64);
    let mut run = classify::run(models, encoder, set, &mut meter::moved(&bar))?;
    bar.finish_and_clear();
    head.describe(&mut run.metrics);
    tell_left_out(&mut run.metrics, split.learnt, lonely);
    history::add_weekly(&mut run.metrics, &split, &run.predictions);
    eprintln!("{}", history::sentence(&run.metrics));
    let head = options.head.as_deref().unwrap_or("a head taught on the past");
    options.output.finish(
        &run.files(&format!("{} on the newest tickets", last(Path::new(head))))?,
        &run.metrics,
    )
}

/// Says what was not judged and what was not taught.
fn tell_left_out(metrics: &mut Metrics, learnt: usize, lonely: Option<usize>) {
    if learnt > 0 {
        eprintln!("{learnt} of the newest tickets are left out: the head or the encoder has learnt them, or may have");
    }
    if let Some(lonely) = lonely {
        metrics.fact("rows_not_taught_as_alone_of_their_label", lonely as f64);
        if lonely > 0 {
            eprintln!("{lonely} rows are not taught: no other text has their label");
        }
    }
}
