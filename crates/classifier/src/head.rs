//! A trained head, read once and pure afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::abstention::{HeldOut, Outcome, Thresholds};
use crate::assess::{Assessment, calibrated_energy, probabilities};
use crate::curve::Curve;
use crate::error::ClassifierError;
use crate::feature_extractor::{Extracted, FeatureExtractor};
use crate::features::{Feature, FeatureSpace};
use crate::format::Tensors;
use crate::learnt::Learnt;
use crate::memory::{Remembered, labelled, nearest};
use crate::spec::{EncoderId, HeadSpec};

/// File with the tensors of a head inside its folder.
pub const WEIGHTS_FILE: &str = "head.safetensors";

/// A multinomial logistic head over an embedding and the words of the text, with the vote of its nearest examples.
#[derive(Debug, Clone)]
pub struct Head {
    name: String,
    revision: String,
    spec: HeadSpec,
    extractor: Arc<FeatureExtractor>,
    weights: Vec<f32>,
    bias: Vec<f32>,
    /// Label of each remembered vector.
    remembered: Vec<u32>,
    curve: Curve,
    held_out: HeldOut,
    learnt: Learnt,
    thresholds: Thresholds,
}

impl Head {
    /// Opens `models/<name>`, its files checked against the sums of the manifest.
    ///
    /// **Errors**: a missing or altered file, a manifest without `[head]`, tensors of another shape, NaN among the weights.
    pub fn open(folder: &Path) -> Result<Self, ClassifierError> {
        let model = manifest::Model::open(folder).map_err(|source| ClassifierError::OpenFolder {
            folder: folder.to_owned(),
            source,
        })?;
        let spec = read_spec(&model)?;
        let path = weights_path(&model)?;
        let bytes = fs::read(&path).map_err(|source| ClassifierError::ReadFile { path, source })?;
        Self::new(
            model.manifest.name.clone(),
            model.manifest.revision.clone(),
            spec,
            Tensors::from_bytes(&bytes)?,
        )
    }

    /// A head made of its parts, as a fit hands them over.
    ///
    /// **Errors**: a description that makes no sense, tensors that do not fit it, NaN among the weights.
    pub fn new(name: String, revision: String, spec: HeadSpec, tensors: Tensors) -> Result<Self, ClassifierError> {
        spec.check()?;
        tensors.check(&spec)?;
        let Tensors {
            weights,
            bias,
            words,
            chars,
            memory,
            curve,
            held_out,
            learnt,
        } = tensors;
        let thresholds = held_out.thresholds(spec.labels.len(), spec.target_precision, spec.threshold_per_label);
        let extractor = FeatureExtractor {
            space: FeatureSpace::new(spec.word_ngrams, words, spec.char_ngrams, chars),
            remembered: Remembered::of(&memory.vectors, spec.encoder.dimensions),
        };
        Ok(Self {
            name,
            revision,
            spec,
            extractor: Arc::new(extractor),
            weights,
            bias,
            remembered: memory.labels,
            curve,
            held_out,
            learnt,
            thresholds,
        })
    }

    /// The same head asked for another precision; its thresholds follow.
    ///
    /// **Errors**: a target that is not between 0 and 1.
    pub fn with_target_precision(mut self, target: f64) -> Result<Self, ClassifierError> {
        self.spec.target_precision = target;
        self.spec.check()?;
        let labels = self.spec.labels.len();
        self.thresholds = self.held_out.thresholds(labels, target, self.spec.threshold_per_label);
        Ok(self)
    }

    /// Refuses vectors of any other encoder than the one the head was trained on, and of texts cut elsewhere.
    ///
    /// **Errors**: [`ClassifierError::OtherEncoder`], naming both.
    pub fn accept_encoder(&self, given: &EncoderId) -> Result<(), ClassifierError> {
        if *given == self.spec.encoder {
            return Ok(());
        }
        Err(ClassifierError::OtherEncoder {
            head: self.name.clone(),
            wanted: self.spec.encoder.to_string(),
            given: given.to_string(),
        })
    }

    /// The calibrated label distribution of a text and its unit vector, and whether to ask a person.
    ///
    /// **Shape**: `vector` is `[dimensions]`. **Errors**: a vector of another length, or with NaN in it.
    pub fn assess(&self, text: &str, vector: &[f32]) -> Result<Assessment, ClassifierError> {
        Ok(self.judge(&self.extract(text, vector)?))
    }

    /// What two heads say of a text, as [`Head::assess`] of each: where they share their features the text is looked
    /// at once.
    ///
    /// **Shape**: `vector` is `[dimensions]`. **Errors**: as [`Head::assess`] of either.
    pub fn assess_both(
        &self,
        other: &Self,
        text: &str,
        vector: &[f32],
    ) -> Result<(Assessment, Assessment), ClassifierError> {
        let extracted = self.extract(text, vector)?;
        let said = if self.shares_features_with(other) {
            other.judge(&extracted)
        } else {
            other.assess(text, vector)?
        };
        Ok((self.judge(&extracted), said))
    }

    /// Takes the features of another head in the place of its own where they are equal, as they are after a fit on the
    /// same rows: both then hold one vocabulary and one set of vectors.
    #[must_use]
    pub fn sharing_features_of(mut self, other: &Self) -> Self {
        if self.extractor == other.extractor {
            self.extractor = Arc::clone(&other.extractor);
        }
        self
    }

