//! `deskwise train classify`: from a file to a model folder.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use classifier::{EncoderId, Head, Learnt};
use desk::text::without_quoted_history;
use encoder::{Config, Encoder, Side};
use ndarray::{Array2, ArrayView1, Axis};

use crate::data::{self, Columns, Row};
use crate::dataset::Dataset;
use crate::finetune::{self, Mixed, Trained, finetune};
use crate::fit::{Fitted, Progress, Trial, finish, fit, held_out_of, try_out};
use crate::known::Embedder;
use crate::recipe::Recipe;
use crate::report::{Report, Tested};
use crate::sample;
use crate::scores::{Verdict, answered, score};
use crate::write::{check_place, write};

/// Texts embedded between two reports of progress.
const CHUNK: usize = 64;

/// What to train on, and where to put it.
#[derive(Debug, Clone)]
pub struct Options {
    /// How; [`Recipe::default`] suits a desk's own tickets.
    pub recipe: Recipe,
    /// CSV or JSON Lines with the texts.
    pub data: PathBuf,
    /// Which columns.
    pub columns: Columns,
    /// A file with the same columns to check the head on; texts in both are dropped from the training.
    pub test: Option<PathBuf>,
    /// Folder of the encoder.
    pub encoder: PathBuf,
    /// How it runs; a head is asked about texts cut where those it learnt from were.
    pub encoder_config: Config,
    /// Folder for the encoder fine-tuned on these labels first; the head is then fitted to that one.
    pub finetune: Option<PathBuf>,
    /// Folder to write; its name is the head's.
    pub out: PathBuf,
}

/// Trains a head on a file and writes its folder; nothing is written when anything is wrong.
///
/// **Errors**: [`crate::DataError`] (by downcast) for faults of the data; else what could not be opened or written.
pub fn train_classify(options: &Options, progress: &mut dyn FnMut(Progress)) -> Result<Report> {
    options.recipe.check()?;
    check_places(options)?;
    let (rows, test) = read(options)?;
    let data = learnable(rows, &test, &options.recipe)?;
    let recipe = &options.recipe;
    let (mut fitted, encoder, trained) = match &options.finetune {
        Some(out) => fit_tuned(&data, options, out, progress)?,
        None => {
            let (encoder, _, fitted) = fit_frozen(&data, options, progress)?;
            (fitted, encoder, None)
        }
    };
    if !test.is_empty() {
        fitted.report.test = Some(check(&fitted, &encoder, &test, recipe.seed, progress)?);
    }
    write(&fitted, recipe, &options.out)?;
    // Last, so that whatever failed before this goes on from the checkpoint.
    trained.map_or(Ok(()), Trained::forget)?;
    Ok(fitted.report)
}

/// A fit with what it was made of.
#[derive(Debug, Clone)]
pub struct FitOfFile {
    /// The rows that were held out in turn.
    pub data: Dataset,
    /// Their vectors. **Shape**: `[rows, dimensions]`.
    pub vectors: Array2<f32>,
    /// The head, and what it said of each row while that was held out.
    pub fitted: Fitted,
}

/// Fits a head on a file as [`train_classify`] does, over the encoder as it is, and writes nothing.
///
/// **Errors**: as [`train_classify`].
pub fn fit_classify(options: &Options, progress: &mut dyn FnMut(Progress)) -> Result<FitOfFile> {
    options.recipe.check()?;
    let (rows, test) = read(options)?;
    let data = learnable(rows, &test, &options.recipe)?;
    let (_, vectors, fitted) = fit_frozen(&data, options, progress)?;
    Ok(FitOfFile {
        data: data.select(&fitted.checked),
        vectors: vectors.select(Axis(0), &fitted.checked),
        fitted,
    })
}

/// The encoder as it is, the vectors of the rows, and a head over them.
fn fit_frozen(
    data: &Dataset,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Encoder, Array2<f32>, Fitted)> {
    let encoder = open(&options.encoder, options)?;
    let learnt = Learnt::of_encoder(&options.encoder)?;
    let vectors = embed(&encoder, &data.texts, progress)?;
    let fitted = fit(data, &vectors, identity(&encoder), &learnt, &options.recipe, progress)?;
    Ok((encoder, vectors, fitted))
}

