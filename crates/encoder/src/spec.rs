//! What an encoder is, by its manifest.

use std::path::PathBuf;

use manifest::{Kind, Manifest, Model};
use serde::{Deserialize, Serialize};

use crate::error::EncoderError;

pub(crate) const CONFIG: &str = "config.json";
pub(crate) const WEIGHTS: &str = "model.safetensors";
pub(crate) const TOKENIZER: &str = "tokenizer.json";

/// The `[encoder]` table of a manifest. **Persisted.**
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderSpec {
    /// Length of the vectors.
    pub hidden_size: usize,
    /// Transformer layers.
    pub layers: usize,
    /// Attention heads a layer.
    pub heads: usize,
    /// How token vectors become one.
    pub pooling: Pooling,
    /// Longest text the model was made for, special tokens counted. **Units:** tokens.
    pub max_tokens: usize,
    /// Put before what is asked.
    #[serde(default)]
    pub query_prefix: String,
    /// Put before what is searched.
    #[serde(default)]
    pub passage_prefix: String,
}

/// How token vectors become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The mean over the tokens.
    Mean,
    /// The first token.
    Cls,
}

/// Which side of a search a text stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What is asked.
    Query,
    /// What is searched, classified or compared.
    Passage,
}

impl EncoderSpec {
    /// The spec in a manifest.
    ///
    /// **Errors:** a manifest of another kind, or a table that is missing or wrong.
    pub(crate) fn of(manifest: &Manifest) -> Result<Self, EncoderError> {
        let table = match (manifest.kind, &manifest.encoder) {
            (Kind::Encoder, Some(table)) => table.clone(),
            (Kind::Encoder, None) => return Err(EncoderError::Unsupported("no [encoder] in its manifest".to_owned())),
            (Kind::Head, _) => return Err(EncoderError::Unsupported("its manifest says it is a head".to_owned())),
        };
        table.try_into().map_err(|error: toml::de::Error| EncoderError::Unsupported(error.to_string()))
    }

    pub(crate) fn prefix(&self, side: Side) -> &str {
        match side {
            Side::Query => &self.query_prefix,
            Side::Passage => &self.passage_prefix,
        }
    }
}

/// Where a file lies that every encoder has.
pub(crate) fn required(model: &Model, file: &str) -> Result<PathBuf, EncoderError> {
    model.file(file).ok_or_else(|| EncoderError::Unsupported(format!("its manifest names no {file}")))
}
