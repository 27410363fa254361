//! A head fitted anew on what the desk has learnt, and put in force where it is shown not to be worse.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use anyhow::{Context, Result};
use desk::model_version::active_version;
use desk::{Activation, Actor, HeadRole, ModelOrigin, ModelVersion};
use eval::Figure;
use eval::classify::Models;
use eval::compare::{self, Comparison};
use eval::paired::{Paired, Standing};
use eval::rows::LabelledText;
use serde::{Deserialize, Serialize};
use store::{NewActivation, Store, StoreError};
use training::data::Row;
use training::{KnownVectors, Progress, Recipe};

use crate::learning::lessons::Lessons;
use crate::learning::switch::{find_same, put_in_force};
use crate::learning::{self, LearningError, SharedVectors, Shelf};

/// How much less often right a new version may be at most, as far as the held-out tickets can tell, to be put in force.
///
/// Three points are what a desk would not notice: of twenty tickets a day it is one in two days. That they cannot be
/// more takes evidence, at least 125 held-out tickets where both versions are always right; a version that is plainly
/// better needs fewer. **Units:** share of tickets.
pub const MARGIN: f64 = 0.03;

/// Versions of each head that are kept though they never decided anything: the latest, to be tried out.
const UNUSED_KEPT: usize = 5;

const CATEGORY_RECIPE: &str = include_str!("../../../training/recipes/triage-category.toml");
const PRIORITY_RECIPE: &str = include_str!("../../../training/recipes/triage-priority.toml");

/// What became of a head that was fitted anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is in force.
    Promoted,
    /// It is known as a version and decides nothing.
    NotPromoted,
    /// It is a version that is known already: there was nothing new to learn.
    Unchanged,
}

/// What came of fitting a head anew.
#[derive(Debug, Clone, Serialize)]
pub struct Retrained {
    /// The head.
    pub head: HeadRole,
    /// Tickets of the desk it learnt from.
    pub own_rows: usize,
    /// Rows it learnt from besides, that came with the program.
    pub shipped_rows: usize,
    /// Texts that had to be embedded, having no vector in the index nor from the last time.
    pub embedded: usize,
    /// The version that was judged against.
    pub against: i64,
    /// The version it is.
    pub version: i64,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, in words.
    pub reason: String,
    /// Both on the held-out tickets; A is the one in force, B the new one. None where nothing is new.
    pub comparison: Option<Comparison>,
}

/// Fits a head on the desk's settled tickets and on the rows that came with the program, embedding only what has no
/// known vector, judges it on tickets that no version learns from, and puts it in force when it is better, or shown
/// not to be worse by more than [`MARGIN`].
///
/// **Errors:** [`RetrainError`](crate::learning::RetrainError) and [`training::DataError`] by downcast, and what could
/// not be read or written; the head in force stays then.
pub async fn retrain(
    store: &Store,
    shelf: &Shelf,
    encoder: encoder::Encoder,
    known: &SharedVectors,
    head: HeadRole,
    mut progress: impl FnMut(Progress) + Send + 'static,
) -> Result<Retrained> {
    let log = store.list_activations(head).await?;
    let against = active_version(&log);
    let in_force = shelf.folder(head, against);
    let lessons = Lessons::read(store, head, &in_force).await?;
    let (own_rows, shipped_rows) = (lessons.own.len(), lessons.shipped.len());
    let scratch = tempfile::tempdir().context("no room for a new head")?;
    let folder = scratch.path().join(in_force_name(shelf, head));
    let (fitted, fitting, known) = (folder.clone(), encoder.clone(), Arc::clone(known));
    let (held_out, embedded) = blocking(move || {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.made();
        let held_out = fit(lessons, head, (&fitting, &mut known), &fitted, &mut progress)?;
        Ok((held_out, known.made() - before))
    })
    .await?;

    let retrained = |version, outcome, reason, comparison| Retrained {
        head,
        own_rows,
        shipped_rows,
        embedded,
        against,
        version,
        outcome,
        reason,
        comparison,
    };
    let same = find_same(store, shelf, head, &folder).await?;
    if let Some((version, reason)) = same.as_ref().and_then(|same| nothing_new(same, &log)) {
        return Ok(retrained(version, Outcome::Unchanged, reason, None));
    }
    let (judged, encoder_folder) = (folder.clone(), shelf.encoder().to_owned());
    let (comparison, paired) = blocking(move || {
        let judge = |folder: &Path| judge(folder, &encoder_folder, &encoder, &held_out);
        let (a, b) = (judge(&in_force)?, judge(&judged)?);
        Ok((compare::heads(&a, &b)?, Paired::of(&a, &b)))
    })
    .await?;
    let standing = paired.standing(MARGIN);
    let reason = reason(&paired, standing);
    let version = match same {
        Some(same) => same.version,
        None => {
            let origin = ModelOrigin::Retrained;
            learning::add(store, shelf, head, &folder, origin, &reason)
                .await?
                .version
        }
    };
    let (outcome, reason) = match standing {
        Standing::Better | Standing::NotWorse => promote(store, shelf, (head, version, against), reason).await?,
        Standing::Worse | Standing::Unclear => (Outcome::NotPromoted, reason),
    };
    forget_unused(store, shelf, head).await?;
    Ok(retrained(version, outcome, reason, Some(comparison)))
}

