//! `deskwise bench search`: how fast and how exact search is, and how that grows with what is searched.

use std::path::{Path, PathBuf};
use std::time::Instant;

use ::search::{Backend, CollectionSpec, Query, Rebuild, Search, SearchConfig, ServerConfig};
use anyhow::{Context, Result, ensure};
use clap::Args;
use hdrhistogram::Histogram;
use serde::Serialize;
use uuid::Uuid;

use crate::cli::bench::passages::{Pieces, pieces};
use crate::cli::bench::process::own_memory_mb;
use crate::cli::meter;
use crate::config::Config;
use crate::open;

const COLLECTION: &str = "bench";
/// Passages stored at once.
const BATCH: usize = 1_000;
/// Hits asked for.
const DEPTH: usize = 10;
/// The smallest index measured; then ten times as many, until all.
const SMALLEST: usize = 1_000;

/// What to search in.
#[derive(Debug, Args)]
pub struct Options {
    /// Passages in the largest index.
    #[arg(long, default_value_t = 100_000)]
    passages: usize,
    /// Folder of data sets whose texts make the passages; the sample desk's tickets when left out.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A Qdrant server (gRPC address) to measure as well.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

/// One index, measured.
#[derive(Debug, Serialize)]
struct Figures {
    backend: &'static str,
    passages: usize,
    build_seconds: f64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    /// Of the ten nearest by exact comparison, the share that search gives by vector alone.
    recall_at_10: f64,
    /// By how much this process grew while it built and searched; a server's memory is its own.
    memory_mb: f64,
    /// Bytes in the index folder; none on a server.
    #[serde(skip_serializing_if = "Option::is_none")]
    disk_mb: Option<f64>,
}

/// Runs the command.
pub async fn run(options: &Options, config: &Config) -> Result<()> {
    ensure!(options.passages > 0, "there is nothing to search in without passages");
    let encoder = open::search_encoder(config)?;
    let pieces = pieces(&encoder, options.data.as_deref()).await?;
    drop(encoder);
    let mut all = Vec::new();
    for passages in sizes(options.passages) {
        all.push(on_edge(&pieces, passages, config).await?);
        if let Some(url) = &options.server {
            all.push(on_server(&pieces, passages, url, config).await?);
        }
    }
    print(&all, options.json)
}

fn sizes(largest: usize) -> Vec<usize> {
    let smaller = std::iter::successors(Some(SMALLEST), |size| Some(size * 10));
    smaller.take_while(|size| *size < largest).chain([largest]).collect()
}

async fn on_edge(pieces: &Pieces, passages: usize, config: &Config) -> Result<Figures> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let search = Search::open(SearchConfig::edge(folder.path()).with_fusion(open::fusion(config)?)).await?;
    let mut figures = measure("edge", &search, pieces, passages).await?;
    figures.disk_mb = Some(folder_mb(folder.path())?);
    Ok(figures)
}

async fn on_server(pieces: &Pieces, passages: usize, url: &str, config: &Config) -> Result<Figures> {
    let server = ServerConfig {
        prefix: format!("bench_{}_", Uuid::new_v4().simple()),
        timeout_ms: 600_000,
        ..ServerConfig::new(url)
    };
    let search = Search::open(SearchConfig::new(Backend::Server(server)).with_fusion(open::fusion(config)?)).await?;
    let figures = measure("server", &search, pieces, passages).await;
    search.drop_collection(COLLECTION).await?;
    figures
}

async fn measure(backend: &'static str, search: &Search, pieces: &Pieces, passages: usize) -> Result<Figures> {
    let memory = own_memory_mb()?;
    let build_seconds = build(search, pieces, passages).await?;
    let questions = pieces.questions(DEPTH);
    let latency = ask_all(search, &questions).await?;
    let ms = |quantile: f64| latency.value_at_quantile(quantile) as f64 / 1e3;
    Ok(Figures {
        backend,
        passages,
        build_seconds,
        p50_ms: ms(0.5),
        p95_ms: ms(0.95),
        p99_ms: ms(0.99),
        memory_mb: own_memory_mb()? - memory,
        recall_at_10: recall(search, pieces, passages, &questions).await?,
        disk_mb: None,
    })
}

