//! The `[head]` table of a manifest: what a head is, apart from its weights.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::ClassifierError;
use crate::features::Ngrams;
use crate::memory::Vote;

/// What vectors depend on that a head was trained on: the encoder, and how much of a text it is given.
///
/// **Persisted** in the head's manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderId {
    /// Name of the model folder.
    pub name: String,
    /// Revision by its manifest.
    pub revision: String,
    /// Length of its vectors.
    pub dimensions: usize,
    /// Where texts are cut before it reads them. **Units**: tokens, special ones included.
    #[serde(default = "max_tokens")]
    pub max_tokens: usize,
}

/// Where texts were cut for every head that was written before the cut was kept.
fn max_tokens() -> usize {
    256
}

impl fmt::Display for EncoderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            revision,
            dimensions,
            max_tokens,
        } = self;
        write!(
            f,
            "{name} at {revision} ({dimensions} dimensions, texts cut at {max_tokens} tokens)"
        )
    }
}

/// The conformal label set: every label whose probability is at least `1 - quantile` is in it.
///
/// **Source**: Sadinle, Lei and Wasserman, Least Ambiguous Set-Valued Classifiers, 2019 (the score), with the
/// cross-conformal scores of Vovk, Cross-conformal predictors, 2015.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conformal {
    /// Share of texts whose label the set holds, in `0..1`.
    pub coverage: f64,
    /// Quantile of `1 - probability of the true label` on rows the fit had not seen.
    pub quantile: f32,
}

/// Everything about a head that is not a tensor.
///
/// **Persisted** as `[head]` of `models/<name>/manifest.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadSpec {
    /// Labels by index.
    pub labels: Vec<String>,
    /// What the logits are divided by before the softmax.
    pub temperature: f32,
    /// Share of given labels that should be right, in `0..1`; what the desk asks of this head unless it says otherwise.
    pub target_precision: f64,
    /// Whether each label has its own abstention threshold (else one serves all).
    pub threshold_per_label: bool,
    /// Texts with less energy (log-sum-exp of the logits over the temperature) are none of the labels.
    pub out_of_scope_energy: f32,
    /// The list of alternatives.
    pub conformal: Conformal,
    /// Word features.
    pub word_ngrams: Ngrams,
    /// Character features.
    pub char_ngrams: Ngrams,
    /// How stored examples vote; none where the head is linear alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vote: Option<Vote>,
    /// The encoder it was trained on.
    pub encoder: EncoderId,
}

impl HeadSpec {
    /// Refuses a description no head can work by.
    ///
    /// **Errors**: [`ClassifierError::BadSpec`] names the first field that makes no sense.
    pub fn check(&self) -> Result<(), ClassifierError> {
        let open_unit = |value: f64| value > 0.0 && value < 1.0;
        require(self.labels.len() >= 2, "labels", "fewer than two")?;
        require(
            !self.labels.iter().any(|label| label.trim().is_empty()),
            "labels",
            "one of them is blank",
        )?;
        let different: BTreeSet<&String> = self.labels.iter().collect();
        require(
            different.len() == self.labels.len(),
            "labels",
            "one of them is there twice",
        )?;
        require(
            self.temperature.is_finite() && self.temperature > 0.0,
            "temperature",
            "not a positive number",
        )?;
        require(
            open_unit(self.target_precision),
            "target_precision",
            "not between 0 and 1",
        )?;
        require(
            !self.out_of_scope_energy.is_nan(),
            "out_of_scope_energy",
            "not a number",
        )?;
        require(
            open_unit(self.conformal.coverage),
            "conformal.coverage",
            "not between 0 and 1",
        )?;
        require(
            (0.0..=1.0).contains(&self.conformal.quantile),
            "conformal.quantile",
            "not between 0 and 1",
        )?;
        self.vote.map_or(Ok(()), check_vote)
    }
}

fn check_vote(vote: Vote) -> Result<(), ClassifierError> {
    let positive = |value: f32| value.is_finite() && value > 0.0;
    require(vote.neighbours > 0, "vote.neighbours", "none")?;
    require(positive(vote.width), "vote.width", "not a positive number")?;
    require(positive(vote.floor), "vote.floor", "not a positive number")?;
    require(positive(vote.weight), "vote.weight", "not a positive number")
}

fn require(holds: bool, field: &'static str, problem: &str) -> Result<(), ClassifierError> {
    if holds {
        Ok(())
    } else {
        Err(ClassifierError::BadSpec {
            field,
            problem: problem.to_owned(),
        })
    }
}
