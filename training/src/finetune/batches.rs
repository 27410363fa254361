//! Texts as batches of token ids, in an order that the seed and the epoch alone decide.

use std::path::Path;

use anyhow::{Result, anyhow};
use candle_core::{Device, Tensor};
use manifest::EncoderSpec;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use tokenizers::{Tokenizer, TruncationParams};

/// Batches whose texts are sorted by length together: little padding, and still chance.
const BATCHES_SORTED: usize = 16;

/// A text as the network reads it, and its label.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// Token ids, special ones included.
    pub ids: Vec<u32>,
    /// Index of its label.
    pub target: usize,
}

/// Examples computed together.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The examples.
    pub examples: Vec<Example>,
}

impl Batch {
    /// Token ids and which of them are text, padded to the longest.
    ///
    /// **Shape**: both `[texts, tokens]`; ids u32, mask f32 of 0 and 1.
    pub fn tensors(&self, device: &Device) -> Result<(Tensor, Tensor)> {
        let tokens = self.examples.iter().map(|example| example.ids.len()).max().unwrap_or(0);
        let padded = |example: &Example| {
            let mut ids = example.ids.clone();
            ids.resize(tokens, 0);
            ids
        };
        let real = |example: &Example| {
            (0..tokens)
                .map(|token| f32::from(u8::from(token < example.ids.len())))
                .collect()
        };
        let ids: Vec<u32> = self.examples.iter().flat_map(padded).collect();
        let mask: Vec<f32> = self
            .examples
            .iter()
            .flat_map(|example| -> Vec<f32> { real(example) })
            .collect();
        let shape = (self.examples.len(), tokens);
        Ok((
            Tensor::from_vec(ids, shape, device)?,
            Tensor::from_vec(mask, shape, device)?,
        ))
    }

    /// **Shape**: `[texts]`, u32.
    pub fn targets(&self, device: &Device) -> Result<Tensor> {
        let targets: Vec<u32> = self.examples.iter().map(|example| example.target as u32).collect();
        Ok(Tensor::new(targets, device)?)
    }
}

/// The texts as token ids, cut to what the model reads.
///
/// **Errors**: a folder without a tokenizer.
pub fn tokenize(
    folder: &Path,
    spec: &EncoderSpec,
    max_tokens: usize,
    texts: &[String],
    targets: &[usize],
) -> Result<Vec<Example>> {
    let mut tokenizer = Tokenizer::from_file(folder.join(&spec.tokenizer)).map_err(|error| anyhow!(error))?;
    let cut = TruncationParams {
        max_length: max_tokens.min(spec.max_tokens),
        ..TruncationParams::default()
    };
    tokenizer.with_padding(None);
    tokenizer.with_truncation(Some(cut)).map_err(|error| anyhow!(error))?;
    let of_text = |(text, &target): (&String, &usize)| -> Result<Example> {
        // As the desk reads its tickets.
        let prefixed = format!("{}{text}", spec.passage_prefix);
        let encoding = tokenizer.encode_fast(prefixed, true).map_err(|error| anyhow!(error))?;
        Ok(Example {
            ids: encoding.get_ids().to_vec(),
            target,
        })
    };
    texts.iter().zip(targets).map(of_text).collect()
}

/// The batches of an epoch.
#[must_use]
pub fn shuffled(examples: &[Example], size: usize, seed: u64, epoch: usize) -> Vec<Batch> {
    let mut rng = StdRng::seed_from_u64(seed.wrapping_add(epoch as u64));
    let mut order: Vec<&Example> = examples.iter().collect();
    order.shuffle(&mut rng);
    order
        .chunks_mut(size * BATCHES_SORTED)
        .for_each(|chunk| chunk.sort_by_key(|example| example.ids.len()));
    let mut batches: Vec<Batch> = order.chunks(size).map(to_batch).collect();
    batches.shuffle(&mut rng);
    batches
}

/// The examples in their order.
#[must_use]
pub fn in_order(examples: &[Example], size: usize) -> Vec<Batch> {
    let all: Vec<&Example> = examples.iter().collect();
    all.chunks(size).map(to_batch).collect()
}

fn to_batch(examples: &[&Example]) -> Batch {
    Batch {
        examples: examples.iter().map(|example| (*example).clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_comes_once_an_epoch_in_an_order_of_its_own() {
        let examples: Vec<Example> = (0..50)
            .map(|i| Example {
                ids: vec![1; i % 7 + 1],
                target: i,
            })
            .collect();
        let targets = |epoch| -> Vec<usize> {
            let batches = shuffled(&examples, 8, 3, epoch);
            batches
                .iter()
                .flat_map(|batch| &batch.examples)
                .map(|example| example.target)
                .collect()
        };
        let mut sorted = targets(0);
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..50));
        assert_eq!(targets(0), targets(0));
        assert_ne!(targets(0), targets(1));
    }
}
