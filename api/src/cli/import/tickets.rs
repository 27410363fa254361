//! `deskwise import tickets`: a file into the desk.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use desk::Actor;
use store::{Store, StoreError, Submission};

use super::{Place, Rejects, rejected_beside};
use crate::cli::meter;
use crate::config::Config;
use crate::http::BadField;
use crate::import::{self, Columns, ImportError, Rejected, Row, Rows};

/// Rows stored together.
const CHUNK: usize = 500;

/// A file of tickets.
#[derive(Debug, Args)]
pub struct Options {
    /// The file.
    file: PathBuf,
    /// Column with the subject line; `subject` when left out.
    #[arg(long, value_name = "COLUMN")]
    subject: Option<String>,
    /// Column with what the customer wrote; `body`, else `text`, when left out.
    #[arg(long, value_name = "COLUMN", conflicts_with = "text")]
    body: Option<String>,
    /// The same as --body.
    #[arg(long, value_name = "COLUMN")]
    text: Option<String>,
    /// Column with the id in the system it comes from; a row is stored once per id.
    #[arg(long, value_name = "COLUMN")]
    external_id: Option<String>,
    /// Column with the time it was written (RFC 3339).
    #[arg(long, value_name = "COLUMN")]
    created_at: Option<String>,
    /// Namespace of the ids; the file's name when left out.
    #[arg(long)]
    source: Option<String>,
    /// Ends when everything is stored; triage is left to the next server.
    #[arg(long)]
    no_wait: bool,
}

/// What became of the rows.
#[derive(Default)]
struct Outcome {
    stored: u64,
    known: u64,
    rejected: u64,
}

/// Runs the command.
pub async fn run(options: Options, config: &Config) -> Result<()> {
    // Faults of the whole file come first: nothing is opened and nothing stored.
    let rows = import::rows(&options.file, &options.columns())?;
    let total = count(import::rows(&options.file, &options.columns())?)?;
    let place = Place::open(config, options.no_wait).await?;
    let outcome = load(rows, total, place.store(), &options).await?;
    println!(
        "{} stored, {} known before, {} rejected",
        outcome.stored, outcome.known, outcome.rejected
    );
    if outcome.rejected > 0 {
        println!(
            "the rejected lines and their reasons are in {}",
            options.rejected_file().display()
        );
    }
    place.finish(config, options.no_wait).await
}

impl Options {
    fn columns(&self) -> Columns {
        Columns {
            subject: self.subject.clone(),
            body: self.body.clone().or_else(|| self.text.clone()),
            external_id: self.external_id.clone(),
            created_at: self.created_at.clone(),
            source: self.source.clone().unwrap_or_else(|| file_name(&self.file)),
        }
    }

    fn rejected_file(&self) -> PathBuf {
        rejected_beside(&self.file)
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

fn count(rows: Rows) -> Result<u64, ImportError> {
    rows.map(|row| row.map(|_| 1)).sum()
}

async fn load(rows: Rows, total: u64, store: &Store, options: &Options) -> Result<Outcome> {
    let bar = meter::counting("store", total);
    let mut rejects = Rejects::new(options.rejected_file());
    let mut outcome = Outcome::default();
    let mut chunk = Vec::with_capacity(CHUNK);
    for row in rows {
        match row? {
            Ok(row) => chunk.push(row),
            Err(rejected) => rejects.write(&rejected)?,
        }
        if chunk.len() == CHUNK {
            submit(std::mem::take(&mut chunk), store, &mut outcome, &mut rejects).await?;
        }
        bar.inc(1);
    }
    submit(chunk, store, &mut outcome, &mut rejects).await?;
    outcome.rejected = rejects.finish()?;
    bar.finish();
    Ok(outcome)
}

async fn submit(rows: Vec<Row>, store: &Store, outcome: &mut Outcome, rejects: &mut Rejects) -> Result<()> {
    let actor = Actor::operator("import");
    let submission = |row: &Row| Submission {
        ticket: row.ticket.clone(),
        key: None,
        actor: actor.clone(),
        claim: Duration::ZERO,
    };
    let answers = store.submit_tickets(rows.iter().map(submission).collect()).await;
    for (row, answer) in rows.iter().zip(answers) {
        match answer {
            Ok(stored) if stored.replayed => outcome.known += 1,
            Ok(_) => outcome.stored += 1,
            Err(StoreError::Invalid(errors)) => {
                let reasons = errors.into_iter().map(BadField::from).collect();
                rejects.write(&Rejected::of(row.line, reasons, &row.fields))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
