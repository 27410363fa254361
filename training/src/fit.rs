//! A checked data set and its vectors → a head and what is known of it. Reads and writes no file.

use std::collections::HashSet;
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
use crate::thresholds;
use crate::vocabulary;

/// With fewer rows than this that a trained encoder has not learnt, a head over it is not calibrated: there is no 95 % quantile
/// of fewer.
const UNSEEN_MIN: usize = 20;

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
    /// Rows that were held out in turn: all but those that the encoder has learnt.
    pub checked: Vec<usize>,
    /// Their held-out probabilities, for whoever wants to look closer. **Shape**: `[checked, labels]`.
    pub held_out: Array2<f32>,
}

/// Which rows an encoder that is itself trained never sees: fold 0, about this share of them, without those it has `learnt`
/// in a training before; fold 1 are the others.
///
/// The smallest fold is held out: near-copies stay together, and a chain of them can make one far larger than its share.
///
/// **Errors**: [`DataError::TooFewUnseen`].
pub fn held_out_of(data: &Dataset, learnt: &Learnt, recipe: &Recipe, share: f64) -> Result<Vec<usize>, DataError> {
    let folds = ((1.0 / share).round() as usize).max(2);
    let fold_of = folds::assign(&similarity::groups(&data.texts), &data.targets, folds, recipe.seed);
    let size = |fold: &usize| fold_of.iter().filter(|of| *of == fold).count();
    let smallest = (0..folds).filter(|fold| size(fold) > 0).min_by_key(size).unwrap_or(0);
    let is_held_out = |(fold, text): (&usize, &String)| *fold == smallest && !learnt.has(text);
    let held_out: Vec<bool> = fold_of.iter().zip(&data.texts).map(is_held_out).collect();
    let (left, all) = (held_out.iter().filter(|out| **out).count(), size(&smallest));
    if left < all {
        refuse_too_few(left, all)?;
    }
    Ok(held_out.iter().map(|out| usize::from(!out)).collect())
}

/// Which rows are held out together: near-copies stay on one side, labels are spread. Rows that the encoder has learnt, and
/// near-copies of them, are in a fold behind the others, which is never held out: their vectors are bent towards their
/// labels, as that of no new text will be.
fn assigned(data: &Dataset, learnt: &Learnt, folds: usize, seed: u64) -> Result<Vec<usize>, DataError> {
    let groups = similarity::groups(&data.texts);
    let of_learnt = data.texts.iter().zip(&groups).filter(|(text, _)| learnt.has(text));
    let bent: HashSet<usize> = of_learnt.map(|(_, group)| *group).collect();
    let unseen: Vec<usize> = (0..data.len()).filter(|&row| !bent.contains(&groups[row])).collect();
    let of_unseen = |values: &[usize]| -> Vec<usize> { unseen.iter().map(|&row| values[row]).collect() };
    let targets = of_unseen(&data.targets);
    let assigned = folds::assign(&of_unseen(&groups), &targets, folds, seed);
    if !bent.is_empty() {
        refuse_too_few(unseen.len(), data.len())?;
        folds::check(&assigned, &targets, 0..folds)?;
    }
    let mut fold_of = vec![folds; data.len()];
    unseen.iter().zip(assigned).for_each(|(&row, fold)| fold_of[row] = fold);
    Ok(fold_of)
}

fn refuse_too_few(unseen: usize, texts: usize) -> Result<(), DataError> {
    if unseen >= UNSEEN_MIN {
        return Ok(());
    }
    let needed = UNSEEN_MIN;
    Err(DataError::TooFewUnseen { unseen, texts, needed })
}

/// Fits a head by a recipe: cross-validates every strength of the penalty and keeps the best, weighs the neighbours' votes
/// and calibrates on the rows each fold had not seen, and fits once more on all rows. Rows that the encoder has `learnt`
/// itself are learnt from as well, and judge nothing.
///
/// **Shape**: `vectors` `[rows, dimensions]`. **Errors**: vectors of another shape or with NaN, [`DataError::NearCopies`],
/// [`DataError::TooFewUnseen`].
pub fn fit(
    data: &Dataset,
    vectors: &Array2<f32>,
    encoder: EncoderId,
    learnt: &Learnt,
    recipe: &Recipe,
    progress: &mut dyn FnMut(Progress),
) -> Result<Fitted> {
    recipe.check()?;
    check_vectors(data, vectors, &encoder)?;
    let fold_of = assigned(data, learnt, recipe.folds, recipe.seed)?;
    let trial = try_out(data, vectors, recipe, &fold_of, 0..recipe.folds, progress)?;
    finish(trial, data, vectors, encoder, recipe, progress)
}

/// A head as rows see it that no fit had seen: all of it but the fit on every row.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The rows of the folds that were scored.
    rows: Vec<usize>,
    /// Their texts and targets.
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
        rows,
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
    spec.threshold_per_label =
        thresholds::per_label_hold(&held_out, &trial.parts, spec.labels.len(), spec.target_precision);
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
        checked: trial.rows,
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
