//! `deskwise bench learning`: what intake loses while heads are retrained, or tried out in the shadow, and how long a
//! head takes to be fitted anew.
//!
//! One desk, three kinds of rounds in the order A B C C B A, so that a desk that grows and a processor that changes its
//! pace weigh on all kinds alike.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use desk::model_version::active_version;
use desk::{Actor, HeadRole, TicketPatch, WorkStatus};
use serde::Serialize;
use store::Store;
use tokio::task::JoinHandle;
use tokio::time::error::Elapsed;

use crate::cli::bench::clients::{Load, Measured, submit_all};
use crate::cli::bench::process::{ServerProcess, has_child};
use crate::cli::bench::scratch;
use crate::cli::meter;
use crate::config::Config;
use crate::learning::{self, Means, Shelf};
use crate::open;

/// How often it is looked whether a retraining runs.
const LOOK: Duration = Duration::from_millis(100);
/// How long a server may take until its first retraining begins.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one may take.
const LONGEST_RETRAINING: Duration = Duration::from_secs(600);
/// Tickets read from the database at once.
const PAGE: u32 = 500;

/// How to load the server.
#[derive(Debug, Args)]
pub struct Options {
    /// One ticket body a line, none that the shipped heads have learnt: those judge no version.
    #[arg(long, value_name = "FILE")]
    texts: PathBuf,
    /// Solved tickets that there are to learn from.
    #[arg(long, default_value_t = 4_000)]
    settled: usize,
    /// Tickets to submit in each of the six rounds.
    #[arg(long, default_value_t = 1_500)]
    tickets: usize,
    /// Clients at once, each waiting for its answer.
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

/// What goes on while tickets come in.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Round {
    Plain,
    Retraining,
    Shadow,
}

const ROUNDS: [Round; 6] = [
    Round::Plain,
    Round::Retraining,
    Round::Shadow,
    Round::Shadow,
    Round::Retraining,
    Round::Plain,
];

/// The figures of one round.
#[derive(Debug, Clone, Copy, Serialize)]
struct Paced {
    tickets_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// Share of the time in which a retraining ran.
    retraining: f64,
}

/// The figures. **Shape:** two rounds of each kind.
#[derive(Debug, Serialize)]
struct Figures {
    settled: usize,
    tickets: usize,
    clients: usize,
    plain: Vec<Paced>,
    retraining: Vec<Paced>,
    shadow: Vec<Paced>,
    /// Tickets a second while retraining, over those of plain rounds.
    retraining_ratio: f64,
    /// Tickets a second with both heads in the shadow, over those of plain rounds.
    shadow_ratio: f64,
    refit: Refit,
}

/// A head fitted anew and judged while nothing else goes on.
#[derive(Debug, Serialize)]
struct Refit {
    head: HeadRole,
    /// It learnt from.
    rows: usize,
    /// Of these and of those it was judged on, the texts that had no vector yet.
    embedded: usize,
    seconds: f64,
}

/// A desk under load.
struct Desk<'a> {
    folder: &'a Path,
    models: &'a Path,
    token: String,
    texts: Arc<Vec<(String, String)>>,
    clients: usize,
}

/// Runs the command.
pub async fn run(options: Options, config: &Config) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let models = open::model_folder(config, &config.models.encoder)?;
    let desk = Desk {
        folder: folder.path(),
        models: models.parent().context("the models have no folder")?,
        token: scratch::token(folder.path()).await?,
        texts: Arc::new(scratch::texts(Some(&options.texts))?),
        clients: options.clients.max(1),
    };
    desk.submit("tickets to learn from", Round::Plain, options.settled)
        .await?;
    desk.solve_all().await?;
    // A server that starts adds to its index what has changed, here all there is: no round pays for that.
    desk.submit("tickets to warm up with", Round::Plain, options.tickets)
        .await?;
    let mut paced = Vec::new();
    for (at, round) in ROUNDS.into_iter().enumerate() {
        desk.prepare(round).await?;
        let what = format!("round {} of {}, {round:?}", at + 1, ROUNDS.len());
        paced.push((round, desk.submit(&what, round, options.tickets).await?));
    }
    let refit = desk.refit(HeadRole::Category).await?;
    print(&figures(&options, &paced, refit), options.json)
}

