//! A head on a set of labelled rows, from its folder to its figures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use classifier::Head;
use encoder::Encoder;

use crate::assess::{check_encoder, embed, figures, predict, predict_outsiders};
use crate::fingerprint::{Fingerprint, Fingerprints};
use crate::folder::{EMBEDDINGS, Files, OUT_OF_SCOPE, REPORT};
use crate::metrics::Metrics;
use crate::prediction::{Outsider, Prediction};
use crate::report::Mistake;
use crate::rows::{self, LabelledText, Where};
use crate::{Progress, npy, report};

/// Which rows of which files.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// CSV with a header.
    pub data: PathBuf,
    /// Column with the text.
    pub text: String,
    /// Column with the label.
    pub label: String,
    /// Rows to keep.
    pub only: Option<Where>,
    /// CSV with texts, under the same column, that belong to no label.
    pub out_of_scope: Option<PathBuf>,
    /// CSV, with the same columns, that the head has learnt from.
    pub train: Option<PathBuf>,
}

/// What a head is judged on.
#[derive(Debug, Clone, Default)]
pub struct Set {
    /// The rows.
    pub rows: Vec<LabelledText>,
    /// Texts that belong to no label.
    pub outsiders: Option<Vec<String>>,
    /// What the head has learnt from, where that is known.
    pub learnt: Vec<LabelledText>,
    /// Rows left out because the head has learnt them.
    pub leaks: usize,
    /// The files it was read from.
    pub data: Vec<Fingerprint>,
}

/// Where the models of a run lie.
#[derive(Debug, Clone, Copy)]
pub struct Models<'a> {
    /// Folder of the head.
    pub head: &'a Path,
    /// Folder of the encoder.
    pub encoder: &'a Path,
    /// The precision to ask the head for; its manifest's when left out.
    pub target_precision: Option<f64>,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Run {
    /// The figures.
    pub metrics: Metrics,
    /// One a row.
    pub predictions: Vec<Prediction>,
    /// One a text out of scope.
    pub outsiders: Option<Vec<Outsider>>,
    /// Vectors of the rows. **Shape**: `[rows][dimensions]`.
    pub vectors: Vec<Vec<f32>>,
    /// What it was surest of and wrong about.
    pub mistakes: Vec<Mistake>,
}

impl Source {
    /// Reads everything, and leaves out rows the head has learnt.
    ///
    /// **Errors**: see [`rows::labelled`]; every row has been learnt.
    pub fn read(&self) -> Result<Set> {
        let labelled = |path: &Path| rows::labelled_where(path, &self.text, &self.label, self.only.as_ref());
        let learnt = self.train.as_deref().map(labelled).transpose()?.unwrap_or_default();
        let (rows, leaks) = rows::drop_leaks(labelled(&self.data)?, &learnt);
        ensure!(
            !rows.is_empty(),
            "every text of {} is also in the training data",
            self.data.display()
        );
        Ok(Set {
            rows,
            outsiders: self
                .out_of_scope
                .as_deref()
                .map(|path| rows::texts(path, &self.text))
                .transpose()?,
            learnt,
            leaks,
            data: self.fingerprints()?,
        })
    }

    /// The sums of every file it names.
    ///
    /// **Errors**: a file that cannot be read.
    pub fn fingerprints(&self) -> Result<Vec<Fingerprint>> {
        self.files().map(Fingerprint::of_file).collect()
    }

    fn files(&self) -> impl Iterator<Item = &Path> {
        let others = [&self.out_of_scope, &self.train].into_iter().flatten();
        std::iter::once(&self.data).chain(others).map(PathBuf::as_path)
    }
}

/// Opens the head, asks it about every row and text, and says what that is worth.
///
/// **Errors**: a head that cannot be opened, was trained on another encoder, or knows none of the labels.
pub fn run(models: Models<'_>, encoder: &Encoder, set: &Set, progress: &mut Progress<'_>) -> Result<Run> {
    let head = open(models, encoder)?;
    let unknown = rows::unknown_labels(&set.rows, head.labels())?;
    let outside = set.outsiders.as_deref().unwrap_or_default();
    let total = set.rows.len() + outside.len();
    let texts: Vec<String> = set.rows.iter().map(|row| row.text.clone()).collect();
    let vectors = embed(encoder, &texts, &mut |done, _| progress(done, total))?;
    let predictions = predict(&head, &set.rows, &vectors)?;
    let outsiders = match &set.outsiders {
        Some(texts) => {
            let vectors = embed(encoder, texts, &mut |done, _| progress(set.rows.len() + done, total))?;
            Some(predict_outsiders(&head, texts, &vectors)?)
        }
        None => None,
    };
    let mut metrics = figures(&predictions, outsiders.as_deref());
    metrics.fact("target_precision", head.spec().target_precision);
    metrics.fact("alternatives_coverage_promised", head.spec().conformal.coverage);
    metrics.fact("rows_with_unknown_label", unknown as f64);
    metrics.fact("rows_left_out_as_learnt", set.leaks as f64);
    metrics.fingerprints = Fingerprints {
        data: set.data.clone(),
        models: vec![
            Fingerprint::of_model(models.encoder)?,
            Fingerprint::of_model(models.head)?,
        ],
    };
    let mistakes = mistakes(&predictions, &vectors, encoder, set)?;
    Ok(Run {
        mistakes,
        metrics,
        predictions,
        outsiders,
        vectors,
    })
}

