//! How fast an encoder is on given texts.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::config::Side;
use crate::encoder::Encoder;
use crate::error::EncoderError;

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
    let tokens = encoder.count_tokens(texts)?;
    round(encoder, texts)?;
    let times = (0..rounds.max(1))
        .map(|_| round(encoder, texts))
        .collect::<Result<Vec<_>, _>>()?;
    let seconds = median(times).as_secs_f64();
    Ok(Figures {
        texts: texts.len(),
        tokens,
        seconds,
        texts_per_second: texts.len() as f64 / seconds,
        tokens_per_second: tokens as f64 / seconds,
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

/// The middle one, the later of two.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