/// Refuses places that cannot take what is to be written, before anything is read.
fn check_places(options: &Options) -> Result<()> {
    check_place(&options.out)?;
    let Some(encoder) = &options.finetune else {
        return Ok(());
    };
    ensure!(
        *encoder != options.out,
        "the encoder and the head need a folder each, and both are {}",
        encoder.display()
    );
    finetune::check_place(encoder)
}

/// A head over an encoder trained on the same rows first, calibrated on those that neither had seen; and that training.
fn fit_tuned(
    data: &Dataset,
    options: &Options,
    out: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Fitted, Encoder, Option<Trained>)> {
    let recipe = &options.recipe;
    let how = recipe.finetune.clone().unwrap_or_default();
    let fold_of = held_out_of(data, &Learnt::of_encoder(&options.encoder)?, recipe, how.held_out)?;
    let trained = finetune(data, &fold_of, &options.encoder, out, recipe, progress)?;
    let mut try_share = |&share: &f64| -> Result<Over> {
        let place = tempfile::tempdir().context("cannot make a temporary folder")?;
        let folder = place.path().join("encoder");
        trained.write(share, &[], &folder)?;
        let vectors = embed(&open(&folder, options)?, &data.texts, progress)?;
        let trial = try_out(data, &vectors, recipe, &fold_of, 0..1, progress)?;
        Ok(Over { share, vectors, trial })
    };
    let overs = how.shares.iter().map(&mut try_share).collect::<Result<Vec<Over>>>()?;
    let tried: Vec<Mixed> = overs.iter().map(Over::mixed).collect();
    let best = overs
        .into_iter()
        .min_by(|a, b| a.trial.log_loss().total_cmp(&b.trial.log_loss()));
    let Over { share, vectors, trial } = best.context("no share of the tuned weights to try")?;
    trained.write(share, &tried, out)?;
    let encoder = open(out, options)?;
    let fitted = finish(trial, data, &vectors, identity(&encoder), recipe, progress)?;
    Ok((fitted, encoder, Some(trained)))
}

/// A head tried over an encoder between what it was and what it became.
struct Over {
    /// Share of the tuned weights.
    share: f64,
    /// **Shape**: `[rows, dimensions]`.
    vectors: Array2<f32>,
    trial: Trial,
}

impl Over {
    fn mixed(&self) -> Mixed {
        Mixed {
            share: self.share,
            log_loss: self.trial.log_loss(),
        }
    }
}

