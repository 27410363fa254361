//! `deskwise bench`: what this machine does, in numbers. Never a test.

mod clients;
mod encoder;
mod intake;
mod kernels;
mod learning;
mod passages;
mod process;
mod scratch;
mod search;

use anyhow::Result;
use clap::Subcommand;

use crate::config::Config;

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Texts and tokens a second through the encoder.
    Encoder(encoder::Options),
    /// Where one thread's time goes with each kernel, and which share of the processor's peak it reaches.
    Kernels(kernels::Options),
    /// Tickets a second and latency over HTTP, memory, and time to be ready.
    Intake(intake::Options),
    /// Tickets a second while heads are retrained, and while versions are tried out.
    Learning(learning::Options),
    /// Latency of hybrid search, its recall, memory and time to build, from a thousand passages up.
    Search(search::Options),
}

/// Runs the command.
pub async fn run(command: Command, config: &Config) -> Result<()> {
    match command {
        Command::Encoder(options) => encoder::run(options, config).await,
        Command::Kernels(options) => kernels::run(options, config).await,
        Command::Intake(options) => intake::run(options, config).await,
        Command::Learning(options) => learning::run(options, config).await,
        Command::Search(options) => search::run(&options, config).await,
    }
}
