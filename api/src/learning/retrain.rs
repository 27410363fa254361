//! A head fitted anew on what the desk has learnt, and put in force where it is shown not to be worse.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use anyhow::{Context, Result};
use desk::model_version::active_version;
use desk::{Activation, Actor, HeadRole, ModelOrigin, ModelVersion};
use eval::classify::Models;
use eval::compare::{self, Comparison};
use eval::rows::LabelledText;
use serde::{Deserialize, Serialize};
use store::{NewActivation, Store, StoreError};
use training::data::Row;
use training::{Embedder, Learnt, Progress, Recipe};

use crate::learning::judged::Judged;
use crate::learning::lessons::{Evidence, Lessons};
use crate::learning::switch::{Candidate, find_same, put_in_force};
use crate::learning::{self, LearningError, SharedVectors, Shelf, files};

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

/// What a head is fitted with.
#[derive(Clone)]
pub struct Means {
    /// What reads its tickets.
    pub encoder: encoder::Encoder,
    /// Vectors that need not be made.
    pub known: SharedVectors,
    /// Share of given labels that should be right, where the settings say; else what the head in force was asked for.
    pub precision: Option<f64>,
    /// Whether the files of a new version go into the database with it, and those of unused ones out; else [`tidy`] does that.
    ///
    /// A process that runs only when nothing else does must not: all who write to SQLite wait for its transaction, and the 30 ms
    /// of a processor that 8 MB take may be kept from it for seconds. Nor can it wait like the others while it writes: Linux
    /// lets nobody without a privilege back out of `SCHED_IDLE`.
    pub keeps_files: bool,
}

/// What came of fitting a head anew.
#[derive(Debug, Clone, Serialize)]
pub struct Retrained {
    /// The head.
    pub head: HeadRole,
    /// Tickets of the desk it learnt from.
    pub own_rows: usize,
    /// Of those, the ones whose label a person has corrected; the others were solved with the label they had.
    pub own_corrected: usize,
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
/// not to be worse by more than [`MARGIN`](learning::MARGIN), and shown not to decide wrongly more often by more than that; unless the last
/// who chose a version took one back: that stays until somebody activates another one.
///
/// **Errors:** [`RetrainError`](crate::learning::RetrainError) and [`training::DataError`] by downcast, and what could
/// not be read or written; the head in force stays then.
pub async fn retrain(
    store: &Store,
    shelf: &Shelf,
    means: Means,
    head: HeadRole,
    progress: impl FnMut(Progress) + Send + 'static,
) -> Result<Retrained> {
    let log = store.list_activations(head).await?;
    let against = active_version(&log);
    let in_force = files::folder(store, shelf, head, against).await?;
    let learnt = Learnt::of_encoder(shelf.encoder())?;
    let lessons = Lessons::read(store, head, &in_force, &learnt).await?;
    let scratch = tempfile::tempdir().context("no room for a new head")?;
    let attempt = Attempt {
        store,
        shelf,
        head,
        against,
        in_force,
        new: scratch.path().join(shelf.name(head)),
        keeps_files: means.keeps_files,
    };
    let (own_rows, shipped_rows) = (lessons.own.len(), lessons.shipped.len());
    let (own_by, held_out_by) = (lessons.own_by, lessons.held_out_by);
    let (held_out, embedded) = attempt.fit(lessons, learnt, means.clone(), progress).await?;
    let retrained = |(version, outcome, reason), comparison| Retrained {
        head,
        own_rows,
        own_corrected: own_by.corrected,
        shipped_rows,
        embedded,
        against,
        version,
        outcome,
        reason,
        comparison,
    };
    let same = find_same(store, shelf, head, &attempt.new).await?;
    if let Some((version, reason)) = same.as_ref().and_then(|same| nothing_new(same, &log)) {
        return Ok(retrained((version, Outcome::Unchanged, reason), None));
    }
    let (comparison, judged) = attempt.judge(held_out, held_out_by, means).await?;
    let decided = attempt.decide(same, &judged).await?;
    // What was decided stands, whatever lies about.
    if attempt.keeps_files
        && let Err(error) = forget_unused(store, shelf, head).await
    {
        tracing::warn!(
            error = format!("{error:#}"),
            "versions that never decided anything are forgotten later"
        );
    }
    Ok(retrained(decided, Some(comparison)))
}

/// A head in the making, and the one whose place it may take.
struct Attempt<'a> {
    store: &'a Store,
    shelf: &'a Shelf,
    head: HeadRole,
    /// The version in force.
    against: i64,
    /// Its folder.
    in_force: PathBuf,
    /// The folder of the new head.
    new: PathBuf,
    /// Of [`Means`].
    keeps_files: bool,
}

