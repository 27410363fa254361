//! A checked data set and its vectors → a head and what is known of it. Reads and writes no file.

use std::ops::Range;

use anyhow::{Result, ensure};
use classifier::abstention::HeldOut;
use classifier::assess::set_size;
use classifier::{Conformal, Curve, EncoderId, HeadSpec, Learnt, Memory, Tensors, Vote};
use ndarray::{Array2, Axis};

use crate::calibrate::{Calibrated, Calibration, calibrate, conformal_quantile, energy_limit};
use crate::cross_validation;
use crate::data::DataError;
use crate::dataset::Dataset;
use crate::examples::{Examples, Scales};
use crate::folds;
use crate::neighbours::{self, Chosen, Labelled};
use crate::recipe::Recipe;
use crate::report::{Promise, Report, Slice, Tried};
use crate::scores::{LabelScore, Verdict, by_label, score, verdicts};
use crate::similarity;
use crate::solver;
use crate::vocabulary;

/// Thresholds of its own may cost a label this much precision when checked on rows they were not derived from.
const PER_LABEL_SLACK: f64 = 0.01;

/// How far a long act has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub act: &'static str,
    /// Steps done.
    pub done: usize,
    /// Steps in all.
    pub total: usize,
}

/// A fitted head, not yet written.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// Its description.
    pub spec: HeadSpec,
    /// Its tensors.
    pub tensors: Tensors,
    /// What cross-validation says of it.
    pub report: Report,
    /// Held-out probabilities, for whoever wants to look closer. **Shape**: `[rows, labels]`.
    pub held_out: Array2<f32>,
}

/// Which rows are held out together, by the recipe: near-copies stay on one side, labels are spread.
#[must_use]
pub fn folds_of(data: &Dataset, recipe: &Recipe) -> Vec<usize> {
    assigned(data, recipe.folds, recipe.seed)
}

/// Which rows an encoder that is itself trained never sees: fold 0, about this share of them; fold 1 are the others.
///
/// The smallest fold is held out: near-copies stay together, and a chain of them can make one far larger than its share.
#[must_use]
pub fn held_out_of(data: &Dataset, recipe: &Recipe, share: f64) -> Vec<usize> {
    let folds = ((1.0 / share).round() as usize).max(2);
    let fold_of = assigned(data, folds, recipe.seed);
    let size = |fold: &usize| fold_of.iter().filter(|of| *of == fold).count();
    let smallest = (0..folds).filter(|fold| size(fold) > 0).min_by_key(size).unwrap_or(0);
    fold_of.iter().map(|fold| usize::from(*fold != smallest)).collect()
}

fn assigned(data: &Dataset, folds: usize, seed: u64) -> Vec<usize> {
    folds::assign(&similarity::groups(&data.texts), &data.targets, folds, seed)
}

/// Fits a head by a recipe: cross-validates every strength of the penalty and keeps the best, weighs the neighbours' votes
/// and calibrates on the rows each fold had not seen, and fits once more on all rows.
///
/// **Shape**: `vectors` `[rows, dimensions]`. **Errors**: vectors of another shape or with NaN, [`DataError::NearCopies`].
pub fn fit(
    data: &Dataset,
    vectors: &Array2<f32>,
    encoder: EncoderId,
    recipe: &Recipe,
    progress: &mut dyn FnMut(Progress),
) -> Result<Fitted> {
    recipe.check()?;
    check_vectors(data, vectors, &encoder)?;
    let trial = try_out(
        data,
        vectors,
        recipe,
        &folds_of(data, recipe),
        0..recipe.folds,
        progress,
    )?;
    finish(trial, data, vectors, encoder, recipe, progress)
}

/// A head as rows see it that no fit had seen: all of it but the fit on every row.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The rows of the folds that were scored.
    checked: Dataset,
    /// Which of them are calibrated together.
    parts: Vec<usize>,
    /// Strength of the penalty that won, and all that were tried.
    l2: (f64, Vec<Tried>),
    /// Examples that vote.
    remembered: Vec<usize>,
    chosen: Chosen,
    calibrated: Calibrated,
}

impl Trial {
    /// Mean log-loss on those rows: how well a head over these very vectors does.
    #[must_use]
    pub fn log_loss(&self) -> f64 {
        self.calibrated.temperature_loss.min(self.calibrated.isotonic_loss)
    }
}

