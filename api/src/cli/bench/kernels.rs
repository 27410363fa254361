//! `deskwise bench kernels`: where the time of one thread goes with each kernel this machine can run.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use encoder::Kernel;
use encoder::bench::{KernelFigures, kernel};

use crate::cli::bench::encoder::texts;
use crate::config::Config;
use crate::open;

/// What to measure the kernels on.
#[derive(Debug, Args)]
pub struct Options {
    /// One text a line; the tickets written for this project when left out.
    #[arg(long, value_name = "FILE")]
    texts: Option<PathBuf>,
    /// Prints one JSON object a kernel.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(options: Options, config: &Config) -> Result<()> {
    let texts = texts(options.texts.as_deref())?;
    ensure!(!texts.is_empty(), "there are no texts to measure on");
    let folder = open::model_folder(config, &config.models.encoder)?;
    let measure = move || -> Result<()> {
        for here in Kernel::ALL.into_iter().filter(|kernel| kernel.is_here()) {
            if let Some(figures) = kernel(&folder, here, &texts)? {
                print(&figures, options.json)?;
            }
        }
        Ok(())
    };
    tokio::task::spawn_blocking(measure)
        .await
        .context("the benchmark was interrupted")?
}

fn print(figures: &KernelFigures, json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string(figures)?);
        return Ok(());
    }
    println!(
        "{:12} {:6.0} tokens/s on one thread; products {:4.0} of {:4.0} GFLOP/s ({:2.0} %); \
         time: products {:2.0} %, attention {:2.0} %, norms {:2.0} %, rest {:2.0} %",
        figures.kernel,
        figures.tokens_per_second,
        figures.products_gflops,
        figures.peak_gflops,
        100.0 * figures.products_of_peak,
        100.0 * figures.products,
        100.0 * figures.attention,
        100.0 * figures.norms,
        100.0 * figures.rest,
    );
    Ok(())
}
