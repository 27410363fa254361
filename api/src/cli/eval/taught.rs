//! Heads that an evaluation trains for itself.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use encoder::Encoder;
use eval::Metrics;
use eval::classify::Run;
use eval::fingerprint::{Fingerprint, Fingerprints};
use eval::rows::{self, LabelledText};
use tempfile::TempDir;
use training::data::Row;
use training::recipe::DataSource;
use training::{
    Columns, Embedder, FitOfFile, KnownVectors, Learnt, Progress, Recipe, fit_classify, train_classify, train_rows,
};

use crate::cli::meter;
use crate::config::Config;
use crate::open;

/// A head in a folder, which goes away with it where it was taught for an evaluation.
pub struct Taught {
    /// Where the head lies.
    pub folder: PathBuf,
    /// Where the encoder lies that it reads by.
    pub encoder: PathBuf,
    lesson: Option<Lesson>,
}

struct Lesson {
    /// Rows it learnt from, copies left out.
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
    /// The recipe.
    pub recipe: &'a Path,
    /// Folder of the encoder.
    pub encoder: &'a Path,
    /// Folder for that encoder trained on the same rows first. It stays, so that a suite that is broken off goes on.
    pub finetune: Option<&'a Path>,
    /// How the encoder runs.
    pub config: &'a Config,
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
    let options = training::Options {
        recipe: of_chosen_rows(teaching.recipe)?,
        data,
        columns,
        test: None,
        encoder: teaching.encoder.to_owned(),
        encoder_config: open::encoder_settings(teaching.config)?,
        finetune: teaching.finetune.map(Path::to_owned),
        out: folder.clone(),
    };
    let report = metered(|progress| train_classify(&options, progress))?;
    Ok(Taught {
        folder,
        encoder: teaching.finetune.unwrap_or(teaching.encoder).to_owned(),
        lesson: Some(Lesson {
            rows: report.rows,
            leaks,
            recipe: Some(Fingerprint::of_file(teaching.recipe)?),
            _place: place,
        }),
    })
}

/// A recipe for rows that are chosen already: what it says of choosing is for whole files.
///
/// **Errors**: those of [`Recipe::read`].
pub fn of_chosen_rows(recipe: &Path) -> Result<Recipe> {
    Ok(Recipe {
        data: DataSource::default(),
        ..Recipe::read(recipe)?
    })
}

/// How retraining teaches: over an encoder that is open, with the vectors it knows.
pub struct Retraining<'a> {
    /// The recipe.
    pub recipe: &'a Recipe,
    /// Its file, where it is not the one that ships.
    pub recipe_file: Option<&'a Path>,
    /// The encoder.
    pub encoder: &'a Encoder,
    /// Its folder.
    pub encoder_folder: &'a Path,
    /// Vectors that need not be made.
    pub known: &'a mut KnownVectors,
}

/// Trains a head on these rows as retraining does, from which `leaks` rows have been dropped.
///
/// **Errors**: those of the training.
pub fn retrain(to_teach: Vec<LabelledText>, leaks: usize, how: Retraining<'_>) -> Result<Taught> {
    let place = tempfile::tempdir().context("cannot make a temporary folder")?;
    let folder = place.path().join("head");
    let row = |row: LabelledText| Row {
        line: row.row as u64,
        text: row.text,
        label: row.label,
        slice: None,
    };
    let rows = to_teach.into_iter().map(row).collect();
    let mut embedder = Embedder {
        encoder: how.encoder,
        learnt: &Learnt::of_encoder(how.encoder_folder)?,
        known: how.known,
    };
    let report = metered(|progress| train_rows(rows, &[], how.recipe, &mut embedder, &folder, progress))?;
    Ok(Taught {
        folder,
        encoder: how.encoder_folder.to_owned(),
        lesson: Some(Lesson {
            rows: report.rows,
            leaks,
            recipe: how.recipe_file.map(Fingerprint::of_file).transpose()?,
            _place: place,
        }),
    })
}

/// The run of a recipe over the data it names, each row judged while it was held out, but for those that the encoder itself
/// was trained on; the figures of each slice as well.
///
/// **Errors**: those of the recipe and of the training; the recipe names no data.
pub fn cross_validate(recipe: &Path, encoder: &Path, config: &Config) -> Result<Run> {
    let how = Recipe::read(recipe)?;
    let no_data = || format!("{} names no data", recipe.display());
    let data = how.data.file.clone().with_context(no_data)?;
    let columns = how.data.columns().with_context(no_data)?;
    let fingerprints = Fingerprints {
        data: vec![Fingerprint::of_file(&data)?],
        models: vec![Fingerprint::of_model(encoder)?, Fingerprint::of_file(recipe)?],
    };
    let options = training::Options {
        recipe: how,
        data,
        columns,
        test: None,
        encoder: encoder.to_owned(),
        encoder_config: open::encoder_settings(config)?,
        finetune: None,
        out: PathBuf::new(),
    };
    let FitOfFile { data, vectors, fitted } = metered(|progress| fit_classify(&options, progress))?;
    let targets = data.targets.iter().map(|&target| data.labels[target].clone());
    let row = |(row, (text, label)): (usize, (&String, String))| LabelledText {
        row,
        text: text.clone(),
        label,
    };
    let rows: Vec<LabelledText> = (1..).zip(data.texts.iter().zip(targets)).map(row).collect();
    let vectors = vectors.rows().into_iter().map(|row| row.to_vec());
    let probabilities = fitted.held_out.rows().into_iter().map(|row| row.to_vec());
    let mut run = Run::held_out(
        (&fitted.spec, &fitted.tensors.held_out),
        &rows,
        vectors.collect(),
        &probabilities.collect::<Vec<_>>(),
        &data.slices,
    );
    run.metrics.fingerprints = fingerprints;
    Ok(run)
}

/// Trains with a bar on standard error.
fn metered<T>(train: impl FnOnce(&mut dyn FnMut(Progress)) -> Result<T>) -> Result<T> {
    let bar = meter::counting("train", 0);
    let mut acted = meter::acted(&bar);
    let trained = train(&mut |progress| acted(progress.act, progress.done, progress.total))?;
    bar.finish_and_clear();
    Ok(trained)
}
