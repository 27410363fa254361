//! Linear scores of every row by a model that has not seen it, and the strength of the penalty that does best.

use std::ops::Range;

use anyhow::Result;
use ndarray::Array2;

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

/// With more rows than this, one fold is enough to choose the strength of the penalty.
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
/// **Errors**: only what the solvers themselves refuse.
pub fn run(
    data: &Dataset,
    vectors: &Array2<f32>,
    recipe: &Recipe,
    fold_of: &[usize],
    scored: Range<usize>,
    progress: &mut dyn FnMut(Progress),
) -> Result<HeldOutScores> {
    let mut strengths = strengths(recipe);
    let mut logits = vec![Array2::zeros((data.len(), data.labels.len())); strengths.len()];
    let mut tried = Vec::new();
    for fold in scored.clone() {
        progress(Progress {
            act: "fit",
            done: fold,
            total: recipe.folds + 1,
        });
        let rows = folds::split(fold_of, fold);
        score_fold(data, vectors, recipe, &rows, &strengths, &mut logits)?;
        if fold == 0 && data.len() > FULL_SEARCH_ROWS {
            tried = try_out(data, &rows.1, &strengths, &logits);
            let best = best_of(&tried);
            strengths = vec![strengths[best]];
            logits = vec![logits.swap_remove(best)];
        }
    }
    if tried.is_empty() {
        let all: Vec<usize> = (0..data.len()).filter(|&row| scored.contains(&fold_of[row])).collect();
        tried = try_out(data, &all, &strengths, &logits);
    }
    let best = best_of(&tried).min(strengths.len() - 1);
    Ok(HeldOutScores {
        l2: strengths[best],
        logits: logits.swap_remove(best),
        tried,
    })
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