/// Tries a head on some of the folds.
///
/// **Shape**: `vectors` `[rows, dimensions]`, `fold_of` `[rows]`. **Errors**: [`DataError::NearCopies`], and what the solvers
/// themselves refuse.
pub fn try_out(
    data: &Dataset,
    vectors: &Array2<f32>,
    recipe: &Recipe,
    fold_of: &[usize],
    scored: Range<usize>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Trial> {
    let scores = cross_validation::run(data, vectors, recipe, fold_of, scored.clone(), progress)?;
    let rows: Vec<usize> = (0..data.len()).filter(|&row| scored.contains(&fold_of[row])).collect();
    let remembered = neighbours::remembered(data.len(), &recipe.voting, recipe.seed);
    let labelled = Labelled {
        vectors,
        targets: &data.targets,
        fold_of,
    };
    let logits = scores.logits.select(Axis(0), &rows);
    let chosen = neighbours::choose(logits, labelled, &rows, &remembered, &recipe.voting);
    let checked = data.select(&rows);
    let parts = calibration_parts(&rows, fold_of, recipe.folds, scored.len());
    let calibrated = calibrate(&chosen.logits, &checked.targets, &parts, recipe.folds);
    Ok(Trial {
        checked,
        parts,
        l2: (scores.l2, scores.tried),
        remembered,
        chosen,
        calibrated,
    })
}

/// Fits a head that was tried once more, on all rows.
///
/// **Shape**: as it was tried. **Errors**: only what the solvers themselves refuse.
pub fn finish(
    trial: Trial,
    data: &Dataset,
    vectors: &Array2<f32>,
    encoder: EncoderId,
    recipe: &Recipe,
    progress: &mut dyn FnMut(Progress),
) -> Result<Fitted> {
    let Trial {
        checked,
        chosen,
        calibrated,
        ..
    } = trial;
    let calibration = &calibrated.calibration;
    let mut spec = describe(&checked, &chosen.logits, chosen.vote, calibration, encoder, recipe);
    let held_out = held_out_rows(&calibration.apply(&chosen.logits), &checked.targets);
    spec.threshold_per_label = per_label_holds(&held_out, &trial.parts, &spec);
    let mut tensors = fit_all(data, vectors, recipe, trial.l2.0)?;
    tensors.held_out = held_out;
    tensors.curve = calibration.curve.clone();
    tensors.memory = match chosen.vote {
        Some(_) => neighbours::memory(vectors, &data.targets, &trial.remembered),
        None => neighbours::mean(vectors),
    };
    progress(Progress {
        act: "fit",
        done: recipe.folds + 1,
        total: recipe.folds + 1,
    });
    let mut report = report(&checked, &calibrated, &spec, &tensors, trial.l2, recipe);
    report.rows = data.len();
    Ok(Fitted {
        spec,
        tensors,
        report,
        held_out: calibrated.held_out,
    })
}

/// The parts that are calibrated in turn: the folds, or where only one is scored, as many parts of it.
fn calibration_parts(rows: &[usize], fold_of: &[usize], folds: usize, scored: usize) -> Vec<usize> {
    let part = |(position, &row): (usize, &usize)| if scored > 1 { fold_of[row] } else { position % folds };
    rows.iter().enumerate().map(part).collect()
}

fn check_vectors(data: &Dataset, vectors: &Array2<f32>, encoder: &EncoderId) -> Result<()> {
    ensure!(
        vectors.nrows() == data.len(),
        "{} texts but {} vectors",
        data.len(),
        vectors.nrows()
    );
    let dimensions = encoder.dimensions;
    let is_bad = |row: &usize| {
        let vector = vectors.row(*row);
        vector.len() != dimensions || !vector.iter().all(|value| value.is_finite())
    };
    match (0..vectors.nrows()).find(is_bad) {
        Some(row) => Err(DataError::BadVector { row, dimensions }.into()),
        None => Ok(()),
    }
}

fn describe(
    data: &Dataset,
    logits: &Array2<f32>,
    vote: Option<Vote>,
    calibration: &Calibration,
    encoder: EncoderId,
    recipe: &Recipe,
) -> HeadSpec {
    let probabilities = calibration.apply(logits);
    let truth = data.targets.iter().enumerate();
    let truth = truth.map(|(row, &target)| probabilities[[row, target]]);
    HeadSpec {
        labels: data.labels.clone(),
        temperature: calibration.temperature,
        target_precision: recipe.target_precision,
        threshold_per_label: false,
        out_of_scope_energy: energy_limit(&(logits / calibration.temperature), recipe.in_scope_share),
        conformal: Conformal {
            coverage: recipe.conformal_coverage,
            quantile: conformal_quantile(truth, recipe.conformal_coverage),
        },
        word_ngrams: recipe.features.words_in_use(),
        char_ngrams: recipe.features.chars_in_use(),
        vote,
        encoder,
    }
}

/// What the head says of the held-out rows, calibrated as it will be in use.
fn held_out_rows(probabilities: &Array2<f32>, targets: &[usize]) -> HeldOut {
    let mut rows = HeldOut::default();
    for (values, &target) in probabilities.rows().into_iter().zip(targets) {
        let values = values.to_vec();
        let predicted = classifier::assess::ranking(&values)[0];
        rows.predicted.push(predicted as u32);
        rows.confidence.push(values[predicted]);
        rows.correct.push(predicted == target);
    }
    rows
}

/// Whether thresholds per label, derived on half of the rows, keep the precision on the other half and answer more.
fn per_label_holds(rows: &HeldOut, fold_of: &[usize], spec: &HeadSpec) -> bool {
    let (even, odd): (Vec<usize>, Vec<usize>) = (0..rows.len()).partition(|&row| fold_of[row].is_multiple_of(2));
    let (even, odd) = (rows.select(&even), rows.select(&odd));
    let outcome = |per_label: bool| {
        let check = |derive: &HeldOut, check: &HeldOut| {
            check.outcome(
                &derive
                    .thresholds(spec.labels.len(), spec.target_precision, per_label)
                    .by_label,
            )
        };
        let (a, b) = (check(&odd, &even), check(&even, &odd));
        (
            f32::midpoint(a.coverage, b.coverage),
            f32::midpoint(a.precision, b.precision),
        )
    };
    let (own, common) = (outcome(true), outcome(false));
    f64::from(own.1) >= spec.target_precision - PER_LABEL_SLACK && own.0 >= common.0
}

fn fit_all(data: &Dataset, vectors: &Array2<f32>, recipe: &Recipe, l2: f64) -> Result<Tensors> {
    let texts: Vec<&str> = data.texts.iter().map(String::as_str).collect();
    let space = vocabulary::learn(&texts, &recipe.features);
    let scales = Scales::new(&recipe.features, &space);
    let all: Vec<usize> = (0..data.len()).collect();
    let examples = Examples::new(&data.texts, vectors, &all, &space, &scales);
    let mut model = solver::fit(&examples, &data.targets, data.labels.len(), l2, None)?;
    let dimensions = examples.dimensions();
    for (feature, mut row) in model.weights.rows_mut().into_iter().enumerate() {
        row *= if feature < dimensions {
            scales.embedding
        } else {
            scales.term(feature - dimensions)
        };
    }
    Ok(Tensors {
        weights: model.weights.into_iter().collect(),
        bias: model.bias.to_vec(),
        words: space.word_lexicon().clone(),
        chars: space.char_lexicon().clone(),
        memory: Memory::default(),
        curve: Curve::default(),
        held_out: HeldOut::default(),
        learnt: Learnt::of(data.texts.iter().map(String::as_str)),
    })
}

fn report(
    data: &Dataset,
    calibrated: &Calibrated,
    spec: &HeadSpec,
    tensors: &Tensors,
    (l2, tried): (f64, Vec<Tried>),
    recipe: &Recipe,
) -> Report {
    let held_out = &calibrated.held_out;
    let of = |rows: &[usize]| verdicts(held_out, &data.targets, rows);
    let all: Vec<usize> = (0..data.len()).collect();
    let verdicts: Vec<Verdict> = of(&all);
    let mut counts = by_label(&verdicts);
    // After a fine-tuning few rows are held out, and the last labels may have none.
    counts.resize(data.labels.len(), LabelScore::default());
    let outcome = tensors
        .held_out
        .thresholds(spec.labels.len(), spec.target_precision, spec.threshold_per_label)
        .outcome;
    Report {
        rows: data.len(),
        dropped: data.dropped,
        labels: data.labels.iter().cloned().zip(counts).collect(),
        features: [spec.encoder.dimensions, tensors.words.len(), tensors.chars.len()],
        l2,
        tried,
        temperature: spec.temperature,
        temperature_loss: calibrated.temperature_loss,
        isotonic_loss: calibrated.isotonic_loss,
        vote: spec.vote,
        scores: score(&verdicts, recipe.seed),
        slices: slices(data)
            .into_iter()
            .map(|(name, rows)| Slice {
                name,
                scores: score(&of(&rows), recipe.seed),
            })
            .collect(),
        target_precision: spec.target_precision,
        threshold_per_label: spec.threshold_per_label,
        answered: outcome,
        alternatives: promise(data, held_out, spec),
        test: None,
    }
}

fn slices(data: &Dataset) -> Vec<(String, Vec<usize>)> {
    let mut rows: std::collections::BTreeMap<&String, Vec<usize>> = std::collections::BTreeMap::new();
    data.slices
        .iter()
        .enumerate()
        .for_each(|(row, slice)| rows.entry(slice).or_default().push(row));
    rows.into_iter().map(|(name, rows)| (name.clone(), rows)).collect()
}

fn promise(data: &Dataset, held_out: &Array2<f32>, spec: &HeadSpec) -> Promise {
    let (mut held, mut size) = (0, 0);
    for (row, &target) in data.targets.iter().enumerate() {
        let values = held_out.row(row).to_vec();
        let order = classifier::assess::ranking(&values);
        let ranked: Vec<f32> = order.iter().map(|&label| values[label]).collect();
        let in_set = set_size(&ranked, spec.conformal);
        size += in_set;
        held += usize::from(order[..in_set].contains(&target));
    }
    let rows = data.len() as f64;
    Promise {
        promised: spec.conformal.coverage,
        held: held as f64 / rows,
        mean_size: size as f64 / rows,
    }
}