/// What a head says of rows whose vectors are known.
///
/// **Shape**: `vectors` `[rows][dimensions]`. **Errors**: as [`run()`].
pub fn judge(
    models: Models<'_>,
    encoder: &Encoder,
    rows: &[LabelledText],
    vectors: &[Vec<f32>],
) -> Result<Vec<Prediction>> {
    predict(&open(models, encoder)?, rows, vectors)
}

/// Neighbours are sought in what the head has learnt, where that is known, else among the other rows.
fn mistakes(predictions: &[Prediction], vectors: &[Vec<f32>], encoder: &Encoder, set: &Set) -> Result<Vec<Mistake>> {
    if set.learnt.is_empty() {
        return Ok(report::mistakes(predictions, vectors, &set.rows, vectors));
    }
    let learnt: Vec<String> = set.learnt.iter().map(|row| row.text.clone()).collect();
    let near = embed(encoder, &learnt, &mut |_, _| ())?;
    Ok(report::mistakes(predictions, vectors, &set.learnt, &near))
}

fn open(models: Models<'_>, encoder: &Encoder) -> Result<Head> {
    let head = Head::open(models.head)?;
    check_encoder(&head, encoder)?;
    match models.target_precision {
        Some(target) => Ok(head.with_target_precision(target)?),
        None => Ok(head),
    }
}

impl Run {
    /// The runs over the parts of one set as one; none when there are none. Facts are means over the parts.
    pub fn together(mut parts: Vec<Run>) -> Option<Run> {
        if parts.len() < 2 {
            return parts.pop();
        }
        let count = parts.len() as f64;
        let mut facts = BTreeMap::new();
        for (name, value) in parts.iter().flat_map(|part| &part.metrics.facts) {
            *facts.entry(name.clone()).or_default() += value / count;
        }
        let joined = |mut all: Run, part: Run| {
            all.predictions.extend(part.predictions);
            all.vectors.extend(part.vectors);
            all.mistakes.extend(part.mistakes);
            all
        };
        let mut all = parts.into_iter().reduce(joined)?;
        report::keep_worst(&mut all.mistakes);
        all.metrics = Metrics {
            facts,
            fingerprints: all.metrics.fingerprints,
            ..figures(&all.predictions, all.outsiders.as_deref())
        };
        Some(all)
    }

    /// The files of the run, the page under this title.
    ///
    /// **Errors**: a value that JSON cannot hold, a plot that cannot be drawn.
    pub fn files(&self, title: &str) -> Result<Files> {
        let mut files = Files::new(&self.predictions, &self.metrics)?;
        let dimensions = self.vectors.first().map_or(0, Vec::len);
        files.add(EMBEDDINGS, npy::file(&self.vectors, dimensions));
        if let Some(outsiders) = &self.outsiders {
            files.add_lines(OUT_OF_SCOPE, outsiders)?;
        }
        let page = report::classify_page(
            title,
            &self.metrics,
            &self.predictions,
            self.outsiders.as_deref(),
            &self.mistakes,
        )?;
        files.add(REPORT, page.into_bytes());
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(rows: &[(bool, f32)], taught: f64) -> Run {
        let prediction = |&(is_right, confidence): &(bool, f32)| Prediction {
            label: "a".to_owned(),
            predicted: if is_right { "a" } else { "b" }.to_owned(),
            confidence,
            ..Prediction::default()
        };
        let predictions: Vec<Prediction> = rows.iter().map(prediction).collect();
        let wrong = predictions.iter().filter(|prediction| !prediction.is_right());
        let mistakes = wrong.map(|prediction| Mistake {
            prediction: prediction.clone(),
            neighbours: Vec::new(),
        });
        let mut metrics = figures(&predictions, None);
        metrics.fact("rows_taught", taught);
        Run {
            metrics,
            mistakes: mistakes.collect(),
            vectors: vec![vec![1.0]; rows.len()],
            outsiders: None,
            predictions,
        }
    }

    #[test]
    fn parts_of_a_set_are_judged_as_one() {
        let run = Run::together(vec![
            part(&[(true, 0.9), (false, 0.6)], 8.0),
            part(&[(false, 0.7), (true, 0.8), (true, 0.5)], 6.0),
        ])
        .expect("parts");
        assert_eq!((run.metrics.rows, run.vectors.len()), (5, 5));
        assert!((run.metrics.figures["accuracy"].value - 0.6).abs() < 1e-12);
        assert_eq!(run.metrics.facts["rows_taught"], 7.0);
        let surest: Vec<f32> = run
            .mistakes
            .iter()
            .map(|mistake| mistake.prediction.confidence)
            .collect();
        assert_eq!(surest, [0.7, 0.6]);
        assert!(Run::together(Vec::new()).is_none());
    }
}
