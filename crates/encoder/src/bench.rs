//! How fast an encoder is on given texts.

use std::time::Instant;

use serde::Serialize;

use crate::{Encoder, EncoderError, Side};

/// One measurement: the median of its rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// Texts a round.
    pub texts: usize,
    /// Tokens a round, special tokens counted.
    pub tokens: usize,
    /// Median time of a round, tokenizing included. **Units:** seconds.
    pub seconds: f64,
    /// **Units:** texts a second.
    pub texts_per_second: f64,
    /// **Units:** tokens a second.
    pub tokens_per_second: f64,
    /// The code that computed.
    pub kernel: &'static str,
    /// Threads that computed.
    pub threads: usize,
}

/// Texts that warm caches and threads up before the first round.
const WARM_UP: usize = 64;

/// Embeds all texts in each of `rounds` rounds and says how long the median round took.
///
/// **Errors:** as [`Encoder::embed_blocking`].
pub fn measure(
    encoder: &Encoder,
    texts: &[String],
    rounds: usize,
    mut progress: impl FnMut(usize),
) -> Result<Measured, EncoderError> {
    let tokens = encoder.count_tokens(texts)?.iter().sum();
    encoder.embed_blocking(texts.iter().take(WARM_UP).cloned().collect(), Side::Passage)?;
    let mut seconds = Vec::with_capacity(rounds.max(1));
    for round in 0..rounds.max(1) {
        let texts = texts.to_vec();
        let began = Instant::now();
        encoder.embed_blocking(texts, Side::Passage)?;
        seconds.push(began.elapsed().as_secs_f64());
        progress(round + 1);
    }
    seconds.sort_by(f64::total_cmp);
    let seconds = seconds[seconds.len() / 2];
    Ok(Measured {
        texts: texts.len(),
        tokens,
        seconds,
        texts_per_second: texts.len() as f64 / seconds,
        tokens_per_second: tokens as f64 / seconds,
        kernel: encoder.kernel(),
        threads: encoder.threads(),
    })
}
