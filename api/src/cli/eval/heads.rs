//! The step of a suite that judges a head: one that is there, or one that is taught for it.

use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use eval::classify::{self, Models, Run, Set, Source};
use eval::suite::Classify;
use eval::{Metrics, draw, rows};

use super::taught::{Taught, Teaching, teach};
use crate::cli::meter;
use crate::config::Config;
use crate::open;

/// Judges a head that is there, or one taught for each draw; the report is that of the last draw.
pub fn judge_head(task: &Classify, source: &Source, config: &Config, name: &str, report: &Path) -> Result<Metrics> {
    let mut draws = Vec::new();
    for seed in 0..task.draws {
        let tuned = task
            .finetune
            .then(|| report.with_file_name(format!("{name}.encoder-{seed}")));
        let run = match (&task.recipe, &task.head) {
            (Some(recipe), _) => judge_recipe(recipe, task, source, config, seed, tuned)?,
            (None, Some(head)) => {
                let encoder = open::model_folder(config, &config.models.encoder)?;
                let there = Taught::there(open::model_folder(config, head)?, encoder);
                judge(task, source.read()?, &there, config)?
            }
            (None, None) => anyhow::bail!("neither head nor recipe"),
        };
        if seed + 1 == task.draws {
            run.files(name)?.write(report)?;
        }
        draws.push(run.metrics);
    }
    Metrics::over_draws(draws).context("no draws")
}

/// Heads by a recipe, each on the part of the data that it is not taught on.
fn judge_recipe(
    recipe: &Path,
    task: &Classify,
    source: &Source,
    config: &Config,
    seed: u64,
    tuned: Option<PathBuf>,
) -> Result<Run> {
    let folder = open::model_folder(config, &config.models.encoder)?;
    let teaching = Teaching {
        recipe,
        encoder: &folder,
        finetune: tuned.as_deref(),
        config,
    };
    let judge_part = |part: Option<Range<f64>>| {
        let (set, taught) = prepared(task, source, teaching, seed, part)?;
        judge(task, set, &taught, config)
    };
    let runs = parts(task).into_iter().map(judge_part).collect::<Result<_>>()?;
    Run::together(runs).context("no parts")
}

fn judge(task: &Classify, set: Set, taught: &Taught, config: &Config) -> Result<Run> {
    let encoder = open::encoder_in(&taught.encoder, config)?;
    let models = Models {
        head: &taught.folder,
        encoder: &taught.encoder,
        target_precision: task.target_precision,
    };
    let bar = meter::counting("judge", set.rows.len() as u64);
    let mut run = classify::run(models, &encoder, set, &mut meter::moved(&bar))?;
    bar.finish_and_clear();
    taught.describe(&mut run.metrics);
    Ok(run)
}

/// The parts of the data to judge one after the other, each by a head of its own; none where all of it is judged.
fn parts(task: &Classify) -> Vec<Option<Range<f64>>> {
    match (task.folds, task.test_share) {
        (Some(folds), _) => {
            let at = |fold: usize| fold as f64 / folds as f64;
            (0..folds).map(|fold| Some(at(fold)..at(fold + 1))).collect()
        }
        (None, share) => vec![share.map(|share| 0.0..share)],
    }
}

/// The rows to judge on, all or a part of them, and a head taught on the others, which are the known ones then.
fn prepared(
    task: &Classify,
    source: &Source,
    teaching: Teaching<'_>,
    seed: u64,
    part: Option<Range<f64>>,
) -> Result<(Set, Taught)> {
    let all = Source {
        train: None,
        ..source.clone()
    };
    let mut set = all.read()?;
    let to_teach = match (part, &source.train) {
        (Some(part), _) => {
            let (judged, taught) = draw::by_hash(std::mem::take(&mut set.rows), &part);
            set.rows = judged;
            taught
        }
        (None, Some(train)) => rows::labelled(train, &source.columns, source.only.as_ref())?,
        (None, None) => Vec::new(),
    };
    set.data = source.fingerprints()?;
    let (to_teach, leaks) = rows::drop_leaks(to_teach, &set.rows);
    ensure!(
        !to_teach.is_empty(),
        "every row to teach is also judged: nothing is left to learn from"
    );
    set.learnt = match task.per_label {
        Some(count) => draw::per_label(&to_teach, count, seed)?,
        None => to_teach,
    };
    let taught = teach(&set.learnt, leaks, teaching)?;
    Ok((set, taught))
}
