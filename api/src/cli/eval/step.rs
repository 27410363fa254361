//! One step of a suite, from its description to its figures.

use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use eval::classify::{self, Models, Run, Set, Source};
use eval::fingerprint::{Fingerprint, Fingerprints};
use eval::retrieval::Mode;
use eval::rows;
use eval::suite::{Answers, Classify, HalfRemoved, Matters, Step, Task};
use eval::{Kind, Metrics, answers, beir, draw, duplicates, matters};

use super::retrieval::ranked;
use super::taught::{Taught, Teaching, cross_validate, teach};
use crate::cli::{answerability, duplicates as flag, meter};
use crate::config::Config;
use crate::open;

/// What all steps of a suite share.
pub struct Steps<'a> {
    /// The desk's settings.
    pub config: &'a Config,
    /// Where data sets lie, if anywhere.
    pub data_root: Option<PathBuf>,
    /// Folder with one report a step.
    pub report: PathBuf,
}

impl Steps<'_> {
    /// Measures, writes the step's report, and gives the figures back.
    pub async fn run(&self, step: &Step) -> Result<Metrics> {
        let report = self.report.join(&step.name);
        match &step.task {
            Task::Classify(task) => self.classify(task.as_ref().clone(), step.name.clone(), report).await,
            Task::CrossValidate(task) => self.cross_validate(task.recipe.clone()).await,
            Task::Retrieval(task) => {
                let folder = self.data(&task.data)?;
                let files = beir::files(&folder);
                self.rank(Kind::Retrieval, &beir::read(&folder)?, task.mode, &files, &step.name)
                    .await
            }
            Task::Duplicates(task) => {
                let folder = self.data(&task.data)?;
                let pairs = duplicates::read(&folder)?;
                let files = duplicates::files(&folder);
                let set = pairs.clone().into_retrieval();
                let ranked = self.rank(Kind::Duplicates, &set, Mode::Hybrid, &files, &step.name);
                let mut metrics = ranked.await?;
                self.add_flags(&mut metrics, pairs).await?;
                Ok(metrics)
            }
            Task::Matters(task) => self.flags(task).await,
            Task::Answers(task) => self.answers(task, &step.name).await,
            Task::HalfRemoved(task) => self.half_removed(task, &step.name).await,
        }
    }

    fn data(&self, path: &Path) -> Result<PathBuf> {
        let root = self
            .data_root
            .as_ref()
            .context("the suite's data are named below a folder: say which with --data-root DIR or DESK_EVAL_DATA")?;
        Ok(root.join(path))
    }

    async fn rank(&self, kind: Kind, set: &beir::Beir, mode: Mode, files: &[PathBuf], name: &str) -> Result<Metrics> {
        let run = ranked(kind, set, mode, files, self.config).await?;
        run.files(name, &set.corpus)?.write(&self.report.join(name))?;
        Ok(run.metrics)
    }

    /// What the flag is worth on tickets that somebody linked: as it ships, and fitted on them by cross-validation. Of all
    /// tickets it is only told how many pairs are flagged.
    async fn add_flags(&self, metrics: &mut Metrics, pairs: duplicates::Pairs) -> Result<()> {
        let observed = flag::observe(pairs.into_matters(), self.config).await?;
        let model = open::duplicates(self.config)?;
        let flagged = |metrics: &Metrics| metrics.facts.get("pairs_flagged").copied().unwrap_or_default();
        let of_all = flagged(&flag::as_shipped(&observed, &model));
        let observed = observed.of_linked();
        let shipped = flag::as_shipped(&observed, &model);
        metrics.fact("pairs_flagged_of_all", of_all);
        let refitted = flag::cross_validated(&observed, &flag::learn(&observed)?);
        metrics.facts.extend(shipped.facts);
        metrics.figures.extend(shipped.figures);
        metrics.fact("refitted_pairs_flagged", flagged(&refitted));
        let refitted = refitted
            .figures
            .into_iter()
            .map(|(name, figure)| (format!("refitted_{name}"), figure));
        metrics.figures.extend(refitted);
        let folder = open::model_folder(self.config, &self.config.models.duplicates)?;
        metrics.fingerprints.models.push(Fingerprint::of_model(&folder)?);
        Ok(())
    }

    async fn flags(&self, task: &Matters) -> Result<Metrics> {
        let rows = matters::read(&task.data, task.background.as_deref())?;
        let observed = flag::observe(rows, self.config).await?;
        let mut metrics = flag::cross_validated(&observed, &flag::learn(&observed)?);
        let files: Vec<&PathBuf> = std::iter::once(&task.data).chain(&task.background).collect();
        metrics.fingerprints = self.prints(&files, &[&self.config.models.encoder])?;
        Ok(metrics)
    }

    /// What is shown and what is silent, by fits on other topics.
    async fn answers(&self, task: &Answers, name: &str) -> Result<Metrics> {
        let seen = answerability::see(&task.data, task.articles.as_deref(), self.config).await?;
        let (mut metrics, said) = answerability::cross_validated(&seen, &answerability::learn(&seen)?);
        metrics.fingerprints = self.prints(
            &[&task.data],
            &[&self.config.models.search_encoder, &self.config.models.search],
        )?;
        answers::files(name, &metrics, &said)?.write(&self.report.join(name))?;
        Ok(metrics)
    }

    /// The same by the model in force, on documents it never saw.
    async fn half_removed(&self, task: &HalfRemoved, name: &str) -> Result<Metrics> {
        let folder = self.data(&task.data)?;
        let model = open::answerability(self.config)?;
        let (mut metrics, said) = answerability::half_removed(&beir::read(&folder)?, &model, self.config).await?;
        let models = &self.config.models;
        let files = beir::files(&folder);
        let files: Vec<&PathBuf> = files.iter().collect();
        metrics.fingerprints = self.prints(&files, &[&models.search_encoder, &models.search, &models.answerability])?;
        answers::files(name, &metrics, &said)?.write(&self.report.join(name))?;
        Ok(metrics)
    }

    fn prints(&self, files: &[&PathBuf], models: &[&String]) -> Result<Fingerprints> {
        let model = |name: &&String| Fingerprint::of_model(&open::model_folder(self.config, name)?);
        Ok(Fingerprints {
            data: files
                .iter()
                .map(|file| Fingerprint::of_file(file))
                .collect::<Result<_>>()?,
            models: models.iter().map(model).collect::<Result<_>>()?,
        })
    }

    async fn cross_validate(&self, recipe: PathBuf) -> Result<Metrics> {
        let encoder = open::model_folder(self.config, &self.config.models.encoder)?;
        blocking(move || cross_validate(&recipe, &encoder)).await
    }

    async fn classify(&self, task: Classify, name: String, report: PathBuf) -> Result<Metrics> {
        let source = Source {
            data: self.data(&task.data)?,
            text: task.text.clone(),
            label: task.label.clone(),
            only: task.only.clone(),
            out_of_scope: task.out_of_scope.as_deref().map(|path| self.data(path)).transpose()?,
            train: task.train.as_deref().map(|path| self.data(path)).transpose()?,
        };
        let mut config = self.config.clone();
        if let Some(encoder) = &task.encoder {
            config.models.encoder.clone_from(encoder);
        }
        blocking(move || judge_head(&task, &source, &config, &name, &report)).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .context("the evaluation was interrupted")?
}

