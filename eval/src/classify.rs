//! A head on a set of labelled rows, from its folder to its figures.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use classifier::abstention::HeldOut;
use classifier::{Head, HeadSpec};
use encoder::Encoder;

use crate::assess::{check_encoder, embed, figures, predict, predict_held_out, predict_outsiders};
use crate::fingerprint::{Fingerprint, Fingerprints};
use crate::folder::{EMBEDDINGS, Files, OUT_OF_SCOPE, REPORT};
use crate::learnt::has_learnt;
use crate::metrics::Metrics;
use crate::prediction::{Outsider, Prediction};
use crate::report::Mistake;
use crate::rows::{self, Columns, LabelledText, Where};
use crate::{Progress, npy, report};

/// Facts of the head, which is another one in each part of a set; all others count rows of the set.
const OF_A_HEAD: [&str; 3] = ["target_precision", "alternatives_coverage_promised", "rows_taught"];
/// Figures that are told of slices as well.
const OF_A_SLICE: [&str; 3] = ["accuracy", "macro_f1", "ece"];

/// Which rows of which files.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// CSV with a header, or JSON Lines.
    pub data: PathBuf,
    /// The columns of all of them.
    pub columns: Columns,
    /// Rows to keep.
    pub only: Option<Where>,
    /// File with texts, under the same columns, that belong to no label.
    pub out_of_scope: Option<PathBuf>,
    /// File, with the same columns, that the head has learnt from.
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
    /// What was left out because the head has learnt it; none where nothing is known of that.
    pub left_out: Option<LeftOut>,
    /// The files it was read from.
    pub data: Vec<Fingerprint>,
}

