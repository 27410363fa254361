//! The command line: one file or folder a command. An error says what happened and what to do next.

mod advice;
mod bench;
mod config;
mod demo;
mod embed;
mod eval;
mod import;
mod meter;
mod model;
mod reindex;
mod retrain;
mod serve;
mod token;
mod train;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::config::{Config, Overrides};
use crate::logging;

/// A support desk that triages its tickets as they come in.
#[derive(Debug, Parser)]
#[command(name = "deskwise", version)]
pub struct Cli {
    /// Settings that override the defaults; `DESK_…` variables override both.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder with everything the desk keeps.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the API until it is told to stop.
    Serve(Listen),
    /// Makes a sample desk and serves it: the quickest way to see everything work.
    Demo(Listen),
    /// Models: their weights, and the versions of the heads.
    #[command(subcommand)]
    Model(model::Command),
    /// Texts to vectors: one text a line in, a .npy file out.
    Embed(embed::Options),
    /// Trains models.
    #[command(subcommand)]
    Train(train::Command),
    /// Fits the heads anew on corrected and solved tickets, and puts one in force only where held-out tickets show that it
    /// is not worse.
    Retrain(retrain::Options),
    /// Measures models, search and the desk's own history.
    #[command(subcommand)]
    Eval(eval::Command),
    /// Tokens that callers send.
    #[command(subcommand)]
    Token(token::Command),
    /// Loads files into the desk.
    #[command(subcommand)]
    Import(import::Command),
    /// Prints the settings in force, secrets masked.
    Config,
    /// Measures this machine.
    #[command(subcommand)]
    Bench(bench::Command),
    /// Builds the search index anew from the database.
    Reindex,
}

#[derive(Debug, clap::Args)]
struct Listen {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

impl Cli {
    /// Runs the command; failures go to standard error with advice.
    pub fn run(self) -> ExitCode {
        match self.try_run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                advice::print(&error);
                ExitCode::FAILURE
            }
        }
    }

    fn try_run(self) -> Result<()> {
        let config = self.load()?;
        logging::start(&config.log).map_err(anyhow::Error::msg)?;
        let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
        runtime.block_on(self.command.run(config))
    }

    fn load(&self) -> Result<Config> {
        let listen = match &self.command {
            Command::Serve(Listen { listen }) | Command::Demo(Listen { listen }) => *listen,
            _ => None,
        };
        let overrides = Overrides {
            data_dir: self.data_dir.clone(),
            listen,
        };
        Ok(Config::load(self.config.as_deref(), &overrides)?)
    }
}

impl Command {
    async fn run(self, config: Config) -> Result<()> {
        match self {
            Command::Serve(_) => serve::run(&config).await,
            Command::Demo(_) => demo::run(&config).await,
            Command::Model(command) => model::run(command, &config).await,
            Command::Embed(options) => embed::run(options, &config).await,
            Command::Train(command) => train::run(command, &config).await,
            Command::Retrain(options) => retrain::run(options, &config).await,
            Command::Eval(command) => eval::run(command, &config).await,
            Command::Token(command) => token::run(command, &config).await,
            Command::Import(command) => import::run(command, &config).await,
            Command::Config => config::run(&config),
            Command::Bench(command) => bench::run(command, &config).await,
            Command::Reindex => reindex::run(&config).await,
        }
    }
}
