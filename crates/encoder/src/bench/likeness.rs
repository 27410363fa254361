//! How near the vectors of a kernel come to those of the reference.

use std::path::Path;

use serde::Serialize;

use crate::config::{Config, Side};
use crate::encoder::Encoder;
use crate::error::EncoderError;
use crate::kernel::Kernel;

/// Cosines between the vectors of a kernel and those of the reference, over the same texts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Likeness {
    /// Texts that were compared.
    pub compared_texts: usize,
    /// Over all of them.
    pub mean_cosine: f64,
    /// Of the text they agree on least.
    pub least_cosine: f64,
}

/// Texts and what the reference, [`Kernel::Candle`], makes of them.
pub struct Reference<'a> {
    folder: &'a Path,
    texts: &'a [String],
    /// **Shape**: `[texts][dimensions]`.
    vectors: Vec<Vec<f32>>,
}

impl<'a> Reference<'a> {
    /// What the reference makes of these texts with the model of a folder.
    ///
    /// **Errors**: a model folder that cannot be opened, and the encoder's.
    pub fn of(folder: &'a Path, texts: &'a [String]) -> Result<Self, EncoderError> {
        let vectors = embed(folder, Kernel::Candle, texts)?;
        Ok(Self { folder, texts, vectors })
    }

    /// How near a kernel comes to it; none where there are no texts.
    ///
    /// **Errors**: a kernel this machine or this network can't have, and the encoder's.
    pub fn likeness(&self, kernel: Kernel) -> Result<Option<Likeness>, EncoderError> {
        let vectors = embed(self.folder, kernel, self.texts)?;
        let pairs = vectors.iter().zip(&self.vectors);
        Ok(likeness(pairs.map(|(a, b)| cosine(a, b)).collect()))
    }
}

fn embed(folder: &Path, kernel: Kernel, texts: &[String]) -> Result<Vec<Vec<f32>>, EncoderError> {
    let config = Config {
        kernel,
        // They are handed over as a whole.
        queue_texts: texts.len().max(1),
        ..Config::default()
    };
    Encoder::open(folder, config)?
        .verbatim()
        .embed_blocking(texts.to_vec(), Side::Passage)
}

fn likeness(cosines: Vec<f64>) -> Option<Likeness> {
    Some(Likeness {
        compared_texts: cosines.len(),
        mean_cosine: cosines.iter().sum::<f64>() / cosines.len() as f64,
        least_cosine: cosines.into_iter().min_by(f64::total_cmp)?,
    })
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum() };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_and_the_least_are_told() {
        assert_eq!(likeness(Vec::new()), None);
        let said = likeness(vec![1.0, 0.5]).unwrap();
        assert_eq!(
            (said.compared_texts, said.mean_cosine, said.least_cosine),
            (2, 0.75, 0.5)
        );
        assert!((cosine(&[3.0, 0.0], &[1.0, 1.0]) - 0.5_f64.sqrt()).abs() < 1e-12);
    }
}
