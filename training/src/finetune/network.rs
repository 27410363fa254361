//! A BERT whose weights can be learnt: the forward pass in operations that candle can differentiate.
//!
//! candle-transformers' BERT ends in a fused layer norm without a gradient, and the encoder crate computes for speed;
//! neither can be trained.
//! **Source**: Devlin et al., BERT, 2019, 3; sizes and names of tensors as in Hugging Face's `BertModel`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use candle_core::{D, DType, Device, Tensor, Var};
use candle_nn::ops::softmax;
use manifest::{EncoderSpec, Pooling};
use serde::Deserialize;

use super::batches::Batch;
use super::fused;

/// Added to the attention scores of padding.
const MASKED: f64 = -1e4;
/// Keeps the length of a vector from being zero.
const SMALLEST_LENGTH: f64 = 1e-12;

/// Before the names of tensors in some files.
const BERT: &str = "bert.";

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
    /// What is learnt, by name in the file.
    pub variables: BTreeMap<String, Var>,
    /// What stays as it is.
    pub frozen: BTreeMap<String, Tensor>,
}

impl Network {
    /// Reads a model folder whose sums have been checked; its `frozen` lowest layers, the embeddings first, stay as they
    /// are.
    ///
    /// **Errors**: unreadable files, another activation than GELU, tensors that are missing.
    pub fn open(folder: &Path, spec: &EncoderSpec, frozen: usize, device: &Device) -> Result<Self> {
        let path = folder.join(&spec.config);
        let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let config: NetworkConfig = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
        ensure!(
            config.hidden_act == "gelu",
            "activation {:?} cannot be fine-tuned",
            config.hidden_act
        );
        let tensors = weights(&folder.join(&spec.weights), device)?;
        let is_named = |name: &String| name.starts_with(BERT);
        let prefix = if tensors.keys().any(is_named) { BERT } else { "" };
        let is_frozen = |name: &String, _: &mut Tensor| layer_of(&name[prefix.len()..]) < frozen;
        let mut learnt = tensors;
        let frozen = learnt.extract_if(.., is_frozen).collect();
        let to_variable = |(name, tensor): (String, Tensor)| Ok((name, Var::from_tensor(&tensor)?));
        Ok(Self {
            spec: spec.clone(),
            epsilon: config.layer_norm_eps,
            prefix,
            device: device.clone(),
            variables: learnt.into_iter().map(to_variable).collect::<Result<_>>()?,
            frozen,
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
        let padding = Padding::new(batch, &mask)?;
        for layer in 0..self.spec.layers {
            states = self.layer(&states, &padding, layer)?;
        }
        self.pool(&states.reshape((texts, tokens, self.spec.hidden_size))?, &mask)
    }

    fn get(&self, name: &str) -> Result<&Tensor> {
        let name = format!("{}{name}", self.prefix);
        let variable = self.variables.get(&name).map(Var::as_tensor);
        variable
            .or_else(|| self.frozen.get(&name))
            .with_context(|| format!("the weights have no {name}"))
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
        self.norm(&sum.reshape((texts * tokens, hidden))?, "embeddings.LayerNorm")
    }

    /// **Shape**: `states` `[texts * tokens, hidden]`.
    fn layer(&self, states: &Tensor, padding: &Padding, layer: usize) -> Result<Tensor> {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let attended = self.attend(states, padding, &name("attention.self"))?;
        let attended = self.linear(&attended, &name("attention.output.dense"))?;
        let states = self.norm(&(attended + states)?, &name("attention.output.LayerNorm"))?;
        let wide = self.gelu(&self.linear(&states, &name("intermediate.dense"))?)?;
        let narrow = self.linear(&wide, &name("output.dense"))?;
        self.norm(&(narrow + &states)?, &name("output.LayerNorm"))
    }

    fn attend(&self, states: &Tensor, padding: &Padding, name: &str) -> Result<Tensor> {
        let texts = padding.lengths.len();
        let (rows, hidden) = states.dims2()?;
        let width = hidden / self.spec.heads;
        let split = |part: &str| -> Result<Tensor> {
            let projected = self.linear(states, &format!("{name}.{part}"))?;
            let by_head = projected.reshape((texts, rows / texts, self.spec.heads, width))?;
            Ok(by_head.transpose(1, 2)?.contiguous()?)
        };
        let (queries, keys, values) = (split("query")?, split("key")?, split("value")?);
        let weights = self.weigh(&queries.matmul(&keys.t()?)?, padding, width)?;
        let mixed = weights.matmul(&values)?.transpose(1, 2)?;
        Ok(mixed.reshape((rows, hidden))?)
    }

    fn weigh(&self, scores: &Tensor, padding: &Padding, width: usize) -> Result<Tensor> {
        let scale = (width as f64).sqrt().recip();
        if self.device.is_cpu() {
            return Ok(fused::attention(scores, &padding.lengths, scale as f32)?);
        }
        Ok(softmax(&(scores * scale)?.broadcast_add(&padding.bias)?, D::Minus1)?)
    }

    fn linear(&self, states: &Tensor, name: &str) -> Result<Tensor> {
        let (weight, bias) = (self.get(&format!("{name}.weight"))?, self.get(&format!("{name}.bias"))?);
        if self.device.is_cpu() {
            return Ok(fused::linear(states, weight, bias)?);
        }
        Ok(states.matmul(&weight.t()?)?.broadcast_add(bias)?)
    }

    fn norm(&self, states: &Tensor, name: &str) -> Result<Tensor> {
        let (weight, bias) = (self.get(&format!("{name}.weight"))?, self.get(&format!("{name}.bias"))?);
        if self.device.is_cpu() {
            return Ok(fused::norm(states, weight, bias, self.epsilon)?);
        }
        let centred = states.broadcast_sub(&states.mean_keepdim(D::Minus1)?)?;
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let scaled = centred.broadcast_div(&(variance + self.epsilon)?.sqrt()?)?;
        Ok(scaled.broadcast_mul(weight)?.broadcast_add(bias)?)
    }

    fn gelu(&self, states: &Tensor) -> Result<Tensor> {
        if self.device.is_cpu() {
            return Ok(fused::gelu(states)?);
        }
        Ok(states.gelu_erf()?)
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

/// Where a batch is text.
struct Padding {
    /// Tokens of each text.
    lengths: Arc<[usize]>,
    /// What is added to attention scores. **Shape**: `[texts, 1, 1, tokens]`.
    bias: Tensor,
}

impl Padding {
    fn new(batch: &Batch, mask: &Tensor) -> Result<Self> {
        let bias = ((1.0 - mask)? * MASKED)?;
        Ok(Self {
            lengths: batch.examples.iter().map(|example| example.ids.len()).collect(),
            bias: bias.unsqueeze(1)?.unsqueeze(1)?,
        })
    }
}

/// The tensors of a file that are numbers with fractions, by name.
pub fn weights(path: &Path, device: &Device) -> Result<BTreeMap<String, Tensor>> {
    let tensors = candle_core::safetensors::load(path, device).with_context(|| path.display().to_string())?;
    tensors
        .into_iter()
        .filter(|(_, tensor)| tensor.dtype().is_float())
        .map(|(name, tensor)| Ok((name, tensor.to_dtype(DType::F32)?)))
        .collect()
}

/// How high a tensor stands: 0 for the embeddings, then the layers from 1; what comes after them last of all.
fn layer_of(name: &str) -> usize {
    if name.starts_with("embeddings.") {
        return 0;
    }
    let layer = name
        .strip_prefix("encoder.layer.")
        .and_then(|rest| rest.split('.').next());
    let layer = layer.and_then(|layer| layer.parse::<usize>().ok());
    layer.map_or(usize::MAX, |layer| layer + 1)
}
