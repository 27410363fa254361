//! `deskwise`, built as a binary of this package: exactly what `api/src/main.rs` is.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    api::cli::Cli::parse().run()
}
