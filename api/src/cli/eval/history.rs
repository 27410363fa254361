//! `deskwise eval history`: what a head would have done with the desk's own past.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use desk::{CorrectedField, Ticket};
use eval::classify::{self, Models, Set};
use eval::history::{self, PastTicket, Split};
use eval::rows::{self, LabelledText};
use store::{PageRequest, Store};
use uuid::Uuid;

use super::taught::{Taught, Teaching, teach};
use super::{Output, last};
use crate::cli::meter;
use crate::config::Config;
use crate::open;

/// Rows read from the database at once.
const PAGE: u32 = 500;

/// Which head, and how the past is cut.
#[derive(Debug, Args)]
pub struct Options {
    /// What the head decides.
    #[arg(long, default_value = "category")]
    field: Field,
    /// Head to judge on the newest tickets; one is taught on the older ones when left out.
    #[arg(long, value_name = "DIR", conflicts_with = "recipe")]
    head: Option<String>,
    /// How to teach it, as TOML.
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
    /// Share of the tickets, the newest, to judge on.
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    newest: f64,
    /// Asks the head for another precision, between 0 and 1.
    #[arg(long, value_name = "SHARE")]
    target_precision: Option<f64>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Field {
    Category,
    Priority,
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
    let past = past(&store, options.field).await;
    store.close().await;
    let split = history::split(past?, options.newest)?;
    let config = config.clone();
    tokio::task::spawn_blocking(move || judge(&options, &split, &config))
        .await
        .context("the evaluation was interrupted")?
}

/// Every ticket whose label people have confirmed, by a correction or by finishing it.
async fn past(store: &Store, field: Field) -> Result<Vec<PastTicket>> {
    let corrected = first_labels(store, field).await?;
    let mut past = Vec::new();
    let mut after = 0;
    loop {
        let tickets = store.tickets_after(after, PAGE).await?;
        let Some(last) = tickets.last() else {
            return Ok(past);
        };
        after = last.number;
        past.extend(tickets.iter().filter_map(|ticket| confirmed(ticket, field, &corrected)));
    }
}

fn confirmed(ticket: &Ticket, field: Field, corrected: &HashMap<Uuid, Option<String>>) -> Option<PastTicket> {
    let label = match field {
        Field::Category => ticket.category.clone(),
        Field::Priority => ticket.priority.map(|priority| priority.to_string()),
    }?;
    let first = match corrected.get(&ticket.id) {
        Some(first) => first.clone(),
        None if ticket.is_settled() => Some(label.clone()),
        None => return None,
    };
    Some(PastTicket {
        row: LabelledText {
            text: desk::text::without_quoted_history(&ticket.text()),
            label,
        },
        first,
        at: ticket.created_at.unix_timestamp(),
    })
}

/// What each corrected ticket was taken for before the first correction.
async fn first_labels(store: &Store, field: Field) -> Result<HashMap<Uuid, Option<String>>> {
    let wanted = match field {
        Field::Category => CorrectedField::Category,
        Field::Priority => CorrectedField::Priority,
    };
    let mut first = HashMap::new();
    let mut page = PageRequest::first(PAGE);
    loop {
        let corrections = store.list_corrections(None, &page).await?;
        for correction in corrections.items.into_iter().filter(|one| one.field == wanted) {
            first.entry(correction.ticket_id).or_insert(correction.before);
        }
        match corrections.next {
            Some(cursor) => page = PageRequest::after(PAGE, cursor),
            None => return Ok(first),
        }
    }
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
    let set = Set {
        rows: judged,
        ..Set::default()
    };
    let models = Models {
        head: &taught.folder,
        encoder: &taught.encoder,
        target_precision: options.target_precision,
    };
    let bar = meter::counting("judge", set.rows.len() as u64);
    let mut run = classify::run(models, &open::encoder(config)?, &set, &mut meter::moved(&bar))?;
    bar.finish_and_clear();
    taught.describe(&mut run.metrics);
    run.metrics
        .fact("rows_not_taught_as_alone_of_their_label", split.lonely as f64);
    history::add_weekly(&mut run.metrics, &split.newer, &run.predictions);
    eprintln!("{}", history::sentence(&run.metrics));
    let head = options.head.as_deref().unwrap_or("a head taught on the past");
    options.output.finish(
        &run.files(&format!("{} on the newest tickets", last(Path::new(head))))?,
        &run.metrics,
    )
}
