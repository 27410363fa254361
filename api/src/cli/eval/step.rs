//! One step of a suite, from its description to its figures.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use eval::classify::Source;
use eval::fingerprint::{Fingerprint, Fingerprints};
use eval::rows::Columns;
use eval::suite::{Answers, Classify, HalfRemoved, Matters, Retrieval, Step, Task};
use eval::{Kind, Metrics, answers, beir, flags, matters};

use super::duplicates::{self, Judged};
use super::heads::judge_head;
use super::retrieval::ranked;
use super::taught::cross_validate;
use crate::cli::train::{answerability, duplicates as flag};
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
        let name = step.name.as_str();
        match &step.task {
            Task::Classify(task) => self.classify(task.as_ref().clone(), name).await,
            Task::CrossValidate(task) => self.cross_validate(task.recipe.clone(), name).await,
            Task::Retrieval(task) => self.retrieval(task, name).await,
            Task::Duplicates(task) => self.duplicates(&task.data, name).await,
            Task::Matters(task) => self.flags(task, name).await,
            Task::Answers(task) => self.answers(task, name).await,
            Task::HalfRemoved(task) => self.half_removed(task, name).await,
        }
    }

    fn data(&self, path: &Path) -> Result<PathBuf> {
        let root = self
            .data_root
            .as_ref()
            .context("the suite's data are named below a folder: say which with --data-root DIR or DESK_EVAL_DATA")?;
        Ok(root.join(path))
    }

    async fn retrieval(&self, task: &Retrieval, name: &str) -> Result<Metrics> {
        let folder = self.data(&task.data)?;
        let set = beir::read(&folder)?;
        let run = ranked(Kind::Retrieval, &set, task.mode, &beir::files(&folder), self.config).await?;
        run.files(name, &set.corpus)?.write(&self.report.join(name))?;
        Ok(run.metrics)
    }

    /// What the search finds and the flag is worth on tickets that somebody linked: as it ships, and fitted on them by
    /// cross-validation.
    async fn duplicates(&self, data: &Path, name: &str) -> Result<Metrics> {
        let Judged {
            mut run,
            corpus,
            observed,
        } = duplicates::judge(&self.data(data)?, self.config).await?;
        duplicates::add_refitted(&mut run.metrics, &observed)?;
        run.files(name, &corpus)?.write(&self.report.join(name))?;
        Ok(run.metrics)
    }

    /// What is flagged, by fits on other families of matters.
    async fn flags(&self, task: &Matters, name: &str) -> Result<Metrics> {
        let rows = matters::read(&task.data, task.background.as_deref())?;
        let observed = flag::observe(rows, self.config).await?;
        let said = flag::said_out_of_fold(&flag::learn(&observed)?);
        let mut metrics = flag::judged(&observed, &said);
        metrics.kind = Kind::Matters;
        let files: Vec<&PathBuf> = std::iter::once(&task.data).chain(&task.background).collect();
        metrics.fingerprints = self.prints(&files, &[&self.config.models.encoder])?;
        flags::files(name, &metrics, &observed, &said)?.write(&self.report.join(name))?;
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

    async fn cross_validate(&self, recipe: PathBuf, name: &str) -> Result<Metrics> {
        let encoder = open::model_folder(self.config, &self.config.models.encoder)?;
        let config = self.config.clone();
        let run = blocking(move || cross_validate(&recipe, &encoder, &config)).await?;
        run.files(name)?.write(&self.report.join(name))?;
        Ok(run.metrics)
    }

    async fn classify(&self, task: Classify, name: &str) -> Result<Metrics> {
        let below = |path: &Option<PathBuf>| path.as_deref().map(|path| self.data(path)).transpose();
        let source = Source {
            data: self.data(&task.data)?,
            columns: Columns {
                text: task.text.clone(),
                label: task.label.clone(),
            },
            only: task.only.clone(),
            out_of_scope: below(&task.out_of_scope)?,
            train: below(&task.train)?,
        };
        let mut config = self.config.clone();
        if let Some(encoder) = &task.encoder {
            config.models.encoder.clone_from(encoder);
        }
        let (report, name) = (self.report.join(name), name.to_owned());
        blocking(move || judge_head(&task, &source, &config, &name, &report)).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .context("the evaluation was interrupted")?
}
