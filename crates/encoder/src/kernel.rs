//! What computes: the seam between the encoder and its networks.

use std::str::FromStr;
use std::sync::Arc;

use candle_transformers::models::bert;
use manifest::Pooling;

use crate::bert::CandleBert;
use crate::error::EncoderError;
use crate::weights::Tensors;

/// Which network computes, chosen when an encoder is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kernel {
    /// The fastest this machine can run.
    #[default]
    Auto,
    /// The reference, on any machine.
    Candle,
}

impl FromStr for Kernel {
    type Err = EncoderError;

    fn from_str(name: &str) -> Result<Self, EncoderError> {
        match name {
            "auto" => Ok(Self::Auto),
            "candle" => Ok(Self::Candle),
            _ => Err(EncoderError::BadSetting {
                setting: "kernel",
                problem: "must be auto or candle",
            }),
        }
    }
}

/// A loaded network of either kind.
pub(crate) enum Network {
    Candle(CandleBert),
}

impl Network {
    /// The network that `kernel` asks for.
    pub(crate) fn load(
        kernel: Kernel,
        tensors: Tensors,
        config: &bert::Config,
        pooling: Pooling,
    ) -> Result<Self, EncoderError> {
        match kernel {
            Kernel::Auto | Kernel::Candle => CandleBert::load(tensors, config, pooling)
                .map(Self::Candle)
                .map_err(compute),
        }
    }

    /// Name of what computes, as figures and logs tell it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Candle(_) => "candle",
        }
    }

    /// The pooled vectors of token sequences, not normalised.
    ///
    /// **Shape**: `[texts][tokens]` u32, ragged → `[texts][hidden]` f32.
    pub(crate) fn forward(&self, sequences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, EncoderError> {
        match self {
            Self::Candle(network) => network.forward(sequences).map_err(compute),
        }
    }
}

fn compute(source: candle_core::Error) -> EncoderError {
    EncoderError::Compute(Arc::new(source))
}
