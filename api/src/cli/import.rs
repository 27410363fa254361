//! `deskwise import tickets`: a file into the desk, safe to run again.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use desk::{Actor, TriageState};
use store::{Store, StoreError, Submission};

use crate::cli::import_articles::{self, Articles};
use crate::cli::meter;
use crate::config::Config;
use crate::http::BadField;
use crate::import::{self, Columns, ImportError, Rejected, Row, Rows};
use crate::open::{self, Desk};

/// What the name of a file of rejected entries ends with.
pub(super) const REJECTED: &str = ".rejected.jsonl";
/// Rows stored together.
const CHUNK: usize = 500;
/// How often the triage of a running server is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// What to load.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tickets from JSON Lines (.jsonl) or CSV with a header (.csv).
    Tickets(Tickets),
    /// Articles of the knowledge base from a folder of Markdown, HTML and JSON Lines.
    Articles(Articles),
}

/// A file of tickets.
#[derive(Debug, Args)]
pub struct Tickets {
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
pub async fn run(command: Command, config: &Config) -> Result<()> {
    match command {
        Command::Tickets(options) => tickets(options, config).await,
        Command::Articles(options) => import_articles::run(&options, config).await,
    }
}

async fn tickets(options: Tickets, config: &Config) -> Result<()> {
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
    place.finish(options.no_wait).await
}

/// Where tickets go: into a desk of our own, or into the database that a running server triages from.
pub(super) enum Place {
    Own(Desk),
    Shared(Store),
}

impl Place {
    pub(super) async fn open(config: &Config, no_wait: bool) -> Result<Self> {
        if no_wait {
            return Ok(Place::Shared(open::store(config).await?));
        }
        match open::desk(config).await {
            Ok(desk) => Ok(Place::Own(desk)),
            Err(error) if open::is_in_use(&error) => Ok(Place::Shared(open::store(config).await?)),
            Err(error) => Err(error),
        }
    }

    pub(super) fn store(&self) -> &Store {
        match self {
            Place::Own(desk) => desk.app.store(),
            Place::Shared(store) => store,
        }
    }

    /// Waits until every article can be found, whether we index it or a running server does.
    pub(super) async fn index_articles(self) -> Result<()> {
        loop {
            match &self {
                Place::Own(desk) if desk.app.knowledge.sweep().await? > 0 => {}
                _ if self.store().articles_to_index(1).await?.is_empty() => break,
                _ => tokio::time::sleep(LOOK).await,
            }
        }
        if let Place::Own(desk) = &self {
            desk.app.triage.finish().await;
        }
        self.store().close().await;
        Ok(())
    }

    /// Waits until nothing waits for triage any more.
    async fn finish(self, no_wait: bool) -> Result<()> {
        if !no_wait {
            self.follow().await?;
        }
        if let Place::Own(desk) = &self {
            desk.app.triage.finish().await;
        }
        self.store().close().await;
        Ok(())
    }

    async fn follow(&self) -> Result<()> {
        let waiting = self.waiting().await?;
        let bar = meter::counting("triage", waiting);
        loop {
            let left = self.waiting().await?;
            bar.set_position(waiting.saturating_sub(left));
            if left == 0 {
                bar.finish();
                return Ok(());
            }
            match self {
                Place::Own(desk) if Arc::clone(&desk.app.triage).sweep().await? > 0 => {}
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    }

    async fn waiting(&self) -> Result<u64> {
        let counts = self.store().counts().await?;
        Ok(counts.in_state(TriageState::Received).unsigned_abs())
    }
}

impl Tickets {
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

/// Where the rejected entries of a file or a folder are written: beside it.
pub(super) fn rejected_beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(REJECTED);
    name.into()
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

async fn load(rows: Rows, total: u64, store: &Store, options: &Tickets) -> Result<Outcome> {
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

/// The file of rejected lines, made with the first of them.
pub(super) struct Rejects {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    count: u64,
}

impl Rejects {
    pub(super) fn new(path: PathBuf) -> Self {
        Rejects {
            path,
            file: None,
            count: 0,
        }
    }

    pub(super) fn write(&mut self, rejected: &Rejected) -> Result<()> {
        let cannot = || format!("cannot write {}", self.path.display());
        let file = match &mut self.file {
            Some(file) => file,
            None => self
                .file
                .insert(BufWriter::new(File::create(&self.path).with_context(cannot)?)),
        };
        serde_json::to_writer(&mut *file, rejected)?;
        file.write_all(b"\n").with_context(cannot)?;
        self.count += 1;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<u64> {
        if let Some(file) = &mut self.file {
            file.flush()
                .with_context(|| format!("cannot write {}", self.path.display()))?;
        }
        Ok(self.count)
    }
}
