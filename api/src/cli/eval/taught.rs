//! Heads that a suite trains for itself, by a recipe.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use eval::fingerprint::{Fingerprint, Fingerprints};
use eval::rows::{self, LabelledText};
use eval::{Figure, Kind, Metrics};
use tempfile::TempDir;
use training::recipe::DataSource;
use training::scores::{Interval, Scores};
use training::{Columns, Recipe, train_classify};

use crate::cli::meter;

/// A head in a folder, which goes away with it where it was taught for a suite.
pub struct Taught {
    /// Where the head lies.
    pub folder: PathBuf,
    /// Where the encoder lies that it reads by.
    pub encoder: PathBuf,
    lesson: Option<Lesson>,
}

struct Lesson {
    rows: usize,
    leaks: usize,
    recipe: Option<Fingerprint>,
    /// Held until the head is judged.
    _place: TempDir,
}

impl Taught {
    /// A head that is there already.
    pub fn there(folder: PathBuf, encoder: PathBuf) -> Self {
        Taught {
            folder,
            encoder,
            lesson: None,
        }
    }

    /// Says in the figures what the head was taught on.
    pub fn describe(&self, metrics: &mut Metrics) {
        if let Some(lesson) = &self.lesson {
            metrics.fact("rows_taught", lesson.rows as f64);
            metrics.fact("rows_not_taught_as_judged", lesson.leaks as f64);
            // The head goes away; what it was made by stays.
            metrics.fingerprints.models.pop();
            metrics.fingerprints.models.extend(lesson.recipe.clone());
        }
    }
}

/// How a suite teaches.
#[derive(Debug, Clone, Copy)]
pub struct Teaching<'a> {
    /// The recipe; the default one when left out.
    pub recipe: Option<&'a Path>,
    /// Folder of the encoder.
    pub encoder: &'a Path,
    /// Folder for that encoder trained on the same rows first. It stays, so that a suite that is broken off goes on.
    pub finetune: Option<&'a Path>,
}

/// Trains a head on these rows, from which `leaks` rows have been dropped.
///
/// **Errors**: those of the recipe and of the training.
pub fn teach(to_teach: &[LabelledText], leaks: usize, teaching: Teaching<'_>) -> Result<Taught> {
    let place = tempfile::tempdir().context("cannot make a temporary folder")?;
    let data = place.path().join("rows.csv");
    rows::write(&data, to_teach)?;
    let folder = place.path().join("head");
    let columns = Columns {
        text: vec!["text".to_owned()],
        label: "label".to_owned(),
        slice: None,
    };
    let mut recipe = teaching.recipe.map(Recipe::read).transpose()?.unwrap_or_default();
    // These rows are chosen already; what the recipe says of choosing is for whole files.
    recipe.data = DataSource::default();
    train(training::Options {
        recipe,
        data,
        columns,
        test: None,
        encoder: teaching.encoder.to_owned(),
        finetune: teaching.finetune.map(Path::to_owned),
        out: folder.clone(),
    })?;
    Ok(Taught {
        folder,
        encoder: teaching.finetune.unwrap_or(teaching.encoder).to_owned(),
        lesson: Some(Lesson {
            rows: to_teach.len(),
            leaks,
            recipe: teaching.recipe.map(Fingerprint::of_file).transpose()?,
            _place: place,
        }),
    })
}

/// The held-out figures of a recipe on the data it names, for all rows and for each slice.
///
/// **Errors**: those of the recipe and of the training; the recipe names no data.
pub fn cross_validate(recipe: &Path, encoder: &Path) -> Result<Metrics> {
    let how = Recipe::read(recipe)?;
    let no_data = || format!("{} names no data", recipe.display());
    let data = how.data.file.clone().with_context(no_data)?;
    let columns = how.data.columns().with_context(no_data)?;
    let place = tempfile::tempdir().context("cannot make a temporary folder")?;
    let fingerprints = Fingerprints {
        data: vec![Fingerprint::of_file(&data)?],
        models: vec![Fingerprint::of_model(encoder)?, Fingerprint::of_file(recipe)?],
    };
    let report = train(training::Options {
        recipe: how,
        data,
        columns,
        test: None,
        encoder: encoder.to_owned(),
        finetune: None,
        out: place.path().join("head"),
    })?;
    let mut metrics = Metrics::new(Kind::Classify, report.rows, []);
    add(&mut metrics, "", &report.scores);
    for slice in &report.slices {
        add(&mut metrics, &format!("{}_", slice.name), &slice.scores);
    }
    metrics.fact("target_precision", report.target_precision);
    metrics.fact("coverage_at_target_precision", report.answered.coverage.into());
    metrics.fact("precision_when_decided", report.answered.precision.into());
    metrics.fingerprints = fingerprints;
    Ok(metrics)
}

fn train(options: training::Options) -> Result<training::Report> {
    let bar = meter::counting("train", 0);
    let mut acted = meter::acted(&bar);
    let report = train_classify(&options, &mut |progress| {
        acted(progress.act, progress.done, progress.total);
    })?;
    bar.finish_and_clear();
    Ok(report)
}

fn add(metrics: &mut Metrics, prefix: &str, scores: &Scores) {
    let figure = |Interval { value, low, high }: Interval| Figure { value, low, high };
    metrics.add(&format!("{prefix}accuracy"), figure(scores.accuracy));
    metrics.add(&format!("{prefix}macro_f1"), figure(scores.macro_f1));
    metrics.add(&format!("{prefix}ece"), figure(scores.ece));
}
