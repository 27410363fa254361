//! The reference network: BERT on candle, in f32.
//!
//! **Source**: `candle_transformers::models::bert`, a port of `modeling_bert.py` of Hugging Face transformers.

use std::collections::HashMap;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert;
use manifest::Pooling;

use crate::pooling::pool;

/// A loaded BERT and how its token states become vectors.
pub(crate) struct CandleBert {
    model: bert::BertModel,
    pooling: Pooling,
    padding: u32,
}

impl CandleBert {
    /// The network of checked weights.
    pub(crate) fn load(tensors: HashMap<String, Tensor>, config: &bert::Config, pooling: Pooling) -> Result<Self> {
        let variables = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        let model = bert::BertModel::load(variables, config)?;
        Ok(Self {
            model,
            pooling,
            padding: config.pad_token_id as u32,
        })
    }

    /// The pooled vectors of token sequences, not normalised.
    ///
    /// **Shape**: `[texts][tokens]` u32, ragged → `[texts][hidden]` f32.
    pub(crate) fn forward(&self, sequences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>> {
        let longest = sequences.iter().map(Vec::len).max().unwrap_or(0);
        if longest == 0 {
            return Ok(Vec::new());
        }
        let states = self.states(sequences, longest)?;
        let hidden = states.dim(2)?;
        let states = states.flatten_all()?.to_vec1::<f32>()?;
        let rows = states.chunks_exact(longest * hidden);
        Ok(rows
            .zip(sequences)
            .map(|(row, ids)| pool(&row[..ids.len() * hidden], hidden, self.pooling))
            .collect())
    }

    /// **Shape**: `[texts, longest, hidden]`, padded rows included.
    fn states(&self, sequences: &[Vec<u32>], longest: usize) -> Result<Tensor> {
        let shape = (sequences.len(), longest);
        let ids = padded(sequences, longest, self.padding, |id| id);
        let ids = Tensor::from_vec(ids, shape, &Device::Cpu)?;
        let types = ids.zeros_like()?;
        let is_even = sequences.iter().all(|ids| ids.len() == longest);
        if is_even {
            return self.model.forward(&ids, &types, None);
        }
        let mask = Tensor::from_vec(padded(sequences, longest, 0, |_| 1), shape, &Device::Cpu)?;
        self.model.forward(&ids, &types, Some(&mask))
    }
}

fn padded(sequences: &[Vec<u32>], longest: usize, padding: u32, value: impl Fn(u32) -> u32) -> Vec<u32> {
    let mut rows = vec![padding; sequences.len() * longest];
    for (row, ids) in rows.chunks_exact_mut(longest).zip(sequences) {
        row.iter_mut().zip(ids).for_each(|(slot, &id)| *slot = value(id));
    }
    rows
}
