//! `deskwise`: the server and its command line.

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

/// A ticket is thousands of small allocations on several threads: a tenth of what it cost beside the encoder.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    api::cli::Cli::parse().run()
}