    /// Whether one look at a text serves both heads.
    #[must_use]
    pub fn shares_features_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.extractor, &other.extractor)
    }

    fn judge(&self, extracted: &Extracted) -> Assessment {
        let logits = self.scores(extracted);
        let probabilities = self.curve.apply(probabilities(&logits, self.spec.temperature));
        let energy = calibrated_energy(&logits, self.spec.temperature);
        let out_of_scope = energy < self.spec.out_of_scope_energy;
        Assessment::of(&self.spec, &self.thresholds, &probabilities, energy, out_of_scope)
    }

    /// Whether the head was fitted on a text with the same words in the same order, given as it would be assessed (so
    /// without quoted mails); false where nothing is known of that, see [`Head::knows_what_it_learnt`].
    #[must_use]
    pub fn has_learnt(&self, text: &str) -> bool {
        self.learnt.has(text)
    }

    /// Whether the head knows which texts it was fitted on, as those that were written before this was kept do not.
    #[must_use]
    pub fn knows_what_it_learnt(&self) -> bool {
        !self.learnt.is_empty()
    }

    /// How often the head predicted each label on the rows held out while it was trained.
    ///
    /// **Shape**: `[labels]`, shares; zeros where nothing is known of them.
    #[must_use]
    pub fn trained_shares(&self) -> Vec<f64> {
        let mut shares = vec![0.0; self.spec.labels.len()];
        let one = 1.0 / self.held_out.len().max(1) as f64;
        for &label in &self.held_out.predicted {
            shares[label as usize] += one;
        }
        shares
    }

    /// Rows that [`Head::trained_shares`] is of.
    #[must_use]
    pub fn trained_rows(&self) -> usize {
        self.held_out.len()
    }

    /// Mean of the vectors the head remembers of its training, whether they vote or not; zeros where it remembers none.
    ///
    /// **Shape**: `[dimensions]`.
    #[must_use]
    pub fn trained_mean(&self) -> Vec<f32> {
        self.extractor.remembered.mean(self.spec.encoder.dimensions)
    }

    /// The scores before calibration, by label index.
    ///
    /// **Shape**: `vector` `[dimensions]` → `[labels]`. **Errors**: as [`Head::assess`].
    pub fn logits(&self, text: &str, vector: &[f32]) -> Result<Vec<f32>, ClassifierError> {
        Ok(self.scores(&self.extract(text, vector)?))
    }

    /// **Errors**: as [`Head::assess`].
    fn extract(&self, text: &str, vector: &[f32]) -> Result<Extracted, ClassifierError> {
        let expected = self.spec.encoder.dimensions;
        if vector.len() != expected {
            return Err(ClassifierError::WrongDimensions {
                expected,
                found: vector.len(),
            });
        }
        if !vector.iter().all(|value| value.is_finite()) {
            return Err(ClassifierError::NotFiniteVector);
        }
        Ok(self.extractor.extract(text, vector))
    }

    fn scores(&self, extracted: &Extracted) -> Vec<f32> {
        let Extracted { vector, lexical, .. } = extracted;
        let dense = (0..).zip(vector.iter().copied());
        let behind = vector.len() as u32;
        let lexical = lexical.iter().map(|(term, value)| (term + behind, *value));
        let mut logits = self.score(dense.chain(lexical));
        self.add_votes(&extracted.similarities, &mut logits);
        logits
    }

    fn add_votes(&self, similarities: &[f32], logits: &mut [f32]) {
        let Some(vote) = &self.spec.vote else { return };
        let nearest = nearest(labelled(similarities, &self.remembered), vote.neighbours);
        let shares = vote.log_shares(&nearest, logits.len());
        logits
            .iter_mut()
            .zip(shares)
            .for_each(|(logit, share)| *logit += vote.weight * share);
    }

    fn score(&self, features: impl Iterator<Item = Feature>) -> Vec<f32> {
        let labels = self.spec.labels.len();
        let mut logits = self.bias.clone();
        for (feature, value) in features {
            let row = &self.weights[feature as usize * labels..][..labels];
            logits
                .iter_mut()
                .zip(row)
                .for_each(|(logit, weight)| *logit += value * weight);
        }
        logits
    }

    /// Name of the head.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its revision; a decision is stored with it.
    #[must_use]
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// Its labels by index.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.spec.labels
    }

    /// What its manifest says of it.
    #[must_use]
    pub fn spec(&self) -> &HeadSpec {
        &self.spec
    }

    /// What it said of rows its fit had not seen.
    #[must_use]
    pub fn held_out(&self) -> &HeldOut {
        &self.held_out
    }

    /// Coverage and precision, on rows its fit had not seen, at the precision asked for.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.thresholds.outcome
    }
}

/// A file the manifest does not name has not been checked.
fn weights_path(model: &manifest::Model) -> Result<PathBuf, ClassifierError> {
    let is_named = model.manifest.files.iter().any(|file| file.path == WEIGHTS_FILE);
    if is_named {
        Ok(model.folder.join(WEIGHTS_FILE))
    } else {
        Err(ClassifierError::NotAHead {
            folder: model.folder.clone(),
        })
    }
}

fn read_spec(model: &manifest::Model) -> Result<HeadSpec, ClassifierError> {
    let folder = model.folder.clone();
    match model.manifest.head.clone() {
        Some(table) => table.try_into().map_err(|source| ClassifierError::ReadSpec {
            folder,
            source: Box::new(source),
        }),
        None => Err(ClassifierError::NotAHead { folder }),
    }
}
