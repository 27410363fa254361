//! `deskwise model list|show|add|activate|rollback|shadow`: versions of the heads.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Result;
use clap::Subcommand;
use desk::model_version::active_version;
use desk::{Actor, HeadRole, ModelOrigin, ModelVersion};
use store::Store;

use crate::config::Config;
use crate::learning::{self, Candidate, Shadow, Shelf};
use crate::open;

/// What to do with versions. Works while a server runs, which follows within a second.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists the versions of every head; a star marks the active one.
    List,
    /// Shows one head: its versions and what was active when.
    Show {
        /// category or priority.
        head: HeadRole,
    },
    /// Copies a trained head in as the next version, which decides nothing until it is activated.
    Add {
        /// category or priority.
        head: HeadRole,
        /// The head's folder, as `deskwise train classify` writes it.
        folder: PathBuf,
        /// Why, for those who look at it later.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Makes a version active; a running server takes it up without a restart.
    Activate {
        /// category or priority.
        head: HeadRole,
        /// Its number.
        version: i64,
        /// Why, for the audit.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Tries a version out: it assesses every ticket beside the active one and decides nothing.
    Shadow {
        /// category or priority.
        head: HeadRole,
        /// Its number, or `off` to end it.
        version: Trial,
    },
    /// Makes the version active that the present one replaced.
    Rollback {
        /// category or priority.
        head: HeadRole,
        /// Why, for the audit.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

/// What to try out.
#[derive(Debug, Clone, Copy)]
pub enum Trial {
    /// Nothing.
    Off,
    /// This version.
    Version(i64),
}

impl FromStr for Trial {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "off" => Ok(Trial::Off),
            number => number
                .parse()
                .map(Trial::Version)
                .map_err(|_| format!("{number:?} is neither the number of a version nor \"off\"")),
        }
    }
}

/// Runs the command.
pub async fn run(command: Command, config: &Config) -> Result<()> {
    std::fs::create_dir_all(&config.data_dir)?;
    let shelf = Shelf::open(config)?;
    let store = open::store(config).await?;
    open::know_shipped(&store, &shelf).await?;
    let actor = Actor::operator("command line");
    match command {
        Command::List => list(&store).await?,
        Command::Show { head } => show(&store, head).await?,
        Command::Add { head, folder, note } => {
            let candidate = Candidate {
                head,
                folder: &folder,
                origin: ModelOrigin::Added,
                note: &note,
                keeps_files: true,
            };
            let added = learning::add(&store, &shelf, candidate, &actor).await?;
            println!("{head} version {} is known; it decides nothing yet", added.version);
        }
        Command::Activate { head, version, reason } => {
            let active = learning::activate(&store, &shelf, head, version, &reason, &actor).await?;
            match active.replaced {
                replaced if replaced == version => println!("{head} version {version} is active already"),
                replaced => println!("{head} version {version} is active, in place of {replaced}"),
            }
        }
        Command::Shadow { head, version } => try_out(&store, &shelf, head, version, &actor).await?,
        Command::Rollback { head, reason } => {
            let active = learning::rollback(&store, &shelf, head, &reason, &actor).await?;
            println!(
                "{head} version {} is active again, in place of {}",
                active.version, active.replaced
            );
        }
    }
    store.close().await;
    Ok(())
}

async fn try_out(store: &Store, shelf: &Shelf, head: HeadRole, trial: Trial, actor: &Actor) -> Result<()> {
    match trial {
        Trial::Version(version) => {
            learning::try_out(store, shelf, head, version, actor).await?;
            println!("{head} version {version} is tried out; `deskwise model show {head}` says how it does");
        }
        Trial::Off if store.end_challenge(head, actor).await? => println!("no {head} version is tried out any longer"),
        Trial::Off => println!("no {head} version was tried out"),
    }
    Ok(())
}

async fn list(store: &Store) -> Result<()> {
    for &head in HeadRole::ALL {
        let active = active_version(&store.list_activations(head).await?);
        for version in store.list_model_versions(head).await? {
            print(&version, active);
        }
    }
    Ok(())
}

async fn show(store: &Store, head: HeadRole) -> Result<()> {
    let log = store.list_activations(head).await?;
    for version in store.list_model_versions(head).await? {
        print(&version, active_version(&log));
    }
    for line in log {
        let act = if line.is_rollback {
            "rolled back to"
        } else {
            "activated"
        };
        println!(
            "{}  {} {act} {} in place of {}  {}",
            line.created_at, line.actor.name, line.version, line.replaced, line.reason
        );
    }
    if let Some(shadow) = learning::shadow(store, head).await? {
        print_shadow(&shadow);
    }
    Ok(())
}

fn print_shadow(shadow: &Shadow) {
    let (counts, settled) = (shadow.counts, shadow.settled());
    println!(
        "version {} is tried out beside {} since {}: {} tickets, agreed on {}",
        shadow.challenger.version, shadow.active, shadow.challenger.since, counts.tickets, counts.agreed
    );
    if let (Some(active), Some(challenger)) = (settled.accuracy_a(), settled.accuracy_b()) {
        println!(
            "of {} settled tickets right on {:.1} % ({:.1} to {:.1}), the active one on {:.1} % ({:.1} to {:.1}), \
             McNemar p = {:.3}",
            settled.rows(),
            100.0 * challenger.value,
            100.0 * challenger.low,
            100.0 * challenger.high,
            100.0 * active.value,
            100.0 * active.low,
            100.0 * active.high,
            settled.mcnemar().p
        );
    }
}

fn print(version: &ModelVersion, active: i64) {
    let mark = if version.version == active { "*" } else { " " };
    println!(
        "{mark} {:8}  {:3}  {}  {:9}  {}",
        version.head, version.version, version.revision, version.origin, version.note
    );
}
