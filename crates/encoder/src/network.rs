//! What computes: the seam between the encoder and its networks.

use std::sync::Arc;

use candle_transformers::models::bert;
use manifest::Pooling;

use crate::bert::CandleBert;
#[cfg(target_arch = "x86_64")]
use crate::cpu::{Amx, Avx2, Avx512, Avx512Vnni, AvxVnni, Bert, Isa, Profile};
use crate::error::EncoderError;
use crate::kernel::Kernel;
use crate::packing::Packing;
use crate::weights::Weights;

/// A loaded network.
pub(crate) trait Network: Send + Sync {
    /// What computes it.
    fn kernel(&self) -> Kernel;

    /// The pooled vectors of token sequences, not normalised, computed by the calling thread; by the reference in the
    /// thread pool this is called in.
    ///
    /// **Shape**: `[texts][tokens]` u32, ragged → `[texts][hidden]` f32.
    fn forward(&self, sequences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, EncoderError>;

    /// As [`Network::forward`], by all threads of the pool this is called in: for one text that somebody waits for.
    fn forward_together(&self, sequences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, EncoderError>;

    /// Whether [`Network::forward`] is one thread's work, so that each thread can compute its own texts.
    fn is_one_thread(&self) -> bool;

    /// Which texts it computes together. **Units**: `batch_tokens` in tokens, padding included.
    fn packing(&self, batch_tokens: usize) -> Packing;

    /// Where the time of one thread goes; the reference is not ours to take apart.
    #[cfg(target_arch = "x86_64")]
    fn profile(&self, sequences: &[Vec<u32>]) -> Option<Profile>;
}

impl Network for CandleBert {
    fn kernel(&self) -> Kernel {
        Kernel::Candle
    }

    fn forward(&self, sequences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, EncoderError> {
        self.forward(sequences).map_err(compute)
    }

    fn forward_together(&self, sequences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, EncoderError> {
        self.forward(sequences).map_err(compute)
    }

    fn is_one_thread(&self) -> bool {
        false
    }

    fn packing(&self, batch_tokens: usize) -> Packing {
        Packing::Padded { budget: batch_tokens }
    }

    #[cfg(target_arch = "x86_64")]
    fn profile(&self, _: &[Vec<u32>]) -> Option<Profile> {
        None
    }
}

#[cfg(target_arch = "x86_64")]
impl<I: Isa> Network for Bert<I> {
    fn kernel(&self) -> Kernel {
        I::KERNEL
    }

    fn forward(&self, sequences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, EncoderError> {
        Ok(self.forward(sequences))
    }

    fn forward_together(&self, sequences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, EncoderError> {
        Ok(self.forward_together(sequences))
    }

    fn is_one_thread(&self) -> bool {
        true
    }

    fn packing(&self, batch_tokens: usize) -> Packing {
        self.packing(batch_tokens)
    }

    fn profile(&self, sequences: &[Vec<u32>]) -> Option<Profile> {
        Some(self.profile(sequences))
    }
}

/// The network that `kernel` asks for.
///
/// **Errors**: a kernel this machine or this network can't have, weights that are not finite.
pub(crate) fn load(
    kernel: Kernel,
    weights: &Weights,
    config: &bert::Config,
    pooling: Pooling,
) -> Result<Box<dyn Network>, EncoderError> {
    let chosen = match kernel {
        Kernel::Auto => fastest(config),
        forced => forced,
    };
    if chosen != Kernel::Candle && !is_plain(config) {
        return Err(unavailable(chosen, "computes networks with GELU only"));
    }
    let network = match chosen {
        Kernel::Auto | Kernel::Candle => {
            let bert = CandleBert::load(weights.tensors()?, config, pooling).map_err(compute)?;
            Some(Box::new(bert) as Box<dyn Network>)
        }
        #[cfg(target_arch = "x86_64")]
        Kernel::AmxBf16 => own::<Amx>(weights, config, pooling)?,
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512Vnni => own::<Avx512Vnni>(weights, config, pooling)?,
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512 => own::<Avx512>(weights, config, pooling)?,
        #[cfg(target_arch = "x86_64")]
        Kernel::AvxVnni => own::<AvxVnni>(weights, config, pooling)?,
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx2 => own::<Avx2>(weights, config, pooling)?,
        #[cfg(not(target_arch = "x86_64"))]
        _ => None,
    };
    network.ok_or_else(|| unavailable(chosen, "needs instructions this processor does not have"))
}

/// Our own, where the processor has the instructions.
#[cfg(target_arch = "x86_64")]
fn own<I: Isa>(
    weights: &Weights,
    config: &bert::Config,
    pooling: Pooling,
) -> Result<Option<Box<dyn Network>>, EncoderError> {
    let load = |isa| Ok(Box::new(Bert::load(isa, config, pooling, weights)?) as Box<dyn Network>);
    I::detect().map(load).transpose()
}

/// The first kernel of the list that this machine and this network can have.
fn fastest(config: &bert::Config) -> Kernel {
    let fits = |kernel: &Kernel| kernel.is_here() && (is_plain(config) || *kernel == Kernel::Candle);
    Kernel::ALL.into_iter().find(fits).unwrap_or(Kernel::Candle)
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