/// Judges a head that is there, or one taught for each draw; the report is that of the last draw.
fn judge_head(task: &Classify, source: &Source, config: &Config, name: &str, report: &Path) -> Result<Metrics> {
    let folder = open::model_folder(config, &config.models.encoder)?;
    let mut draws = Vec::new();
    for seed in 0..task.draws {
        let tuned = task
            .finetune
            .then(|| report.with_file_name(format!("{name}.encoder-{seed}")));
        let run = match (&task.recipe, &task.head) {
            (Some(recipe), _) => {
                let teaching = Teaching {
                    recipe: Some(recipe),
                    encoder: &folder,
                    finetune: tuned.as_deref(),
                };
                let judge_part = |part: Option<Range<f64>>| {
                    let (set, taught) = prepared(task, source, teaching, seed, part)?;
                    judge(task, &set, &taught, config)
                };
                let runs = parts(task).into_iter().map(judge_part).collect::<Result<_>>()?;
                Run::together(runs).context("no parts")?
            }
            (None, Some(head)) => {
                let head = open::model_folder(config, head)?;
                judge(task, &source.read()?, &Taught::there(head, folder.clone()), config)?
            }
            (None, None) => anyhow::bail!("neither head nor recipe"),
        };
        if seed + 1 == task.draws {
            run.files(name)?.write(report)?;
        }
        draws.push(run.metrics);
    }
    Metrics::over_draws(draws).context("no draws")
}

fn judge(task: &Classify, set: &Set, taught: &Taught, config: &Config) -> Result<Run> {
    let encoder = open::encoder_in(&taught.encoder, config)?;
    let models = Models {
        head: &taught.folder,
        encoder: &taught.encoder,
        target_precision: task.target_precision,
    };
    let bar = meter::counting("judge", set.rows.len() as u64);
    let mut run = classify::run(models, &encoder, set, &mut meter::moved(&bar))?;
    bar.finish_and_clear();
    taught.describe(&mut run.metrics);
    Ok(run)
}

/// The parts of the data to judge one after the other, each by a head of its own; none where all of it is judged.
fn parts(task: &Classify) -> Vec<Option<Range<f64>>> {
    match (task.folds, task.test_share) {
        (Some(folds), _) => {
            let at = |fold: usize| fold as f64 / folds as f64;
            (0..folds).map(|fold| Some(at(fold)..at(fold + 1))).collect()
        }
        (None, share) => vec![share.map(|share| 0.0..share)],
    }
}

/// The rows to judge on, all or a part of them, and a head taught on the others.
fn prepared(
    task: &Classify,
    source: &Source,
    teaching: Teaching<'_>,
    seed: u64,
    part: Option<Range<f64>>,
) -> Result<(Set, Taught)> {
    let all = Source {
        train: None,
        ..source.clone()
    };
    let mut set = all.read()?;
    let to_teach = match (part, &source.train) {
        (Some(part), _) => {
            let (judged, taught) = draw::by_hash(std::mem::take(&mut set.rows), &part);
            set.rows = judged;
            taught
        }
        (None, Some(train)) => rows::labelled_where(train, &source.text, &source.label, source.only.as_ref())?,
        (None, None) => Vec::new(),
    };
    set.data = source.fingerprints()?;
    let (to_teach, leaks) = rows::drop_leaks(to_teach, &set.rows);
    ensure!(
        !to_teach.is_empty(),
        "every row to teach is also judged: nothing is left to learn from"
    );
    let to_teach = match task.per_label {
        Some(count) => draw::per_label(&to_teach, count, seed)?,
        None => to_teach,
    };
    let taught = teach(&to_teach, leaks, teaching)?;
    Ok((set, taught))
}