/// Trains a head on rows that are already read and writes its folder; vectors that are known are not made again, and
/// those that are made are known afterwards. Rows whose text is among `test` are dropped.
///
/// **Errors**: [`crate::DataError`] (by downcast) for faults of the rows; else what could not be embedded or written.
pub fn train_rows(
    rows: Vec<Row>,
    test: &[Row],
    recipe: &Recipe,
    embedder: &mut Embedder<'_>,
    out: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report> {
    recipe.check()?;
    let data = learnable(rows, test, recipe)?;
    let vectors = embedder.embed(&data.texts, progress)?;
    let encoder = identity(embedder.encoder);
    let fitted = fit(&data, &vectors, encoder, embedder.learnt, recipe, progress)?;
    write(&fitted, recipe, out)?;
    Ok(fitted.report)
}

/// Rows to learn from, and rows to test on: those of the test file, else the recipe's share of the data.
fn read(options: &Options) -> Result<(Vec<Row>, Vec<Row>)> {
    let rows = data::read(&options.data, &options.columns)?;
    match &options.test {
        Some(path) => Ok((rows, data::read(path, &options.columns)?)),
        None => Ok(sample::by_hash(rows, options.recipe.data.test_share)),
    }
}

fn learnable(rows: Vec<Row>, test: &[Row], recipe: &Recipe) -> Result<Dataset> {
    let data = Dataset::new(rows, test)?;
    Ok(match recipe.data.per_label {
        Some(count) => sample::per_label(&data, count, recipe.seed),
        None => data,
    })
}

fn open(folder: &Path, options: &Options) -> Result<Encoder> {
    Encoder::open(folder, options.encoder_config.clone())
        .with_context(|| format!("cannot open the encoder in {}", folder.display()))
}

fn identity(encoder: &Encoder) -> EncoderId {
    EncoderId {
        name: encoder.model().to_owned(),
        revision: encoder.revision().to_owned(),
        dimensions: encoder.dimensions(),
        max_tokens: encoder.max_tokens(),
    }
}

/// Vectors of the texts, as the desk's own tickets are embedded.
///
/// **Shape**: `[texts, dimensions]`. **Errors**: the encoder's.
pub fn embed(encoder: &Encoder, texts: &[String], progress: &mut dyn FnMut(Progress)) -> Result<Array2<f32>> {
    let mut values = Vec::with_capacity(texts.len() * encoder.dimensions());
    for (position, chunk) in texts.chunks(CHUNK).enumerate() {
        progress(Progress {
            act: "embed",
            done: position * CHUNK,
            total: texts.len(),
        });
        let vectors = encoder
            .embed_blocking(chunk.to_vec(), Side::Passage)
            .context("cannot embed the texts")?;
        values.extend(vectors.into_iter().flatten());
    }
    progress(Progress {
        act: "embed",
        done: texts.len(),
        total: texts.len(),
    });
    Ok(Array2::from_shape_vec((texts.len(), encoder.dimensions()), values)?)
}

fn check(
    fitted: &Fitted,
    encoder: &Encoder,
    test: &[Row],
    seed: u64,
    progress: &mut dyn FnMut(Progress),
) -> Result<Tested> {
    let head = Head::new(
        String::new(),
        String::new(),
        fitted.spec.clone(),
        fitted.tensors.clone(),
    )?;
    let texts: Vec<String> = test.iter().map(|row| without_quoted_history(&row.text)).collect();
    let vectors = embed(encoder, &texts, progress)?;
    let numbers = numbered(head.labels(), test);
    let verdict = |((row, text), vector): ((&Row, &String), ArrayView1<'_, f32>)| -> Result<(Verdict, bool)> {
        let assessment = head.assess(text, &vector.to_vec())?;
        let most_probable = assessment.probabilities.first();
        let predicted = most_probable.map_or(0, |(name, _)| numbers[name.as_str()]);
        let verdict = Verdict {
            target: numbers[row.label.trim()],
            predicted,
            confidence: assessment.confidence,
        };
        Ok((verdict, assessment.label.is_some()))
    };
    let said = test
        .iter()
        .zip(&texts)
        .zip(vectors.rows())
        .map(verdict)
        .collect::<Result<Vec<_>>>()?;
    let verdicts: Vec<Verdict> = said.iter().map(|(verdict, _)| *verdict).collect();
    let (coverage, precision) = answered(&said, seed);
    let is_unknown = |verdict: &&Verdict| verdict.target >= head.labels().len();
    Ok(Tested {
        scores: score(&verdicts, seed),
        unknown_labels: verdicts.iter().filter(is_unknown).count(),
        coverage,
        precision,
    })
}

/// Number of each label: first those that were learnt, behind them each one of the test that was not, by itself, because
/// macro-F1 is a mean over labels and evaluation takes it over those too.
fn numbered<'a>(learnt: &'a [String], test: &'a [Row]) -> HashMap<&'a str, usize> {
    let of_test = test.iter().map(|row| row.label.trim());
    let mut numbers = HashMap::new();
    for label in learnt.iter().map(String::as_str).chain(of_test) {
        let next = numbers.len();
        numbers.entry(label).or_insert(next);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_label_that_was_not_learnt_counts_in_macro_f1() {
        let row = |label: &str| Row {
            line: 0,
            text: String::new(),
            label: label.to_owned(),
            slice: None,
        };
        let test = ["late", "refund", "lost", "refund "].map(row);
        let learnt = ["late", "paid"].map(str::to_owned);
        let numbers = numbered(&learnt, &test);
        assert_eq!(
            ["late", "paid", "refund", "lost"].map(|label| numbers[label]),
            [0, 1, 2, 3]
        );
        let said_late = |row: &Row| Verdict {
            target: numbers[row.label.trim()],
            predicted: 0,
            confidence: 0.9,
        };
        let verdicts: Vec<Verdict> = test.iter().map(said_late).collect();
        // late: precision 1/4, recall 1, F1 2/5; refund and lost: 0 each; paid does not occur.
        let f1 = score(&verdicts, 1).macro_f1.value;
        assert!((f1 - 0.4 / 3.0).abs() < 1e-9, "{f1}");
    }
}
