//! Token ids to unit vectors, by the code the processor runs best.

mod candle;

use manifest::Model;

use crate::config::Config;
use crate::error::EncoderError;
use crate::spec::EncoderSpec;

/// The network behind an encoder. A further kernel is a further variant.
pub(crate) enum Network {
    /// candle's BERT: the reference implementation.
    Candle(candle::Bert),
}

impl Network {
    pub(crate) fn open(model: &Model, spec: &EncoderSpec, config: &Config) -> Result<Self, EncoderError> {
        Ok(Network::Candle(candle::Bert::open(model, spec, config.threads)?))
    }

    /// The name of the code that computes.
    pub(crate) fn kernel(&self) -> &'static str {
        match self {
            Network::Candle(_) => "candle",
        }
    }

    pub(crate) fn threads(&self) -> usize {
        match self {
            Network::Candle(bert) => bert.threads(),
        }
    }

    /// Unit vectors of sequences that are computed together. **Shape:** `[sequences, hidden]`.
    pub(crate) fn forward(&self, sequences: &[&[u32]]) -> Result<Vec<Vec<f32>>, EncoderError> {
        match self {
            Network::Candle(bert) => bert.forward(sequences),
        }
    }
}
