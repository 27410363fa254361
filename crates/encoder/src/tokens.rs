//! Text to token ids.

use std::path::Path;

use manifest::EncoderSpec;
use tokenizers::{PostProcessor, Tokenizer, TruncationDirection, TruncationParams, TruncationStrategy};

use crate::config::Side;
use crate::error::EncoderError;

/// A tokenizer with the model's prefixes and our own limits.
pub(crate) struct TextTokenizer {
    tokenizer: Tokenizer,
    query_prefix: String,
    passage_prefix: String,
}

impl TextTokenizer {
    /// The tokenizer of a file; the cut and the padding it carries are replaced.
    ///
    /// **Errors**: not a tokenizer, or one whose ids the network does not have.
    pub(crate) fn open(
        path: &Path,
        spec: &EncoderSpec,
        max_tokens: usize,
        vocabulary: usize,
    ) -> Result<Self, EncoderError> {
        let unusable = |reason: String| EncoderError::ReadTokenizer {
            path: path.to_owned(),
            reason,
        };
        let mut tokenizer = Tokenizer::from_file(path).map_err(|error| unusable(error.to_string()))?;
        let special = tokenizer
            .get_post_processor()
            .map_or(0, |processor| processor.added_tokens(false));
        if max_tokens <= special {
            return Err(unusable(format!(
                "{special} special tokens leave no room in {max_tokens}"
            )));
        }
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(Some(cut(max_tokens)))
            .map_err(|error| unusable(error.to_string()))?;
        let highest = tokenizer.get_vocab(true).into_values().max().unwrap_or(0) as usize;
        if highest >= vocabulary {
            return Err(unusable(format!(
                "it has token {highest}, the network knows {vocabulary}"
            )));
        }
        let (query_prefix, passage_prefix) = (spec.query_prefix.clone(), spec.passage_prefix.clone());
        Ok(Self {
            tokenizer,
            query_prefix,
            passage_prefix,
        })
    }

    /// Ids of a text with its prefix and the special tokens, cut to the limit.
    ///
    /// **Errors**: [`EncoderError::Tokenize`], when the model has no token for something in the text.
    pub(crate) fn encode(&self, text: &str, side: Side) -> Result<Vec<u32>, EncoderError> {
        let prefix = match side {
            Side::Query => &self.query_prefix,
            Side::Passage => &self.passage_prefix,
        };
        let encoding = if prefix.is_empty() {
            self.tokenizer.encode_fast(text, true)
        } else {
            self.tokenizer.encode_fast(format!("{prefix}{text}"), true)
        };
        let encoding = encoding.map_err(|error| EncoderError::Tokenize {
            reason: error.to_string(),
        })?;
        if encoding.get_ids().is_empty() {
            return Err(EncoderError::Tokenize {
                reason: "it has no tokens, not even special ones".to_owned(),
            });
        }
        Ok(encoding.get_ids().to_vec())
    }
}

/// Special tokens are kept: the library cuts the text so that they still fit.
fn cut(max_tokens: usize) -> TruncationParams {
    TruncationParams {
        direction: TruncationDirection::Right,
        max_length: max_tokens,
        strategy: TruncationStrategy::LongestFirst,
        stride: 0,
    }
}
