//! A checked data set and its vectors → a head and what is known of it. Reads and writes no file.

use anyhow::{Result, ensure};
use classifier::abstention::HeldOut;
use classifier::assess::{probabilities, set_size};
use classifier::{Conformal, EncoderId, HeadSpec, Tensors};
use ndarray::Array2;

use crate::calibrate::{conformal_quantile, cross_fitted, energy_limit, log_loss, temperature};
use crate::data::DataError;
use crate::dataset::Dataset;
use crate::examples::{Examples, Scales};
use crate::folds;
use crate::linear::Linear;
use crate::recipe::Recipe;
use crate::report::{Promise, Report, Slice, Tried};
use crate::scores::{Verdict, by_label, score, verdicts};
use crate::similarity;
use crate::solver;
use crate::vocabulary;

/// Thresholds of its own may cost a label this much precision when checked on rows they were not derived from.
const PER_LABEL_SLACK: f64 = 0.01;

/// With more rows than this, one fold is enough to choose the strength of the penalty.
const FULL_SEARCH_ROWS: usize = 3_000;

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

/// Fits a head by a recipe: cross-validates every strength of the penalty, keeps the best, calibrates on the rows each
/// fold had not seen, and fits once more on all rows.
///
/// **Shape**: `vectors` `[rows, dimensions]`. **Errors**: vectors of another shape or with NaN.
pub fn fit(
    data: &Dataset,
    vectors: &Array2<f32>,
    encoder: EncoderId,
    recipe: &Recipe,
    progress: &mut dyn FnMut(Progress),
) -> Result<Fitted> {
    recipe.check()?;
    check_vectors(data, vectors, &encoder)?;
    let fold_of = folds::assign(
        &similarity::groups(&data.texts),
        &data.targets,
        recipe.folds,
        recipe.seed,
    );
    let (l2, logits, tried) = choose_strength(data, vectors, recipe, &fold_of, progress)?;
    let held_out = cross_fitted(&logits, &data.targets, &fold_of, recipe.folds);
    let mut spec = describe(data, &logits, encoder, recipe);
    let rows = calibrated(data, &logits, spec.temperature);
    spec.threshold_per_label = per_label_holds(&rows, &fold_of, &spec);
    let tensors = fit_all(data, vectors, recipe, l2, rows)?;
    progress(Progress {
        act: "fit",
        done: recipe.folds + 1,
        total: recipe.folds + 1,
    });
    let report = report(data, &held_out, &spec, &tensors, (l2, tried), recipe);
    Ok(Fitted {
        spec,
        tensors,
        report,
        held_out,
    })
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

fn choose_strength(
    data: &Dataset,
    vectors: &Array2<f32>,
    recipe: &Recipe,
    fold_of: &[usize],
    progress: &mut dyn FnMut(Progress),
) -> Result<(f64, Array2<f32>, Vec<Tried>)> {
    let mut strengths = strengths(recipe);
    let mut logits = vec![Array2::zeros((data.len(), data.labels.len())); strengths.len()];
    let mut tried = Vec::new();
    for fold in 0..recipe.folds {
        progress(Progress {
            act: "fit",
            done: fold,
            total: recipe.folds + 1,
        });
        let rows = folds::split(fold_of, fold);
        held_out_logits(data, vectors, recipe, &rows, &strengths, &mut logits)?;
        if fold == 0 && data.len() > FULL_SEARCH_ROWS {
            tried = try_out(data, &rows.1, &strengths, &logits);
            let best = best_of(&tried);
            strengths = vec![strengths[best]];
            logits = vec![logits.swap_remove(best)];
        }
    }
    if tried.is_empty() {
        let all: Vec<usize> = (0..data.len()).collect();
        tried = try_out(data, &all, &strengths, &logits);
    }
    let best = best_of(&tried).min(strengths.len() - 1);
    Ok((strengths[best], logits.swap_remove(best), tried))
}

/// How each strength did on rows it had not seen.
fn try_out(data: &Dataset, rows: &[usize], strengths: &[f64], logits: &[Array2<f32>]) -> Vec<Tried> {
    let one = |(&l2, logits): (&f64, &Array2<f32>)| {
        let temperature = temperature(logits, &data.targets, rows);
        let verdicts = verdicts(logits, &data.targets, rows);
        let right = verdicts
            .iter()
            .filter(|verdict| verdict.target == verdict.predicted)
            .count();
        Tried {
            l2,
            log_loss: log_loss(logits, &data.targets, rows, temperature),
            accuracy: right as f64 / rows.len().max(1) as f64,
        }
    };
    strengths.iter().zip(logits).map(one).collect()
}

fn best_of(tried: &[Tried]) -> usize {
    (0..tried.len())
        .min_by(|&a, &b| tried[a].log_loss.total_cmp(&tried[b].log_loss))
        .unwrap_or(0)
}

/// Strengths from the strongest to the weakest, so that each fit starts from a smoother one.
fn strengths(recipe: &Recipe) -> Vec<f64> {
    let mut strengths = recipe.l2.clone();
    strengths.sort_by(|a, b| b.total_cmp(a));
    strengths
}

fn held_out_logits(
    data: &Dataset,
    vectors: &Array2<f32>,
    recipe: &Recipe,
    (learn, check): &(Vec<usize>, Vec<usize>),
    strengths: &[f64],
    logits: &mut [Array2<f32>],
) -> Result<()> {
    let texts: Vec<&str> = learn.iter().map(|&row| data.texts[row].as_str()).collect();
    let space = vocabulary::learn(&texts, &recipe.features);
    let scales = Scales::new(&recipe.features, &space);
    let examples = Examples::new(&data.texts, vectors, learn, &space, &scales);
    let unseen = Examples::new(&data.texts, vectors, check, &space, &scales);
    let targets: Vec<usize> = learn.iter().map(|&row| data.targets[row]).collect();
    let mut model: Option<Linear> = None;
    for (&l2, logits) in strengths.iter().zip(logits) {
        let fitted = solver::fit(&examples, &targets, data.labels.len(), l2, model.as_ref())?;
        for (scores, &row) in fitted.logits(&unseen).rows().into_iter().zip(check) {
            logits.row_mut(row).assign(&scores);
        }
        model = Some(fitted);
    }
    Ok(())
}

fn describe(data: &Dataset, logits: &Array2<f32>, encoder: EncoderId, recipe: &Recipe) -> HeadSpec {
    let all: Vec<usize> = (0..data.len()).collect();
    let temperature = temperature(logits, &data.targets, &all);
    let truth = |row: usize| probabilities(&logits.row(row).to_vec(), temperature)[data.targets[row]];
    HeadSpec {
        labels: data.labels.clone(),
        temperature,
        target_precision: recipe.target_precision,
        threshold_per_label: false,
        out_of_scope_energy: energy_limit(logits, recipe.in_scope_share),
        conformal: Conformal {
            coverage: recipe.conformal_coverage,
            quantile: conformal_quantile(all.iter().map(|&row| truth(row)), recipe.conformal_coverage),
        },
        word_ngrams: recipe.features.words_in_use(),
        char_ngrams: recipe.features.chars_in_use(),
        encoder,
    }
}

fn calibrated(data: &Dataset, logits: &Array2<f32>, temperature: f32) -> HeldOut {
    let mut rows = HeldOut::default();
    for (scores, &target) in logits.rows().into_iter().zip(&data.targets) {
        let values = probabilities(&scores.to_vec(), temperature);
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

fn fit_all(data: &Dataset, vectors: &Array2<f32>, recipe: &Recipe, l2: f64, held_out: HeldOut) -> Result<Tensors> {
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
        held_out,
    })
}

fn report(
    data: &Dataset,
    held_out: &Array2<f32>,
    spec: &HeadSpec,
    tensors: &Tensors,
    (l2, tried): (f64, Vec<Tried>),
    recipe: &Recipe,
) -> Report {
    let of = |rows: &[usize]| verdicts(held_out, &data.targets, rows);
    let all: Vec<usize> = (0..data.len()).collect();
    let verdicts: Vec<Verdict> = of(&all);
    let outcome = tensors
        .held_out
        .thresholds(spec.labels.len(), spec.target_precision, spec.threshold_per_label)
        .outcome;
    Report {
        rows: data.len(),
        dropped: data.dropped,
        labels: data.labels.iter().cloned().zip(by_label(&verdicts)).collect(),
        features: [spec.encoder.dimensions, tensors.words.len(), tensors.chars.len()],
        l2,
        tried,
        temperature: spec.temperature,
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
