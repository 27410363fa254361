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
}

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
