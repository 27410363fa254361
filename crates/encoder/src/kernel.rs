//! What computes: the seam between the encoder and its networks.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use candle_transformers::models::bert;
use manifest::Pooling;

use crate::bert::CandleBert;
#[cfg(target_arch = "x86_64")]
use crate::cpu::{Amx, Avx2, Avx512, Avx512Bf16, Bert, Isa, Profile};
use crate::error::EncoderError;
use crate::packing::Packing;
use crate::weights::Weights;

/// Which network computes, chosen when an encoder is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kernel {
    /// The fastest this machine can run.
    #[default]
    Auto,
    /// The reference, on any machine, in f32.
    Candle,
    /// Matrix tiles in bf16.
    AmxBf16,
    /// AVX-512 with products of bf16.
    Avx512Bf16,
    /// AVX-512 in f32.
    Avx512,
    /// AVX2 and FMA in f32.
    Avx2,
}

impl Kernel {
    /// Every kernel but [`Kernel::Auto`], the fastest first.
    pub const ALL: [Self; 5] = [Self::AmxBf16, Self::Avx512Bf16, Self::Avx512, Self::Avx2, Self::Candle];

    /// Its name in settings, figures and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Candle => "candle",
            Self::AmxBf16 => "amx-bf16",
            Self::Avx512Bf16 => "avx512-bf16",
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
        }
    }

    /// Whether this machine can run it.
    pub fn is_here(self) -> bool {
        match self {
            Self::Auto | Self::Candle => true,
            #[cfg(target_arch = "x86_64")]
            Self::AmxBf16 => Amx::detect().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16 => Avx512Bf16::detect().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Avx512::detect().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Avx2::detect().is_some(),
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kernel {
    type Err = EncoderError;

    fn from_str(name: &str) -> Result<Self, EncoderError> {
        let mut kernels = [Self::Auto].into_iter().chain(Self::ALL);
        kernels
            .find(|kernel| kernel.name() == name)
            .ok_or(EncoderError::BadSetting {
                setting: "kernel",
                problem: "must be auto, candle, amx-bf16, avx512-bf16, avx512 or avx2",
            })
    }
}

/// A loaded network of either kind.
pub(crate) enum Network {
    Candle(CandleBert),
    #[cfg(target_arch = "x86_64")]
    AmxBf16(Bert<Amx>),
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16(Bert<Avx512Bf16>),
    #[cfg(target_arch = "x86_64")]
    Avx512(Bert<Avx512>),
    #[cfg(target_arch = "x86_64")]
    Avx2(Bert<Avx2>),
}

impl Network {
    /// The network that `kernel` asks for.
    ///
    /// **Errors**: a kernel this machine or this network can't have, weights that are not finite.
    pub(crate) fn load(
        kernel: Kernel,
        weights: &Weights,
        config: &bert::Config,
        pooling: Pooling,
    ) -> Result<Self, EncoderError> {
        let chosen = match kernel {
            Kernel::Auto => fastest(config),
            forced => forced,
        };
        if chosen != Kernel::Candle && !is_plain(config) {
            return Err(unavailable(chosen, "computes networks with GELU only"));
        }
        Self::load_chosen(chosen, weights, config, pooling)
    }

    fn load_chosen(
        kernel: Kernel,
        weights: &Weights,
        config: &bert::Config,
        pooling: Pooling,
    ) -> Result<Self, EncoderError> {
        #[cfg(target_arch = "x86_64")]
        fn load<I: Isa>(
            isa: Option<I>,
            weights: &Weights,
            config: &bert::Config,
            pooling: Pooling,
        ) -> Result<Option<Bert<I>>, EncoderError> {
            isa.map(|isa| Bert::load(isa, config, pooling, weights)).transpose()
        }
        let network = match kernel {
            Kernel::Auto | Kernel::Candle => {
                let tensors = weights.tensors()?;
                let bert = CandleBert::load(tensors, config, pooling).map_err(compute)?;
                Some(Self::Candle(bert))
            }
            #[cfg(target_arch = "x86_64")]
            Kernel::AmxBf16 => load(Amx::detect(), weights, config, pooling)?.map(Self::AmxBf16),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512Bf16 => load(Avx512Bf16::detect(), weights, config, pooling)?.map(Self::Avx512Bf16),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512 => load(Avx512::detect(), weights, config, pooling)?.map(Self::Avx512),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => load(Avx2::detect(), weights, config, pooling)?.map(Self::Avx2),
            #[cfg(not(target_arch = "x86_64"))]
            _ => None,
        };
        network.ok_or_else(|| unavailable(kernel, "needs instructions this processor does not have"))
    }

    /// Name of what computes, as figures and logs tell it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Candle(_) => Kernel::Candle.name(),
            #[cfg(target_arch = "x86_64")]
            Self::AmxBf16(_) => Kernel::AmxBf16.name(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(_) => Kernel::Avx512Bf16.name(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => Kernel::Avx512.name(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => Kernel::Avx2.name(),
        }
    }

    /// The pooled vectors of token sequences, not normalised, computed by the calling thread; by the reference in the
    /// thread pool this is called in.
    ///
    /// **Shape**: `[texts][tokens]` u32, ragged → `[texts][hidden]` f32.
    pub(crate) fn forward(&self, sequences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, EncoderError> {
        match self {
            Self::Candle(network) => network.forward(sequences).map_err(compute),
            #[cfg(target_arch = "x86_64")]
            Self::AmxBf16(network) => Ok(network.forward(sequences)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(network) => Ok(network.forward(sequences)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(network) => Ok(network.forward(sequences)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(network) => Ok(network.forward(sequences)),
        }
    }

    /// As [`Network::forward`], by all threads of the pool this is called in: for one text that somebody waits for.
    pub(crate) fn forward_together(&self, sequences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, EncoderError> {
        match self {
            Self::Candle(network) => network.forward(sequences).map_err(compute),
            #[cfg(target_arch = "x86_64")]
            Self::AmxBf16(network) => Ok(network.forward_together(sequences)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(network) => Ok(network.forward_together(sequences)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(network) => Ok(network.forward_together(sequences)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(network) => Ok(network.forward_together(sequences)),
        }
    }

    /// Whether [`Network::forward`] is one thread's work, so that each thread can compute its own texts.
    pub(crate) fn is_one_thread(&self) -> bool {
        !matches!(self, Self::Candle(_))
    }

    /// Which texts it computes together. **Units**: `batch_tokens` in tokens, padding included.
    pub(crate) fn packing(&self, batch_tokens: usize) -> Packing {
        match self {
            Self::Candle(_) => Packing::Padded { budget: batch_tokens },
            #[cfg(target_arch = "x86_64")]
            Self::AmxBf16(network) => network.packing(batch_tokens),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(network) => network.packing(batch_tokens),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(network) => network.packing(batch_tokens),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(network) => network.packing(batch_tokens),
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Network {
    /// Where the time of one thread goes; the reference is not ours to take apart.
    pub(crate) fn profile(&self, sequences: &[Vec<u32>]) -> Option<Profile> {
        match self {
            Self::Candle(_) => None,
            Self::AmxBf16(network) => Some(network.profile(sequences)),
            Self::Avx512Bf16(network) => Some(network.profile(sequences)),
            Self::Avx512(network) => Some(network.profile(sequences)),
            Self::Avx2(network) => Some(network.profile(sequences)),
        }
    }
}

/// The first kernel of the list that this machine and this network can have and that pays here.
fn fastest(config: &bert::Config) -> Kernel {
    let mut kernels = Kernel::ALL.into_iter();
    let fits = |kernel: &Kernel| kernel.is_here() && (is_plain(config) || *kernel == Kernel::Candle);
    kernels
        .find(|kernel| fits(kernel) && pays(*kernel))
        .unwrap_or(Kernel::Candle)
}

/// Whether a kernel this machine can run is faster on it than those after it.
fn pays(kernel: Kernel) -> bool {
    match kernel {
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512Bf16 => Avx512Bf16::is_fast(),
        _ => true,
    }
}

/// Whether the network is one that our own kernels compute.
fn is_plain(config: &bert::Config) -> bool {
    matches!(config.hidden_act, bert::HiddenAct::Gelu)
}

fn unavailable(kernel: Kernel, problem: &'static str) -> EncoderError {
    EncoderError::KernelUnavailable {
        kernel: kernel.name(),
        problem,
    }
}

fn compute(source: candle_core::Error) -> EncoderError {
    EncoderError::Compute(Arc::new(source))
}