impl Attempt<'_> {
    /// Writes the new head over an encoder that has `learnt`; gives back what to judge it by, and how many texts had to be
    /// embedded.
    async fn fit(
        &self,
        lessons: Lessons,
        learnt: Learnt,
        means: Means,
        mut progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<(HeldOut, usize)> {
        let recipe = recipe(self.head, means.precision, &self.in_force)?;
        let new = self.new.clone();
        blocking(move || {
            let mut known = means.known.lock().unwrap_or_else(PoisonError::into_inner);
            let before = known.made();
            let mut embedder = Embedder {
                encoder: &means.encoder,
                learnt: &learnt,
                known: &mut known,
            };
            let held_out = fit(lessons, &recipe, &mut embedder, &new, &mut progress)?;
            Ok((held_out, known.made() - before))
        })
        .await
    }

    /// What both heads say of the held-out tickets; A is the one in force.
    async fn judge(&self, held_out: HeldOut, evidence: Evidence, means: Means) -> Result<(Comparison, Judged)> {
        let (in_force, new) = (self.in_force.clone(), self.new.clone());
        let encoder_folder = self.shelf.encoder().to_owned();
        blocking(move || {
            let judge = |head: &Path| {
                let models = Models {
                    head,
                    encoder: &encoder_folder,
                    target_precision: means.precision,
                };
                eval::classify::judge(models, &means.encoder, &held_out.rows, &held_out.vectors)
            };
            let (a, b) = (judge(&in_force)?, judge(&new)?);
            Ok((compare::heads(&a, &b)?, Judged::of(&a, &b, evidence)))
        })
        .await
    }

    /// Makes the new head known as a version, where it is not yet, and puts it in force where it may be; says which version
    /// it is, what became of it, and why.
    async fn decide(&self, same: Option<ModelVersion>, judged: &Judged) -> Result<(i64, Outcome, String)> {
        // Read anew: somebody may have taken a version back while this one was fitted.
        let held_back = held_back(&self.store.list_activations(self.head).await?);
        let reason = reason(judged, held_back.as_deref());
        let version = match same {
            Some(same) => same.version,
            None => self.add(&reason).await?,
        };
        if !judged.verdict().is_good() || held_back.is_some() {
            return Ok((version, Outcome::NotPromoted, reason));
        }
        let (outcome, reason) = self.promote(version, reason).await?;
        Ok((version, outcome, reason))
    }

    async fn add(&self, note: &str) -> Result<i64> {
        let candidate = Candidate {
            head: self.head,
            folder: &self.new,
            origin: ModelOrigin::Retrained,
            note,
            keeps_files: self.keeps_files,
        };
        let added = learning::add(self.store, self.shelf, candidate, &actor()).await?;
        Ok(added.version)
    }

    /// Puts a version in force, unless another one than it was judged against came into force meanwhile.
    async fn promote(&self, version: i64, reason: String) -> Result<(Outcome, String)> {
        let Attempt { head, against, .. } = *self;
        let new = NewActivation {
            head,
            version,
            replacing: Some(against),
            is_rollback: false,
            reason: &reason,
        };
        match put_in_force(self.store, self.shelf, new, &actor()).await {
            Ok(_) => Ok((Outcome::Promoted, reason)),
            Err(LearningError::Store(StoreError::Stale { current, .. })) => {
                let reason = format!("judged against version {against}, but version {current} is in force by now");
                Ok((Outcome::NotPromoted, reason))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Who acts, for the audit.
fn actor() -> Actor {
    Actor::system("retrain")
}

/// Does what a retraining has left that keeps no files: brings those of new versions into the database, and forgets versions
/// that never decided anything.
///
/// **Errors:** the database's, and files that cannot be read.
pub async fn tidy(store: &Store, shelf: &Shelf) -> Result<()> {
    files::hand_in(store, shelf).await?;
    for &head in HeadRole::ALL {
        forget_unused(store, shelf, head).await?;
    }
    Ok(())
}

/// A schedule makes a version a day and most are not put in force.
async fn forget_unused(store: &Store, shelf: &Shelf, head: HeadRole) -> Result<()> {
    for version in store.forget_model_versions(head, UNUSED_KEPT, &actor()).await? {
        let folder = shelf.place(head, version.version);
        // Another server may have made it.
        if let Err(error) = std::fs::remove_dir_all(&folder)
            && error.kind() != std::io::ErrorKind::NotFound
        {
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

/// Why no version comes into force by itself: the last who chose one took another one back. None where nobody did.
fn held_back(log: &[Activation]) -> Option<String> {
    let last = log.last().filter(|last| last.is_rollback)?;
    Some(format!(
        "not put in force, because version {} was rolled back by {}: none follows by itself until somebody activates \
         another",
        last.replaced, last.actor.name
    ))
}

/// The shipped recipe, with the precision that the settings ask for, else with that of the head in force.
///
/// **Errors:** the head in force cannot be read.
pub fn recipe(head: HeadRole, precision: Option<f64>, in_force: &Path) -> Result<Recipe> {
    let shipped = match head {
        HeadRole::Category => CATEGORY_RECIPE,
        HeadRole::Priority => PRIORITY_RECIPE,
    };
    let mut recipe: Recipe = toml::from_str(shipped).context("the shipped recipe cannot be read")?;
    recipe.target_precision = match precision {
        Some(precision) => precision,
        None => triage::head_target_precision(in_force)?,
    };
    Ok(recipe)
}

/// Rows to judge by, and their vectors.
struct HeldOut {
    rows: Vec<LabelledText>,
    vectors: Vec<Vec<f32>>,
}

/// Writes the new head and gives back what to judge it by.
fn fit(
    lessons: Lessons,
    recipe: &Recipe,
    embedder: &mut Embedder<'_>,
    folder: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<HeldOut> {
    let Lessons {
        mut own,
        held_out,
        shipped,
        ..
    } = lessons;
    // The desk's own word comes first: of two rows with the same text the first is kept.
    own.extend(shipped);
    training::train_rows(own, &held_out, recipe, embedder, folder, progress)?;
    let texts: Vec<String> = held_out.iter().map(|row| row.text.clone()).collect();
    let vectors = embedder.embed(&texts, progress)?;
    let labelled = |(row, Row { text, label, .. })| LabelledText { row, text, label };
    Ok(HeldOut {
        rows: (1..).zip(held_out).map(labelled).collect(),
        vectors: vectors.rows().into_iter().map(|vector| vector.to_vec()).collect(),
    })
}

fn reason(judged: &Judged, held_back: Option<&str>) -> String {
    let verdict = judged.verdict().told(held_back.unwrap_or("put in force"));
    format!("{judged}: {verdict}")
}

#[cfg(test)]
mod tests {
    use eval::paired::Paired;

    use super::*;

    fn activation(version: i64, replaced: i64, is_rollback: bool) -> Activation {
        Activation {
            head: HeadRole::Category,
            serial: 1,
            version,
            replaced,
            is_rollback,
            reason: String::new(),
            actor: Actor::operator("Ines"),
            created_at: time::OffsetDateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_was_rolled_back_is_not_put_in_force_again_until_somebody_activates_a_version() {
        let mut log = vec![activation(2, 1, false)];
        assert_eq!((held_back(&[]), held_back(&log)), (None, None));
        log.push(activation(1, 2, true));
        let why = held_back(&log).expect("held back");
        assert!(why.contains("version 2 was rolled back by Ines"), "{why}");
        let better = Paired {
            both: 5,
            b_alone: 15,
            ..Paired::default()
        };
        let judged = Judged {
            evidence: Evidence::default(),
            right: better,
            harmless: better,
            decided: 20,
            decided_right: 20,
        };
        let said = reason(&judged, Some(&why));
        assert!(
            said.ends_with(
                "better beyond chance, not put in force, because version 2 was rolled back by Ines: none follows \
                by itself until somebody activates another"
            ),
            "{said}"
        );
        log.push(activation(3, 1, false));
        assert_eq!(held_back(&log), None);
    }

    #[test]
    fn a_head_is_fitted_for_the_precision_the_desk_asks_for() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/triage-category");
        let place = tempfile::tempdir().expect("a temporary folder");
        let in_force = place.path().join("head");
        std::fs::create_dir(&in_force).expect("a folder");
        std::fs::copy(shipped.join("head.safetensors"), in_force.join("head.safetensors")).expect("a copy");
        let manifest = std::fs::read_to_string(shipped.join("manifest.toml")).expect("a manifest");
        let asked_for = manifest.replace("target_precision = 0.9\n", "target_precision = 0.97\n");
        std::fs::write(in_force.join("manifest.toml"), asked_for).expect("written");
        let target = |set, folder: &Path| {
            let recipe = recipe(HeadRole::Category, set, folder).expect("a recipe");
            recipe.target_precision
        };
        assert_eq!(target(None, &in_force), 0.97, "of the head in force");
        assert_eq!(target(Some(0.8), &in_force), 0.8, "of the settings");
        let embedded: Recipe = toml::from_str(CATEGORY_RECIPE).expect("the recipe");
        assert_eq!(recipe(HeadRole::Category, None, &shipped).expect("a recipe"), embedded);
    }
}