/// Fills the index the way a rebuild does and says how many seconds that took.
async fn build(search: &Search, pieces: &Pieces, passages: usize) -> Result<f64> {
    let dimensions = pieces.passage(0).vector.len();
    search
        .ensure(&CollectionSpec::new(COLLECTION, dimensions).with_titles())
        .await?;
    let bar = meter::counting("passages", passages as u64);
    let began = Instant::now();
    let fill = async |rebuild: &Rebuild| {
        for first in (0..passages).step_by(BATCH) {
            let batch = first..passages.min(first + BATCH);
            let points: Vec<_> = batch.map(|at| pieces.passage(at)).collect();
            rebuild.add(&points).await?;
            bar.inc(points.len() as u64);
        }
        Ok::<_, ::search::Error>(())
    };
    search.rebuild_with(COLLECTION, fill).await?;
    bar.finish_and_clear();
    Ok(began.elapsed().as_secs_f64())
}

/// Hybrid queries one after the other, after a first round that warms up. **Units:** microseconds.
async fn ask_all(search: &Search, questions: &[Query]) -> Result<Histogram<u64>> {
    let mut latency = Histogram::new(3)?;
    for round in 0..2 {
        for question in questions {
            let began = Instant::now();
            search.nearest(COLLECTION, question).await?;
            if round > 0 {
                latency.record(began.elapsed().as_micros() as u64)?;
            }
        }
    }
    Ok(latency)
}

async fn recall(search: &Search, pieces: &Pieces, passages: usize, questions: &[Query]) -> Result<f64> {
    let vectors: Vec<Vec<f32>> = (0..passages).map(|at| pieces.passage(at).vector).collect();
    let mut found = 0;
    for question in questions {
        let by_vector = Query {
            text: None,
            ..question.clone()
        };
        let hits = search.nearest(COLLECTION, &by_vector).await?;
        let asked = question.vector.as_deref().unwrap_or_default();
        let worst = worst_of_nearest(&vectors, asked);
        // Several passages can be equally near, so what counts is nearness, by vectors as they were before they were stored.
        let cosines = hits.iter().filter_map(|hit| vectors.get(hit.id.as_u128() as usize));
        found += cosines.filter(|vector| cosine(vector, asked) >= worst - 1e-5).count();
    }
    Ok(found as f64 / (questions.len() * DEPTH.min(passages)) as f64)
}

/// Cosine of the tenth nearest, by exact comparison.
fn worst_of_nearest(vectors: &[Vec<f32>], asked: &[f32]) -> f32 {
    let mut cosines: Vec<f32> = vectors.iter().map(|vector| cosine(vector, asked)).collect();
    cosines.sort_unstable_by(|a, b| b.total_cmp(a));
    cosines.get(DEPTH - 1).or(cosines.last()).copied().unwrap_or_default()
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

fn folder_mb(folder: &Path) -> Result<f64> {
    let mut bytes = 0.0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() {
            folder_mb(&entry.path())? * 1e6
        } else {
            entry.metadata()?.len() as f64
        };
    }
    Ok(bytes / 1e6)
}

fn print(all: &[Figures], json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string(all)?);
        return Ok(());
    }
    for figures in all {
        println!(
            "{:6} {:7} passages: p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, recall@10 {:.3}, built in {:.1} s, memory +{:.0} MB{}",
            figures.backend,
            figures.passages,
            figures.p50_ms,
            figures.p95_ms,
            figures.p99_ms,
            figures.recall_at_10,
            figures.build_seconds,
            figures.memory_mb,
            figures
                .disk_mb
                .map(|mb| format!(", disk {mb:.0} MB"))
                .unwrap_or_default()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_grow_tenfold_up_to_the_largest() {
        assert_eq!(sizes(100_000), [1_000, 10_000, 100_000]);
        assert_eq!(sizes(2_500), [1_000, 2_500]);
        assert_eq!(sizes(10), [10]);
    }

    #[test]
    fn the_tenth_nearest_is_the_bar() {
        let vectors: Vec<Vec<f32>> = (0..20).map(|i| vec![i as f32]).collect();
        assert_eq!(worst_of_nearest(&vectors, &[1.0]), 10.0);
        assert_eq!(worst_of_nearest(&vectors[..3], &[1.0]), 0.0);
    }
}
