//! `deskwise import`: files into the desk, safe to run again.

pub(super) mod articles;
mod tickets;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Subcommand;
use desk::TriageState;
use store::{DataFolder, Store};

use crate::cli::meter;
use crate::config::Config;
use crate::import::Rejected;
use crate::open::{self, Desk};

/// What the name of a file of rejected entries ends with.
const REJECTED: &str = ".rejected.jsonl";
/// How often the triage of a running server is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How long nobody must have had the data folder before an import does the work itself: a server that is started again
/// finds it free.
const LEFT_FOR: Duration = Duration::from_secs(5);

/// What to load.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tickets from JSON Lines (.jsonl) or CSV with a header (.csv).
    Tickets(tickets::Options),
    /// Articles of the knowledge base from a folder of Markdown, HTML and JSON Lines.
    Articles(articles::Options),
}

/// Runs the command.
pub async fn run(command: Command, config: &Config) -> Result<()> {
    match command {
        Command::Tickets(options) => tickets::run(options, config).await,
        Command::Articles(options) => articles::run(&options, config).await,
    }
}

/// Where tickets go: into a desk of our own, or into the database that a running server triages from.
enum Place {
    Own(Desk),
    Shared {
        store: Store,
        /// Since when nobody has had the data folder; none while somebody has.
        free_since: Option<Instant>,
    },
}

impl Place {
    async fn open(config: &Config, no_wait: bool) -> Result<Self> {
        if no_wait {
            return Place::shared(config).await;
        }
        match open::desk(config).await {
            Ok(desk) => Ok(Place::Own(desk)),
            Err(error) if open::is_in_use(&error) => Place::shared(config).await,
            Err(error) => Err(error),
        }
    }

    async fn shared(config: &Config) -> Result<Self> {
        Ok(Place::Shared {
            store: open::store(config).await?,
            free_since: None,
        })
    }

    fn store(&self) -> &Store {
        match self {
            Place::Own(desk) => desk.app.store(),
            Place::Shared { store, .. } => store,
        }
    }

    /// Waits until every article can be found, whether we index it or a running server does.
    async fn index_articles(mut self, config: &Config) -> Result<()> {
        loop {
            match &self {
                Place::Own(desk) if desk.app.knowledge.sweep().await? > 0 => {}
                _ if self.store().articles_to_index(1).await?.is_empty() => break,
                _ => self.wait(config).await?,
            }
        }
        if let Place::Own(desk) = &self {
            desk.app.triage.finish().await;
        }
        self.store().close().await;
        Ok(())
    }

    /// Waits until nothing waits for triage any more.
    async fn finish(mut self, config: &Config, no_wait: bool) -> Result<()> {
        if !no_wait {
            self.follow(config).await?;
        }
        if let Place::Own(desk) = &self {
            desk.app.triage.finish().await;
        }
        self.store().close().await;
        Ok(())
    }

    async fn follow(&mut self, config: &Config) -> Result<()> {
        let waiting = self.waiting().await?;
        let bar = meter::counting("triage", waiting);
        loop {
            let left = self.waiting().await?;
            bar.set_position(waiting.saturating_sub(left));
            if left == 0 {
                bar.finish();
                return Ok(());
            }
            match &*self {
                Place::Own(desk) if Arc::clone(&desk.app.triage).sweep().await? > 0 => {}
                _ => self.wait(config).await?,
            }
        }
    }

    /// Waits a moment. Where a server or another import had the data folder and is gone for good, what is left to do is
    /// ours from then on.
    async fn wait(&mut self, config: &Config) -> Result<()> {
        tokio::time::sleep(LOOK).await;
        let Place::Shared { store, free_since } = self else {
            return Ok(());
        };
        if DataFolder::lock(&config.data_dir).is_err() {
            *free_since = None;
            return Ok(());
        }
        if free_since.get_or_insert_with(Instant::now).elapsed() < LEFT_FOR {
            return Ok(());
        }
        match open::desk(config).await {
            Ok(desk) => {
                store.close().await;
                *self = Place::Own(desk);
                Ok(())
            }
            // Somebody was faster.
            Err(error) if open::is_in_use(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn waiting(&self) -> Result<u64> {
        let counts = self.store().counts().await?;
        Ok(counts.in_state(TriageState::Received).unsigned_abs())
    }
}

/// Where the rejected entries of a file or a folder are written: beside it.
fn rejected_beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(REJECTED);
    name.into()
}

/// The file of rejected lines, made with the first of them.
struct Rejects {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    count: u64,
}

impl Rejects {
    fn new(path: PathBuf) -> Self {
        Rejects {
            path,
            file: None,
            count: 0,
        }
    }

    fn write(&mut self, rejected: &Rejected) -> Result<()> {
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

    fn finish(mut self) -> Result<u64> {
        if let Some(file) = &mut self.file {
            file.flush()
                .with_context(|| format!("cannot write {}", self.path.display()))?;
        }
        Ok(self.count)
    }
}
