//! How a head is trained, as a TOML file: the same recipe and data give the same bytes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use classifier::features::Ngrams;
use serde::{Deserialize, Serialize};

use crate::data::Columns;
use crate::finetune::FineTune;

/// A training recipe. A file says all of it, so that no recipe changes when a default does; only `[data]` may be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Seed of everything drawn by chance.
    pub seed: u64,
    /// Number of folds of the cross-validation.
    pub folds: usize,
    /// Share of given labels that should be right, in `0..1`.
    pub target_precision: f64,
    /// Share of texts whose label is among the alternatives, in `0..1`.
    pub conformal_coverage: f64,
    /// Share of held-out rows that must not be taken for out of scope, in `0..1`.
    pub in_scope_share: f64,
    /// Strengths of the L2 penalty tried; the one with the best held-out log-loss wins.
    pub l2: Vec<f64>,
    /// Where the data are, for recipes that belong to certain data.
    #[serde(default)]
    pub data: DataSource,
    /// What the head looks at.
    pub features: Features,
    /// How its nearest examples vote.
    pub voting: Voting,
    /// How the encoder is fine-tuned, where that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finetune: Option<FineTune>,
}

/// Default data of a recipe; the command line goes first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataSource {
    /// CSV or JSON Lines, relative to the working folder.
    pub file: Option<PathBuf>,
    /// Text columns.
    pub text: Vec<String>,
    /// Label column.
    pub label: Option<String>,
    /// Column whose values are reported apart.
    pub slice: Option<String>,
    /// Share of the texts, by their hash, that is kept out as the test; in `0..1`.
    pub test_share: f64,
    /// At most so many texts of a label are learnt from, drawn by the seed; all where there is none.
    pub per_label: Option<usize>,
}

/// What the head looks at, and how loudly each part speaks before the fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Features {
    /// Length of the embedding block.
    pub embedding_weight: f64,
    /// Length of the word block.
    pub word_weight: f64,
    /// Length of the character block.
    pub char_weight: f64,
    /// Word n-grams.
    pub word_ngrams: Ngrams,
    /// Character n-grams.
    pub char_ngrams: Ngrams,
    /// Terms in fewer texts are pruned.
    pub min_documents: usize,
    /// At most so many terms a block, the most frequent ones.
    pub max_terms: usize,
    /// Whether words that mean the same in English and Spanish also count as one, by the glossary of `language`.
    pub concepts: bool,
}

/// How the nearest examples vote beside the linear scores, and which widths of that vote are tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Voting {
    /// How many of the nearest examples vote; 0 for none, and the head stores no example.
    pub neighbours: usize,
    /// Widths tried ([`classifier::Vote::width`]); the one with the best held-out log-loss wins, with its weight.
    pub widths: Vec<f64>,
    /// Share that a label has without any vote.
    pub floor: f64,
    /// A head remembers at most so many examples, drawn by the seed.
    pub max_examples: usize,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            seed: 7,
            folds: 5,
            target_precision: 0.9,
            conformal_coverage: 0.95,
            in_scope_share: 0.99,
            l2: vec![0.1, 0.03, 0.01],
            data: DataSource::default(),
            features: Features::default(),
            voting: Voting::default(),
            finetune: None,
        }
    }
}

impl Default for Voting {
    fn default() -> Self {
        Self {
            neighbours: 30,
            widths: vec![0.02, 0.05, 0.1],
            floor: 1e-3,
            max_examples: 50_000,
        }
    }
}

impl Default for Features {
    fn default() -> Self {
        Self {
            embedding_weight: 1.0,
            word_weight: 1.5,
            char_weight: 1.5,
            word_ngrams: Ngrams { min: 1, max: 2 },
            char_ngrams: Ngrams { min: 3, max: 5 },
            min_documents: 2,
            max_terms: 20_000,
            concepts: true,
        }
    }
}

impl DataSource {
    /// The columns to read; none where the recipe names no label.
    #[must_use]
    pub fn columns(&self) -> Option<Columns> {
        let label = self.label.clone()?;
        Some(Columns {
            text: self.text.clone(),
            label,
            slice: self.slice.clone(),
        })
    }
}

impl Recipe {
    /// The recipe in a file.
    ///
    /// **Errors**: unreadable, not TOML, unknown keys, numbers out of range.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read the recipe {}", path.display()))?;
        let recipe: Self = toml::from_str(&text).with_context(|| format!("{} is not a recipe", path.display()))?;
        recipe.check().with_context(|| format!("recipe {}", path.display()))?;
        Ok(recipe)
    }

    /// Refuses numbers out of range.
    ///
    /// **Errors**: names the key.
    pub fn check(&self) -> Result<()> {
        let open_unit = |value: f64| value > 0.0 && value < 1.0;
        ensure!(self.folds >= 2, "folds: at least 2");
        ensure!(open_unit(self.target_precision), "target_precision: between 0 and 1");
        ensure!(
            open_unit(self.conformal_coverage),
            "conformal_coverage: between 0 and 1"
        );
        ensure!(open_unit(self.in_scope_share), "in_scope_share: between 0 and 1");
        ensure!(!self.l2.is_empty(), "l2: at least one strength");
        ensure!(
            self.l2.iter().all(|l2| l2.is_finite() && *l2 > 0.0),
            "l2: positive numbers"
        );
        let weights = [
            self.features.embedding_weight,
            self.features.word_weight,
            self.features.char_weight,
        ];
        ensure!(
            weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0),
            "features: weights of 0 or more"
        );
        ensure!(
            weights.iter().any(|weight| *weight > 0.0),
            "features: every weight is 0"
        );
        let share = self.data.test_share;
        ensure!((0.0..1.0).contains(&share), "data.test_share: from 0 to below 1");
        ensure!(
            self.data.per_label.is_none_or(|count| count >= 2),
            "data.per_label: at least 2"
        );
        self.finetune.as_ref().map_or(Ok(()), FineTune::check)?;
        self.voting.check()
    }
}

impl Voting {
    fn check(&self) -> Result<()> {
        let positive = |value: &f64| value.is_finite() && *value > 0.0;
        let has_widths = self.neighbours == 0 || !self.widths.is_empty();
        ensure!(
            has_widths && self.widths.iter().all(positive),
            "voting.widths: positive numbers"
        );
        ensure!(
            positive(&self.floor) && self.floor < 1.0,
            "voting.floor: between 0 and 1"
        );
        ensure!(self.max_examples > 0, "voting.max_examples: at least 1");
        Ok(())
    }
}

impl Features {
    /// Word n-grams in use: none where their weight is 0.
    #[must_use]
    pub fn words_in_use(&self) -> Ngrams {
        if self.word_weight > 0.0 {
            self.word_ngrams
        } else {
            Ngrams::OFF
        }
    }

    /// Character n-grams in use: none where their weight is 0.
    #[must_use]
    pub fn chars_in_use(&self) -> Ngrams {
        if self.char_weight > 0.0 {
            self.char_ngrams
        } else {
            Ngrams::OFF
        }
    }
}
