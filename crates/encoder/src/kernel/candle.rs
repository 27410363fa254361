//! The reference: candle's BERT in f32, padded to the longest of a batch.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use candle_core::{D, DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{self, BertModel};
use manifest::Model;

use crate::error::EncoderError;
use crate::spec::{self, EncoderSpec, Pooling};

/// Below this a vector has no direction. As in sentence-transformers' normalisation.
const LEAST_NORM: f64 = 1e-12;

/// A BERT whose products run on its own threads.
pub(crate) struct Bert {
    network: BertModel,
    pooling: Pooling,
    pad: u32,
    pool: rayon::ThreadPool,
}

impl Bert {
    pub(crate) fn open(model: &Model, spec: &EncoderSpec, threads: usize) -> Result<Self, EncoderError> {
        let config = read_config(&spec::required(model, spec::CONFIG)?)?;
        check_config(&config, spec)?;
        let weights = spec::required(model, spec::WEIGHTS)?;
        let tensors = read_weights(&weights)?;
        let builder = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        let network = BertModel::load(builder, &config)
            .map_err(|source| EncoderError::LoadWeights { path: weights, source })?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|at| format!("encoder-{at}"))
            .build()
            .map_err(EncoderError::StartPool)?;
        Ok(Bert { network, pooling: spec.pooling, pad: config.pad_token_id as u32, pool })
    }

    pub(crate) fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    pub(crate) fn forward(&self, sequences: &[&[u32]]) -> Result<Vec<Vec<f32>>, EncoderError> {
        if sequences.is_empty() {
            return Ok(Vec::new());
        }
        self.pool.install(|| self.compute(sequences)).map_err(EncoderError::Forward)
    }

    fn compute(&self, sequences: &[&[u32]]) -> candle_core::Result<Vec<Vec<f32>>> {
        let (ids, mask) = self.padded(sequences)?;
        let hidden = self.network.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
        let pooled = match self.pooling {
            Pooling::Mean => mean(&hidden, &mask)?,
            Pooling::Cls => hidden.narrow(1, 0, 1)?.squeeze(1)?,
        };
        let norm = pooled.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?.clamp(LEAST_NORM, f64::INFINITY)?;
        pooled.broadcast_div(&norm)?.to_vec2()
    }

    /// Ids and mask. **Shape:** both `[sequences, longest]`.
    fn padded(&self, sequences: &[&[u32]]) -> candle_core::Result<(Tensor, Tensor)> {
        let longest = sequences.iter().map(|ids| ids.len()).max().unwrap_or_default();
        let mut ids = vec![self.pad; sequences.len() * longest];
        let mut mask = vec![0_u32; sequences.len() * longest];
        for (row, sequence) in sequences.iter().enumerate() {
            ids[row * longest..][..sequence.len()].copy_from_slice(sequence);
            mask[row * longest..][..sequence.len()].fill(1);
        }
        let shape = (sequences.len(), longest);
        Ok((Tensor::from_vec(ids, shape, &Device::Cpu)?, Tensor::from_vec(mask, shape, &Device::Cpu)?))
    }
}

fn mean(hidden: &Tensor, mask: &Tensor) -> candle_core::Result<Tensor> {
    let mask = mask.to_dtype(DType::F32)?.unsqueeze(2)?;
    let sum = hidden.broadcast_mul(&mask)?.sum(1)?;
    sum.broadcast_div(&mask.sum(1)?)
}

fn read_config(path: &Path) -> Result<bert::Config, EncoderError> {
    let text = fs::read(path).map_err(|source| EncoderError::ReadFile { path: path.to_owned(), source })?;
    serde_json::from_slice(&text)
        .map_err(|error| EncoderError::Unsupported(format!("config.json is not of the BERT type: {error}")))
}

fn check_config(config: &bert::Config, spec: &EncoderSpec) -> Result<(), EncoderError> {
    let pairs = [
        ("hidden_size", spec.hidden_size, config.hidden_size),
        ("layers", spec.layers, config.num_hidden_layers),
        ("heads", spec.heads, config.num_attention_heads),
    ];
    for (what, manifest, config) in pairs {
        if manifest != config {
            let reason = format!("its manifest says {what} = {manifest}, its config.json {config}");
            return Err(EncoderError::Unsupported(reason));
        }
    }
    if config.max_position_embeddings < spec.max_tokens {
        let reason = format!("it has {} positions for {} tokens", config.max_position_embeddings, spec.max_tokens);
        return Err(EncoderError::Unsupported(reason));
    }
    Ok(())
}

/// The tensors in f32, each number of them finite.
fn read_weights(path: &Path) -> Result<HashMap<String, Tensor>, EncoderError> {
    let failed = |source| EncoderError::LoadWeights { path: path.to_owned(), source };
    let mut tensors = candle_core::safetensors::load(path, &Device::Cpu).map_err(failed)?;
    for (name, tensor) in &mut tensors {
        if !tensor.dtype().is_float() {
            continue;
        }
        *tensor = tensor.to_dtype(DType::F32).map_err(failed)?;
        let sum = tensor.abs().and_then(|t| t.sum_all()).and_then(|t| t.to_scalar::<f32>()).map_err(failed)?;
        if !sum.is_finite() {
            return Err(EncoderError::NotFinite { tensor: name.clone() });
        }
    }
    Ok(tensors)
}