/// How much of a set a head has learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// Rows.
    pub rows: usize,
    /// Texts that belong to no label.
    pub outsiders: usize,
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
    /// Reads everything, and leaves out what `train` says that the head has learnt.
    ///
    /// **Errors**: see [`rows::labelled`]; everything has been learnt.
    pub fn read(&self) -> Result<Set> {
        let labelled = |path: &Path| rows::labelled(path, &self.columns, self.only.as_ref());
        let outsiders = self.out_of_scope.as_deref();
        let outsiders = outsiders.map(|path| rows::texts(path, &self.columns.text));
        let set = Set {
            rows: labelled(&self.data)?,
            outsiders: outsiders.transpose()?,
            data: self.fingerprints()?,
            ..Set::default()
        };
        let Some(train) = &self.train else { return Ok(set) };
        let learnt = labelled(train)?;
        let known: BTreeSet<String> = learnt.iter().map(|row| rows::known_as(&row.text)).collect();
        let set = set.without(|text| known.contains(&rows::known_as(text)))?;
        Ok(Set { learnt, ..set })
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

impl Set {
    /// The set without what the head has learnt: by that it would judge itself.
    ///
    /// **Errors**: nothing is left.
    fn without(mut self, has_learnt: impl Fn(&str) -> bool) -> Result<Self> {
        let mut left_out = self.left_out.unwrap_or_default();
        let before = self.rows.len();
        self.rows.retain(|row| !has_learnt(&row.text));
        left_out.rows += before - self.rows.len();
        ensure!(
            !self.rows.is_empty(),
            "the head has learnt every text of the data: nothing is left to judge it on"
        );
        if let Some(outsiders) = &mut self.outsiders {
            let before = outsiders.len();
            outsiders.retain(|text| !has_learnt(text));
            left_out.outsiders += before - outsiders.len();
            ensure!(
                !outsiders.is_empty(),
                "the head has learnt every text that is said to be out of its scope"
            );
        }
        self.left_out = Some(left_out);
        Ok(self)
    }
}

/// Opens the head, asks it about every row and text that it has not learnt, and says what that is worth.
///
/// **Errors**: a head that cannot be opened, was trained on another encoder, knows none of the labels, or has learnt
/// everything.
pub fn run(models: Models<'_>, encoder: &Encoder, set: Set, progress: &mut Progress<'_>) -> Result<Run> {
    let head = open(models, encoder)?;
    rows::check_labels(&set.rows, head.labels())?;
    let set = if head.knows_what_it_learnt() {
        set.without(|text| has_learnt(&head, text))?
    } else {
        set
    };
    let unknown = rows::unknown_labels(&set.rows, head.labels());
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
    add_promises(&mut metrics, head.spec());
    metrics.fact("rows_with_unknown_label", unknown as f64);
    if let Some(left_out) = set.left_out {
        metrics.fact("rows_left_out_as_learnt", left_out.rows as f64);
        if outsiders.is_some() {
            metrics.fact("outsiders_left_out_as_learnt", left_out.outsiders as f64);
        }
    }
    metrics.fingerprints = Fingerprints {
        data: set.data.clone(),
        models: vec![
            Fingerprint::of_model(models.encoder)?,
            Fingerprint::of_model(models.head)?,
        ],
    };
    let mistakes = mistakes(&predictions, &vectors, encoder, &set)?;
    Ok(Run {
        mistakes,
        metrics,
        predictions,
        outsiders,
        vectors,
    })
}

fn add_promises(metrics: &mut Metrics, spec: &HeadSpec) {
    metrics.fact("target_precision", spec.target_precision);
    metrics.fact("alternatives_coverage_promised", spec.conformal.coverage);
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
    /// The run of a fit over its own rows, each judged while it was held out. The figures are told of
    /// each slice as well.
    ///
    /// **Shape**: `vectors` `[rows][dimensions]`, `probabilities` `[rows][labels]`, `slices` `[rows]` or none.
    pub fn held_out(
        (spec, remembers): (&HeadSpec, &HeldOut),
        rows: &[LabelledText],
        vectors: Vec<Vec<f32>>,
        probabilities: &[Vec<f32>],
        slices: &[String],
    ) -> Self {
        let predictions = predict_held_out(spec, remembers, rows, probabilities);
        let mut metrics = figures(&predictions, None);
        add_promises(&mut metrics, spec);
        add_slices(&mut metrics, &predictions, slices);
        Run {
            mistakes: report::mistakes(&predictions, &vectors, rows, &vectors),
            metrics,
            predictions,
            outsiders: None,
            vectors,
        }
    }

    /// The runs over the parts of one set as one; none when there are none. What counts rows of the set is added up, what
    /// is of the heads is their mean.
    pub fn together(mut parts: Vec<Run>) -> Option<Run> {
        if parts.len() < 2 {
            return parts.pop();
        }
        let count = parts.len() as f64;
        let mut facts: BTreeMap<String, f64> = BTreeMap::new();
        for (name, value) in parts.iter().flat_map(|part| &part.metrics.facts) {
            let is_mean = OF_A_HEAD.contains(&name.as_str());
            *facts.entry(name.clone()).or_default() += if is_mean { value / count } else { *value };
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

/// Adds the figures of the rows that share a slice, its name before theirs.
fn add_slices(metrics: &mut Metrics, predictions: &[Prediction], slices: &[String]) {
    let names: BTreeSet<&String> = slices.iter().collect();
    for name in names {
        let of_slice = predictions.iter().zip(slices).filter(|(_, slice)| *slice == name);
        let of_slice: Vec<Prediction> = of_slice.map(|(prediction, _)| prediction.clone()).collect();
        let figures = figures(&of_slice, None).figures;
        for figure in OF_A_SLICE {
            if let Some(value) = figures.get(figure) {
                metrics.add(&format!("{name}_{figure}"), *value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use classifier::features::Ngrams;
    use classifier::{Conformal, EncoderId};

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
        metrics.fact("rows_with_unknown_label", 1.0);
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
        assert_eq!(run.metrics.facts["rows_taught"], 7.0, "what a head was taught on");
        assert_eq!(run.metrics.facts["rows_with_unknown_label"], 2.0, "one in either part");
        let surest: Vec<f32> = run
            .mistakes
            .iter()
            .map(|mistake| mistake.prediction.confidence)
            .collect();
        assert_eq!(surest, [0.7, 0.6]);
        assert!(Run::together(Vec::new()).is_none());
    }

    fn row(number: usize, text: &str) -> LabelledText {
        LabelledText {
            row: number,
            text: text.to_owned(),
            label: "a".to_owned(),
        }
    }

    #[test]
    fn what_the_head_has_learnt_is_left_out_inside_and_outside_of_its_scope() {
        let set = || Set {
            rows: vec![row(1, "new"), row(2, "learnt")],
            outsiders: Some(vec!["learnt".to_owned(), "strange".to_owned()]),
            ..Set::default()
        };
        let left = set().without(|text| text == "learnt").expect("something is left");
        assert_eq!(left.rows, [row(1, "new")]);
        assert_eq!(left.outsiders.as_deref(), Some(["strange".to_owned()].as_slice()));
        assert_eq!(left.left_out, Some(LeftOut { rows: 1, outsiders: 1 }));
        let both = set().without(|text| text == "new").expect("something is left");
        let both = both.without(|text| text == "strange").expect("something is left");
        assert_eq!(
            both.left_out,
            Some(LeftOut { rows: 1, outsiders: 1 }),
            "of one and the other"
        );
        for (learnt, reason) in [
            ("nothing", "every text of the data"),
            ("new learnt", "out of its scope"),
        ] {
            let has_learnt = |text: &str| learnt == "nothing" || text != "new";
            let error = set().without(has_learnt).expect_err("nothing is left").to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    fn spec() -> HeadSpec {
        HeadSpec {
            labels: vec!["a".to_owned(), "b".to_owned()],
            temperature: 1.0,
            target_precision: 0.9,
            threshold_per_label: false,
            out_of_scope_energy: 0.0,
            conformal: Conformal {
                coverage: 0.9,
                quantile: 0.7,
            },
            word_ngrams: Ngrams::OFF,
            char_ngrams: Ngrams::OFF,
            vote: None,
            encoder: EncoderId {
                name: "e".to_owned(),
                revision: "1".to_owned(),
                dimensions: 1,
                max_tokens: 256,
            },
        }
    }

    #[test]
    fn rows_judged_while_they_were_held_out_are_a_run_with_all_its_figures() {
        let known = HeldOut {
            predicted: vec![0; 100],
            confidence: (0..100).map(|at| if at < 50 { 0.6 } else { 0.9 }).collect(),
            correct: (0..100).map(|at| at >= 50).collect(),
        };
        let rows = [row(1, "x"), row(2, "y"), row(3, "z")];
        let probabilities = [vec![0.95, 0.05], vec![0.65, 0.35], vec![0.2, 0.8]];
        let slices = ["en", "es", "en"].map(str::to_owned);
        let vectors = vec![vec![1.0]; 3];
        let run = Run::held_out((&spec(), &known), &rows, vectors, &probabilities, &slices);
        let decided: Vec<bool> = run.predictions.iter().map(|prediction| prediction.decided).collect();
        assert_eq!(decided, [true, false, false], "from .9 on it is right often enough");
        let value = |name: &str| run.metrics.figures[name].value;
        assert!((value("accuracy") - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!((value("en_accuracy"), value("es_accuracy")), (0.5, 1.0));
        // 2 (.05² + .35² + .8²) / 3
        assert!((value("brier") - 0.51).abs() < 1e-6, "{}", value("brier"));
        assert_eq!((run.mistakes.len(), run.metrics.per_label["a"].rows), (1, 3));
        assert!(run.files("held out").is_ok(), "no energies, no plot of them");
    }
}
