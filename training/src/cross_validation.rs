//! Linear scores of every row by a model that has not seen it, and the strength of the penalty that does best.

use std::ops::Range;

use anyhow::Result;
use ndarray::Array2;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::dataset::Dataset;
use crate::examples::{Examples, Scales};
use crate::fit::Progress;
use crate::folds;
use crate::linear::Linear;
use crate::mixture::Mixture;
use crate::recipe::Recipe;
use crate::report::Tried;
use crate::scores::verdicts;
use crate::solver;
use crate::vocabulary;

/// With more rows to score than this, one fold is enough to choose the strength of the penalty.
const FULL_SEARCH_ROWS: usize = 3_000;

/// What cross-validation gives.
#[derive(Debug, Clone)]
pub struct HeldOutScores {
    /// Strength of the penalty that won.
    pub l2: f64,
    /// Linear scores of rows the model had not seen. **Shape**: `[rows, labels]`.
    pub logits: Array2<f32>,
    /// Every strength tried.
    pub tried: Vec<Tried>,
}

/// Fits the folds to be scored with every strength, and keeps the strength with the least held-out log-loss.
///
/// **Errors**: [`crate::DataError::NearCopies`] (by downcast), and what the solvers themselves refuse.
pub fn run(
    data: &Dataset,
    vectors: &Array2<f32>,
    recipe: &Recipe,
    fold_of: &[usize],
    scored: Range<usize>,
    progress: &mut dyn FnMut(Progress),
) -> Result<HeldOutScores> {
    folds::check(fold_of, &data.targets, scored.clone())?;
    let all: Vec<usize> = (0..data.len()).filter(|&row| scored.contains(&fold_of[row])).collect();
    let mut strengths = strengths(recipe);
    let mut logits = vec![Array2::zeros((data.len(), data.labels.len())); strengths.len()];
    let mut tried = Vec::new();
    let mut folds = scored.clone();
    let told = |done| Progress {
        act: "fit",
        done,
        total: recipe.folds + 1,
    };
    progress(told(scored.start));
    if all.len() > FULL_SEARCH_ROWS && scored.contains(&0) {
        let first = score_fold(data, vectors, recipe, &folds::split(fold_of, 0), &strengths)?;
        first.keep(&mut logits);
        tried = try_out(data, &first.rows, &strengths, &logits);
        let best = best_of(&tried);
        strengths = vec![strengths[best]];
        logits = vec![logits.swap_remove(best)];
        folds.start = 1;
        progress(told(1));
    }
    // Side by side: what one fold does on a single core, another one uses the time for.
    let rest: Vec<usize> = folds.collect();
    let fitted = rest
        .into_par_iter()
        .map(|fold| score_fold(data, vectors, recipe, &folds::split(fold_of, fold), &strengths));
    for fold in fitted.collect::<Result<Vec<Scored>>>()? {
        fold.keep(&mut logits);
    }
    progress(told(scored.end));
    if tried.is_empty() {
        tried = try_out(data, &all, &strengths, &logits);
    }
    let best = best_of(&tried).min(strengths.len() - 1);
    Ok(HeldOutScores {
        l2: strengths[best],
        logits: logits.swap_remove(best),
        tried,
    })
}

/// Scores of the rows that a fold held out, by each strength.
struct Scored {
    rows: Vec<usize>,
    /// **Shape**: `[strengths]` of `[rows, labels]`.
    by_strength: Vec<Array2<f32>>,
}

impl Scored {
    fn keep(&self, logits: &mut [Array2<f32>]) {
        for (scores, logits) in self.by_strength.iter().zip(logits) {
            for (scores, &row) in scores.rows().into_iter().zip(&self.rows) {
                logits.row_mut(row).assign(&scores);
            }
        }
    }
}

/// Strengths from the strongest to the weakest, so that each fit starts from a smoother one.
fn strengths(recipe: &Recipe) -> Vec<f64> {
    let mut strengths = recipe.l2.clone();
    strengths.sort_by(|a, b| b.total_cmp(a));
    strengths
}

fn score_fold(
    data: &Dataset,
    vectors: &Array2<f32>,
    recipe: &Recipe,
    (learn, check): &(Vec<usize>, Vec<usize>),
    strengths: &[f64],
) -> Result<Scored> {
    let texts: Vec<&str> = learn.iter().map(|&row| data.texts[row].as_str()).collect();
    let space = vocabulary::learn(&texts, &recipe.features);
    let scales = Scales::new(&recipe.features, &space);
    let examples = Examples::new(&data.texts, vectors, learn, &space, &scales);
    let unseen = Examples::new(&data.texts, vectors, check, &space, &scales);
    let targets: Vec<usize> = learn.iter().map(|&row| data.targets[row]).collect();
    let mut by_strength = Vec::with_capacity(strengths.len());
    let mut model: Option<Linear> = None;
    for &l2 in strengths {
        let fitted = solver::fit(&examples, &targets, data.labels.len(), l2, model.as_ref())?;
        by_strength.push(fitted.logits(&unseen));
        model = Some(fitted);
    }
    Ok(Scored {
        rows: check.clone(),
        by_strength,
    })
}

/// How each strength did on rows it had not seen.
fn try_out(data: &Dataset, rows: &[usize], strengths: &[f64], logits: &[Array2<f32>]) -> Vec<Tried> {
    let one = |(&l2, logits): (&f64, &Array2<f32>)| {
        let verdicts = verdicts(logits, &data.targets, rows);
        let right = verdicts.iter().filter(|verdict| verdict.is_right()).count();
        Tried {
            l2,
            log_loss: Mixture::fit(logits, None, &data.targets, rows).log_loss,
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
