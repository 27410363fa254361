//! How fast an encoder is on given texts, and how near its vectors come to those of the reference.

mod likeness;

use std::path::Path;
use std::time::{Duration, Instant};

use manifest::hexadecimal;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::config::{Config, Side};
use crate::encoder::{self, Encoder};
use crate::error::EncoderError;
use crate::kernel::Kernel;

pub use likeness::{Likeness, Reference};

/// What `deskwise bench encoder` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Texts of a round.
    pub texts: usize,
    /// Their tokens as read. **Units**: tokens, special ones included.
    pub tokens: usize,
    /// Median time of a round, tokenizing included. **Units**: seconds.
    pub seconds: f64,
    /// Texts of a round by its median time.
    pub texts_per_second: f64,
    /// Tokens of a round by its median time.
    pub tokens_per_second: f64,
    /// Rounds that the median is of.
    pub rounds: usize,
    /// SHA-256 of the texts, each with a line feed behind it: that of a file with one a line.
    pub texts_sha256: String,
    /// Name of the model.
    pub model: String,
    /// Its revision.
    pub revision: String,
    /// Where texts were cut. **Units**: tokens, special ones included.
    pub max_tokens: usize,
    /// What computed.
    pub kernel: String,
    /// Threads that computed.
    pub threads: usize,
    /// Texts one by one, as a customer's typing comes.
    pub single: Single,
}

/// Texts that are asked one after the other, each answered before the next is asked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Single {
    /// How many; the first of all texts.
    pub texts: usize,
    /// Their mean length. **Units**: tokens.
    pub tokens: f64,
    /// **Units**: milliseconds.
    pub p50_ms: f64,
    /// **Units**: milliseconds.
    pub p99_ms: f64,
}

/// Most texts asked one by one.
const SINGLE_TEXTS: usize = 500;

/// The median of `rounds` over all texts, after one that warms up; at least one round is run.
///
/// **Errors**: the encoder's.
pub fn bench(encoder: &Encoder, texts: &[String], rounds: usize) -> Result<Figures, EncoderError> {
    // As the programs it is compared with read them.
    let encoder = &encoder.verbatim();
    let tokens = encoder.count_tokens(texts)?;
    round(encoder, texts)?;
    let rounds = rounds.max(1);
    let times = (0..rounds)
        .map(|_| round(encoder, texts))
        .collect::<Result<Vec<_>, _>>()?;
    let seconds = median(times).as_secs_f64();
    Ok(Figures {
        texts: texts.len(),
        tokens,
        seconds,
        texts_per_second: texts.len() as f64 / seconds,
        tokens_per_second: tokens as f64 / seconds,
        rounds,
        texts_sha256: sha256_of(texts),
        model: encoder.model().to_owned(),
        revision: encoder.revision().to_owned(),
        max_tokens: encoder.max_tokens(),
        kernel: encoder.kernel().to_owned(),
        threads: encoder.threads(),
        single: single(encoder, &texts[..texts.len().min(SINGLE_TEXTS)])?,
    })
}

fn single(encoder: &Encoder, texts: &[String]) -> Result<Single, EncoderError> {
    let tokens = encoder.count_tokens(texts)?;
    let mut times = texts
        .iter()
        .map(|text| round(encoder, std::slice::from_ref(text)))
        .collect::<Result<Vec<_>, _>>()?;
    times.sort();
    let at = |share: f64| {
        let index = (times.len() as f64 * share) as usize;
        times
            .get(index.min(times.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
            .as_secs_f64()
            * 1e3
    };
    Ok(Single {
        texts: texts.len(),
        tokens: tokens as f64 / texts.len().max(1) as f64,
        p50_ms: at(0.5),
        p99_ms: at(0.99),
    })
}

fn round(encoder: &Encoder, texts: &[String]) -> Result<Duration, EncoderError> {
    let texts = texts.to_vec();
    let start = Instant::now();
    encoder.embed_blocking(texts, Side::Passage)?;
    Ok(start.elapsed())
}

fn sha256_of(texts: &[String]) -> String {
    let mut digest = Sha256::new();
    texts.iter().for_each(|text| {
        digest.update(text);
        digest.update("\n");
    });
    hexadecimal(&digest.finalize())
}

/// The middle one, the later of two.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Where one thread's time goes with a kernel, and how near its products come to what the processor can do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KernelFigures {
    /// What computed.
    pub kernel: &'static str,
    /// Tokens of a round. **Units**: tokens, special ones included.
    pub tokens: usize,
    /// Of one thread, tokenizing not included.
    pub tokens_per_second: f64,
    /// What the processor does in registers alone. **Units**: 10⁹ floating-point operations a second.
    pub peak_gflops: f64,
    /// What the products with weights reach. **Units**: 10⁹ floating-point operations a second.
    pub products_gflops: f64,
    /// The same as a share of the peak.
    pub products_of_peak: f64,
    /// Share of the time in those products.
    pub products: f64,
    /// Share of the time in attention.
    pub attention: f64,
    /// Share of the time in layer norms.
    pub norms: f64,
    /// What is left: biases, GELU, sums to factors, embedding, pooling.
    pub rest: f64,
}

/// Takes a kernel apart on these texts; none for the reference, which is not ours to take apart.
///
/// **Errors**: a model folder that cannot be opened, a kernel this machine or this network can't have.
#[cfg(target_arch = "x86_64")]
pub fn kernel(folder: &Path, kernel: Kernel, texts: &[String]) -> Result<Option<KernelFigures>, EncoderError> {
    let config = Config {
        kernel,
        ..Config::default()
    };
    let (_, worker) = encoder::load(folder, &config)?;
    let mut sequences = texts
        .iter()
        .map(|text| worker.tokenizer.encode(text, Side::Passage))
        .collect::<Result<Vec<_>, _>>()?;
    sequences.sort_by_key(Vec::len);
    let tokens = sequences.iter().map(Vec::len).sum();
    let Some(profile) = worker.network.profile(&sequences) else {
        return Ok(None);
    };
    let total = profile.total.as_secs_f64();
    let share = |part: Duration| part.as_secs_f64() / total;
    let gflops = profile.operations as f64 / profile.products.as_secs_f64() / 1e9;
    let (products, attention, norms) = (share(profile.products), share(profile.attention), share(profile.norms));
    Ok(Some(KernelFigures {
        kernel: worker.network.kernel().name(),
        tokens,
        tokens_per_second: tokens as f64 / total,
        peak_gflops: profile.peak / 1e9,
        products_gflops: gflops,
        products_of_peak: gflops * 1e9 / profile.peak,
        products,
        attention,
        norms,
        rest: 1.0 - products - attention - norms,
    }))
}

/// As on x86-64, where there are kernels of ours; elsewhere there is only the reference.
///
/// **Errors**: none.
#[cfg(not(target_arch = "x86_64"))]
pub fn kernel(_: &Path, _: Kernel, _: &[String]) -> Result<Option<KernelFigures>, EncoderError> {
    Ok(None)
}
