//! `deskwise bench kernels`: where the time of one thread goes with each kernel this machine can run, and how near its
//! vectors come to those of the reference.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use encoder::Kernel;
use encoder::bench::{KernelFigures, Likeness, Reference, kernel};
use serde::Serialize;

use crate::cli::bench::encoder::texts;
use crate::config::Config;
use crate::open;

/// What to measure the kernels on.
#[derive(Debug, Args)]
pub struct Options {
    /// One text a line; the tickets written for this project when left out.
    #[arg(long, value_name = "FILE")]
    texts: Option<PathBuf>,
    /// Vectors of so many of the first texts are compared with those of the reference, which is slow; 0 for none.
    #[arg(long, value_name = "NUMBER", default_value_t = 500)]
    compared: usize,
    /// Prints one JSON object a kernel.
    #[arg(long)]
    json: bool,
}

/// What one kernel does.
#[derive(Debug, Serialize)]
struct Printed {
    #[serde(flatten)]
    figures: KernelFigures,
    #[serde(flatten)]
    likeness: Option<Likeness>,
}

/// Runs the command.
pub async fn run(options: Options, config: &Config) -> Result<()> {
    let texts = texts(options.texts.as_deref())?;
    ensure!(!texts.is_empty(), "there are no texts to measure on");
    let folder = open::model_folder(config, &config.models.encoder)?;
    let measure = move || -> Result<()> {
        let reference = Reference::of(&folder, &texts[..texts.len().min(options.compared)])?;
        for here in Kernel::ALL.into_iter().filter(|kernel| kernel.is_here()) {
            if let Some(figures) = kernel(&folder, here, &texts)? {
                let likeness = reference.likeness(here)?;
                print(&Printed { figures, likeness }, options.json)?;
            }
        }
        Ok(())
    };
    tokio::task::spawn_blocking(measure)
        .await
        .context("the benchmark was interrupted")?
}

fn print(printed: &Printed, json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string(printed)?);
        return Ok(());
    }
    let figures = &printed.figures;
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
    if let Some(likeness) = &printed.likeness {
        println!(
            "{:12} cosine to the reference over {} texts: {:.7} on average, {:.7} at least",
            "", likeness.compared_texts, likeness.mean_cosine, likeness.least_cosine
        );
    }
    Ok(())
}
