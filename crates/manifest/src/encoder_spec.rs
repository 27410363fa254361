//! The `[encoder]` table of a manifest: what an encoder is, apart from its weights.

use serde::{Deserialize, Serialize};

/// How the token states of a text become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The mean over all tokens of the text, special ones included.
    Mean,
    /// The state of the first token.
    Cls,
}

/// A language that an encoder is given in English, word for word, because it does not read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Glossary {
    /// Spanish.
    Es,
}

/// Everything about a BERT-type encoder that its weights do not say.
///
/// **Persisted** as `[encoder]` of `models/<name>/manifest.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderSpec {
    /// Length of a token state, and of the vector of a text.
    pub hidden_size: usize,
    /// Transformer layers.
    pub layers: usize,
    /// Attention heads of a layer.
    pub heads: usize,
    /// Token states to vector.
    pub pooling: Pooling,
    /// Longest text read. **Units**: tokens, special ones included.
    pub max_tokens: usize,
    /// Written before a text that asks.
    #[serde(default)]
    pub query_prefix: String,
    /// Written before a text that may be an answer.
    #[serde(default)]
    pub passage_prefix: String,
    /// The language it is given in English; none for an encoder that is given every text as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glossary: Option<Glossary>,
    /// File with the weights (safetensors).
    #[serde(default = "weights_file")]
    pub weights: String,
    /// File with the network's configuration.
    #[serde(default = "config_file")]
    pub config: String,
    /// File with the tokenizer, WordPiece or Unigram.
    #[serde(default = "tokenizer_file")]
    pub tokenizer: String,
}

fn weights_file() -> String {
    "model.safetensors".to_owned()
}

fn config_file() -> String {
    "config.json".to_owned()
}

fn tokenizer_file() -> String {
    "tokenizer.json".to_owned()
}