impl Desk<'_> {
    fn config(&self) -> Result<Config> {
        let mut config = scratch::config(self.folder)?;
        config.models_dir = self.models.to_owned();
        Ok(config)
    }

    async fn open(&self) -> Result<(Store, Shelf)> {
        let config = self.config()?;
        let shelf = Shelf::open(&config)?;
        Ok((open::store(&config).await?, shelf))
    }

    /// By the vectors that are in the index.
    async fn refit(&self, head: HeadRole) -> Result<Refit> {
        let config = self.config()?;
        let (store, shelf) = self.open().await?;
        let encoder = open::encoder(&config)?;
        let known = learning::known(&config, &store, &encoder, None).await;
        let began = Instant::now();
        let means = Means {
            encoder,
            known,
            precision: config.triage.precision(head),
            keeps_files: true,
        };
        let retrained = learning::retrain(&store, &shelf, means, head, |_| ()).await?;
        let seconds = began.elapsed().as_secs_f64();
        store.close().await;
        Ok(Refit {
            head,
            rows: retrained.own_rows + retrained.shipped_rows,
            embedded: retrained.embedded,
            seconds,
        })
    }

    async fn solve_all(&self) -> Result<()> {
        let (store, _) = self.open().await?;
        let solved = TicketPatch {
            status: Some(WorkStatus::Solved),
            ..TicketPatch::default()
        };
        let mut after = 0;
        loop {
            let tickets = store.tickets_after(after, PAGE).await?;
            let Some(last) = tickets.last() else { break };
            after = last.number;
            for ticket in &tickets {
                store
                    .patch_ticket(ticket.id, None, &solved, &Actor::operator("bench"))
                    .await?;
            }
        }
        store.close().await;
        Ok(())
    }

    /// Puts the latest version that decides nothing of each head into the shadow, or takes it out.
    async fn prepare(&self, round: Round) -> Result<()> {
        let (store, shelf) = self.open().await?;
        let actor = Actor::operator("bench");
        for &head in HeadRole::ALL {
            store.end_challenge(head, &actor).await?;
            if round == Round::Shadow {
                let active = active_version(&store.list_activations(head).await?);
                let versions = store.list_model_versions(head).await?;
                let other = versions
                    .iter()
                    .map(|version| version.version)
                    .filter(|at| *at != active);
                let other = other.max().with_context(|| {
                    format!("the rounds before left no second version of the {head} head to try out")
                })?;
                learning::try_out(&store, &shelf, head, other, &actor).await?;
            }
        }
        store.close().await;
        Ok(())
    }

    /// A server started for this alone, loaded, and stopped.
    async fn submit(&self, what: &str, round: Round, tickets: usize) -> Result<Paced> {
        let seconds = if round == Round::Retraining { "1" } else { "0" };
        let settings = [("DESK_LEARNING__RETRAIN_SECONDS", seconds)];
        let server = ServerProcess::start(self.folder, self.models, &settings).await?;
        if round == Round::Retraining {
            let begun = until_retraining_is(true, server.id(), PATIENCE).await;
            begun.context("the server began no retraining")?;
        }
        let load = Load {
            url: server.url.clone(),
            token: self.token.clone(),
            texts: Arc::clone(&self.texts),
            tickets,
            clients: self.clients,
        };
        let watch = Watch::over(server.id());
        let bar = meter::counting(what, tickets as u64);
        let Measured { seconds, latency, .. } = submit_all(&load, &bar).await?;
        bar.finish_and_clear();
        let retraining = watch.share().await?;
        if round == Round::Retraining {
            // What it leaves is what later rounds try out in the shadow.
            tracing::info!("the retraining comes to its end, so that there are versions to try out");
            let ended = until_retraining_is(false, server.id(), LONGEST_RETRAINING).await;
            ended.context("the retraining did not end")?;
        }
        server.stop()?;
        Ok(Paced {
            tickets_per_second: tickets as f64 / seconds,
            p50_ms: latency.value_at_quantile(0.5) as f64 / 1e3,
            p99_ms: latency.value_at_quantile(0.99) as f64 / 1e3,
            retraining,
        })
    }
}

/// Waits until the server has the process beside it that retrains, or has it no more.
async fn until_retraining_is(under_way: bool, server: u32, patience: Duration) -> Result<(), Elapsed> {
    let waiting = async {
        while has_child(server) != under_way {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(patience, waiting).await
}

/// Looks again and again whether the server has a process beside it.
struct Watch {
    stop: tokio::sync::oneshot::Sender<()>,
    looking: JoinHandle<f64>,
}

impl Watch {
    fn over(server: u32) -> Self {
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let looking = tokio::spawn(async move {
            let (mut looks, mut seen) = (0_usize, 0_usize);
            loop {
                looks += 1;
                seen += usize::from(has_child(server));
                if tokio::time::timeout(LOOK, &mut stopped).await.is_ok() {
                    return seen as f64 / looks as f64;
                }
            }
        });
        Watch { stop, looking }
    }

    async fn share(self) -> Result<f64> {
        // The task is gone only where it has failed, which the next line says.
        let _ = self.stop.send(());
        Ok(self.looking.await?)
    }
}

fn figures(options: &Options, paced: &[(Round, Paced)], refit: Refit) -> Figures {
    let of = |kind: Round| -> Vec<Paced> {
        let rounds = paced.iter().filter(|(round, _)| *round == kind);
        rounds.map(|(_, paced)| *paced).collect()
    };
    let pace = |rounds: &[Paced]| rounds.iter().map(|round| round.tickets_per_second).sum::<f64>();
    let [plain, retraining, shadow] = [Round::Plain, Round::Retraining, Round::Shadow].map(of);
    Figures {
        settled: options.settled,
        tickets: options.tickets,
        clients: options.clients.max(1),
        retraining_ratio: pace(&retraining) / pace(&plain),
        shadow_ratio: pace(&shadow) / pace(&plain),
        plain,
        retraining,
        shadow,
        refit,
    }
}

fn print(figures: &Figures, json: bool) -> Result<()> {
    let shown = if json {
        serde_json::to_string(figures)?
    } else {
        serde_json::to_string_pretty(figures)?
    };
    println!("{shown}");
    Ok(())
}
