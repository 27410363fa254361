//! Text to token ids.

use std::path::Path;
use std::sync::Arc;

use tokenizers::{TruncationDirection, TruncationParams, TruncationStrategy};

use crate::error::EncoderError;

/// A tokenizer that cuts at a length of ours and never pads; cloning it is cheap.
#[derive(Clone)]
pub(crate) struct Tokenizer(Arc<tokenizers::Tokenizer>);

impl Tokenizer {
    /// Reads a `tokenizer.json`. Whatever cutting and padding stands in it is replaced: all-MiniLM-L6-v2's cuts and
    /// pads at 128, half of what the model reads.
    pub(crate) fn open(path: &Path, max_tokens: usize) -> Result<Self, EncoderError> {
        let broken = |source| EncoderError::ReadTokenizer { path: path.to_owned(), source };
        let mut tokenizer = tokenizers::Tokenizer::from_file(path).map_err(broken)?;
        // Special tokens are added after cutting and count, so that they survive it.
        let truncation = TruncationParams {
            direction: TruncationDirection::Right,
            max_length: max_tokens,
            strategy: TruncationStrategy::LongestFirst,
            stride: 0,
        };
        tokenizer.with_truncation(Some(truncation)).map_err(broken)?;
        tokenizer.with_padding(None);
        Ok(Tokenizer(Arc::new(tokenizer)))
    }

    /// Token ids of each text, special tokens included, unpadded.
    pub(crate) fn encode(&self, texts: &[String]) -> Result<Vec<Vec<u32>>, EncoderError> {
        let inputs: Vec<&str> = texts.iter().map(String::as_str).collect();
        let encodings = self.0.encode_batch_fast(inputs, true).map_err(EncoderError::Tokenize)?;
        Ok(encodings.iter().map(|encoding| encoding.get_ids().to_vec()).collect())
    }
}