/// A schedule makes a version a day and most are not put in force.
async fn forget_unused(store: &Store, shelf: &Shelf, head: HeadRole) -> Result<()> {
    let actor = Actor::system("retrain");
    for version in store.forget_model_versions(head, UNUSED_KEPT, &actor).await? {
        let folder = shelf.place(head, version.version);
        if let Err(error) = std::fs::remove_dir_all(&folder) {
            tracing::warn!(folder = %folder.display(), error = %error, "the files of a forgotten version stay");
        }
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(act: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(act).await;
    done.context("the training was interrupted")?
}

/// Why a version that is known already needs no judging: it is in force, or was and gave way to another.
fn nothing_new(same: &ModelVersion, log: &[Activation]) -> Option<(i64, String)> {
    let version = same.version;
    if version == active_version(log) {
        return Some((
            version,
            format!("nothing new: the same as version {version}, which is in force"),
        ));
    }
    let was_in_force = log
        .iter()
        .any(|line| line.version == version || line.replaced == version);
    was_in_force.then(|| {
        (
            version,
            format!("nothing new: the same as version {version}, which was replaced"),
        )
    })
}

/// Puts a version in force, unless another one than it was judged against came into force meanwhile.
async fn promote(
    store: &Store,
    shelf: &Shelf,
    (head, version, against): (HeadRole, i64, i64),
    reason: String,
) -> Result<(Outcome, String)> {
    let new = NewActivation {
        head,
        version,
        replacing: Some(against),
        is_rollback: false,
        reason: &reason,
    };
    match put_in_force(store, shelf, new, &Actor::system("retrain")).await {
        Ok(_) => Ok((Outcome::Promoted, reason)),
        Err(LearningError::Store(StoreError::Stale { current, .. })) => {
            let reason = format!("judged against version {against}, but version {current} is in force by now");
            Ok((Outcome::NotPromoted, reason))
        }
        Err(error) => Err(error.into()),
    }
}

/// Rows to judge by, and their vectors.
struct HeldOut {
    rows: Vec<LabelledText>,
    vectors: Vec<Vec<f32>>,
}

/// Writes the new head and gives back what to judge it by.
fn fit(
    lessons: Lessons,
    head: HeadRole,
    (encoder, known): (&encoder::Encoder, &mut KnownVectors),
    folder: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<HeldOut> {
    let recipe = match head {
        HeadRole::Category => CATEGORY_RECIPE,
        HeadRole::Priority => PRIORITY_RECIPE,
    };
    let recipe: Recipe = toml::from_str(recipe).context("the shipped recipe cannot be read")?;
    let Lessons {
        mut own,
        held_out,
        shipped,
    } = lessons;
    // The desk's own word comes first: of two rows with the same text the first is kept.
    own.extend(shipped);
    training::train_rows(own, &held_out, &recipe, (encoder, known), folder, progress)?;
    let texts: Vec<String> = held_out.iter().map(|row| row.text.clone()).collect();
    let vectors = known.embed(encoder, &texts, progress)?;
    let labelled = |Row { text, label, .. }| LabelledText { text, label };
    Ok(HeldOut {
        rows: held_out.into_iter().map(labelled).collect(),
        vectors: vectors.rows().into_iter().map(|vector| vector.to_vec()).collect(),
    })
}

fn judge(
    folder: &Path,
    encoder_folder: &Path,
    encoder: &encoder::Encoder,
    held_out: &HeldOut,
) -> Result<Vec<eval::Prediction>> {
    let models = Models {
        head: folder,
        encoder: encoder_folder,
        target_precision: None,
    };
    eval::classify::judge(models, encoder, &held_out.rows, &held_out.vectors)
}

fn in_force_name(shelf: &Shelf, head: HeadRole) -> PathBuf {
    PathBuf::from(shelf.first(head).file_name().unwrap_or(head.as_str().as_ref()))
}

fn reason(paired: &Paired, standing: Standing) -> String {
    let percent = |figure: Option<Figure>| 100.0 * figure.map_or(0.0, |figure| figure.value);
    let worst = paired.difference().map_or(0.0, |difference| difference.low);
    let verdict = match standing {
        Standing::Better => "better beyond chance, put in force",
        Standing::NotWorse => "not worse by more than the margin, put in force",
        Standing::Worse => "worse beyond chance, not put in force",
        Standing::Unclear => "too little to tell, not put in force; `deskwise model shadow` tries it out",
    };
    format!(
        "right on {:.1} % of {} held-out tickets, the one before on {:.1} % (at worst {:+.1} points, McNemar p = \
         {:.3}): {verdict}",
        percent(paired.accuracy_b()),
        paired.rows(),
        percent(paired.accuracy_a()),
        100.0 * worst,
        paired.mcnemar().p
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_how_much_worse_it_may_be() {
        let close = Paired {
            both: 18,
            a_alone: 0,
            b_alone: 0,
            neither: 2,
        };
        let said = reason(&close, close.standing(MARGIN));
        assert!(said.contains("right on 90.0 % of 20"), "{said}");
        assert!(
            said.contains("-15.7 points") && said.contains("too little to tell"),
            "{said}"
        );
    }
}
