//! A BERT whose weights can be learnt: the forward pass in operations that candle can differentiate.
//!
//! candle-transformers' BERT ends in a fused layer norm without a gradient, and the encoder crate computes for speed;
//! neither can be trained.
//! **Source**: Devlin et al., BERT, 2019, 3; sizes and names of tensors as in Hugging Face's `BertModel`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use candle_core::{D, DType, Device, Tensor, Var};
use candle_nn::ops::softmax;
use manifest::{EncoderSpec, Pooling};
use serde::Deserialize;

use super::batches::Batch;

/// Added to the attention scores of padding.
const MASKED: f64 = -1e4;
/// Keeps the length of a vector from being zero.
const SMALLEST_LENGTH: f64 = 1e-12;

/// What `config.json` says beside the manifest.
#[derive(Debug, Clone, Deserialize)]
struct NetworkConfig {
    layer_norm_eps: f64,
    #[serde(default = "gelu")]
    hidden_act: String,
}

fn gelu() -> String {
    "gelu".to_owned()
}

/// The weights, each one a variable, and the way through them.
pub struct Network {
    spec: EncoderSpec,
    epsilon: f64,
    prefix: &'static str,
    device: Device,
    /// By name in the file.
    pub variables: BTreeMap<String, Var>,
}

impl Network {
    /// Reads a model folder whose sums have been checked.
    ///
    /// **Errors**: unreadable files, another activation than GELU, tensors that are missing.
    pub fn open(folder: &Path, spec: &EncoderSpec, device: &Device) -> Result<Self> {
        let path = folder.join(&spec.config);
        let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let config: NetworkConfig = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
        ensure!(
            config.hidden_act == "gelu",
            "activation {:?} cannot be fine-tuned",
            config.hidden_act
        );
        let path = folder.join(&spec.weights);
        let tensors = candle_core::safetensors::load(&path, device).with_context(|| path.display().to_string())?;
        let is_float = |tensor: &Tensor| tensor.dtype().is_float();
        let variables = tensors
            .into_iter()
            .filter(|(_, tensor)| is_float(tensor))
            .map(|(name, tensor)| Ok((name, Var::from_tensor(&tensor.to_dtype(DType::F32)?)?)))
            .collect::<Result<BTreeMap<_, _>>>()?;
        let prefix = if variables.keys().any(|name| name.starts_with("bert.")) {
            "bert."
        } else {
            ""
        };
        Ok(Self {
            spec: spec.clone(),
            epsilon: config.layer_norm_eps,
            prefix,
            device: device.clone(),
            variables,
        })
    }

    /// Length of a vector.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.spec.hidden_size
    }

    /// Where it computes.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Unit vectors of a batch.
    ///
    /// **Shape**: `[texts, hidden]`.
    pub fn forward(&self, batch: &Batch) -> Result<Tensor> {
        let (ids, mask) = batch.tensors(&self.device)?;
        let (texts, tokens) = ids.dims2()?;
        let mut states = self.embed(&ids, texts, tokens)?;
        let bias = ((1.0 - &mask)? * MASKED)?.reshape((texts, 1, 1, tokens))?;
        for layer in 0..self.spec.layers {
            states = self.layer(&states, &bias, layer)?;
        }
        self.pool(&states, &mask)
    }

    fn get(&self, name: &str) -> Result<&Tensor> {
        let name = format!("{}{name}", self.prefix);
        let variable = self
            .variables
            .get(&name)
            .with_context(|| format!("the weights have no {name}"))?;
        Ok(variable.as_tensor())
    }

    fn embed(&self, ids: &Tensor, texts: usize, tokens: usize) -> Result<Tensor> {
        let hidden = self.spec.hidden_size;
        let words = self.get("embeddings.word_embeddings.weight")?;
        let words = words
            .index_select(&ids.flatten_all()?, 0)?
            .reshape((texts, tokens, hidden))?;
        let positions = self
            .get("embeddings.position_embeddings.weight")?
            .narrow(0, 0, tokens)?;
        let kind = self.get("embeddings.token_type_embeddings.weight")?.narrow(0, 0, 1)?;
        let sum = words.broadcast_add(&positions)?.broadcast_add(&kind)?;
        self.norm(&sum, "embeddings.LayerNorm")
    }

    /// **Shape**: `states` `[texts, tokens, hidden]`, `bias` `[texts, 1, 1, tokens]`.
    fn layer(&self, states: &Tensor, bias: &Tensor, layer: usize) -> Result<Tensor> {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let attended = self.attend(states, bias, &name("attention.self"))?;
        let attended = self.linear(&attended, &name("attention.output.dense"))?;
        let states = self.norm(&(attended + states)?, &name("attention.output.LayerNorm"))?;
        let wide = self.linear(&states, &name("intermediate.dense"))?.gelu_erf()?;
        let narrow = self.linear(&wide, &name("output.dense"))?;
        self.norm(&(narrow + &states)?, &name("output.LayerNorm"))
    }

    fn attend(&self, states: &Tensor, bias: &Tensor, name: &str) -> Result<Tensor> {
        let (texts, tokens, hidden) = states.dims3()?;
        let width = hidden / self.spec.heads;
        let split = |part: &str| -> Result<Tensor> {
            let projected = self.linear(states, &format!("{name}.{part}"))?;
            let by_head = projected.reshape((texts, tokens, self.spec.heads, width))?;
            Ok(by_head.transpose(1, 2)?.contiguous()?)
        };
        let (queries, keys, values) = (split("query")?, split("key")?, split("value")?);
        let scores = (queries.matmul(&keys.t()?.contiguous()?)? / (width as f64).sqrt())?;
        let weights = softmax(&scores.broadcast_add(bias)?, D::Minus1)?;
        let mixed = weights.matmul(&values)?.transpose(1, 2)?.contiguous()?;
        Ok(mixed.reshape((texts, tokens, hidden))?)
    }

    fn linear(&self, states: &Tensor, name: &str) -> Result<Tensor> {
        let weight = self.get(&format!("{name}.weight"))?;
        let (texts, tokens, width) = states.dims3()?;
        let flat = states.reshape((texts * tokens, width))?.matmul(&weight.t()?)?;
        let biased = flat.broadcast_add(self.get(&format!("{name}.bias"))?)?;
        Ok(biased.reshape((texts, tokens, weight.dim(0)?))?)
    }

    fn norm(&self, states: &Tensor, name: &str) -> Result<Tensor> {
        let centred = states.broadcast_sub(&states.mean_keepdim(D::Minus1)?)?;
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let scaled = centred.broadcast_div(&(variance + self.epsilon)?.sqrt()?)?;
        let weighted = scaled.broadcast_mul(self.get(&format!("{name}.weight"))?)?;
        Ok(weighted.broadcast_add(self.get(&format!("{name}.bias"))?)?)
    }

    fn pool(&self, states: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let pooled = match self.spec.pooling {
            Pooling::Cls => states.narrow(1, 0, 1)?.squeeze(1)?,
            Pooling::Mean => {
                let mask = mask.unsqueeze(2)?;
                let sums = states.broadcast_mul(&mask)?.sum(1)?;
                sums.broadcast_div(&mask.sum(1)?)?
            }
        };
        let length = (pooled.sqr()?.sum_keepdim(1)? + SMALLEST_LENGTH)?.sqrt()?;
        Ok(pooled.broadcast_div(&length)?)
    }
}
