//! Tensors of a BERT, checked before anything computes with them.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use candle_transformers::models::bert;
use half::{bf16, f16};
use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use safetensors::{SafeTensorError, SafeTensors};

use crate::error::EncoderError;

/// The weights file of a BERT, all of whose tensors are there and of the right shape.
pub(crate) struct Weights {
    bytes: Vec<u8>,
    metadata: Metadata,
    /// Where the tensors' bytes begin.
    start: usize,
    /// What the file puts before every name.
    prefix: &'static str,
    shapes: Vec<(String, Vec<usize>)>,
}

impl Weights {
    /// The weights a BERT of this configuration needs.
    ///
    /// **Errors**: not safetensors, a tensor missing or of another shape.
    pub(crate) fn open(path: &Path, config: &bert::Config) -> Result<Self, EncoderError> {
        let bytes = fs::read(path).map_err(|source| EncoderError::ReadFile {
            path: path.to_owned(),
            source: Arc::new(source),
        })?;
        let unusable = |source: SafeTensorError| EncoderError::ReadWeights {
            path: path.to_owned(),
            source: Arc::new(source),
        };
        let (header, metadata) = SafeTensors::read_metadata(&bytes).map_err(unusable)?;
        let is_prefixed = metadata.tensors().keys().any(|name| name.starts_with("bert."));
        let weights = Self {
            start: size_of::<u64>() + header,
            prefix: if is_prefixed { "bert." } else { "" },
            shapes: shapes(config),
            bytes,
            metadata,
        };
        weights
            .shapes
            .iter()
            .try_for_each(|(name, shape)| weights.check(name, shape))?;
        Ok(weights)
    }

    fn check(&self, name: &str, expected: &[usize]) -> Result<(), EncoderError> {
        let found = &self.info(name)?.shape;
        if found == expected {
            return Ok(());
        }
        Err(EncoderError::WrongShape {
            tensor: name.to_owned(),
            expected: expected.to_vec(),
            found: found.clone(),
        })
    }

    fn info(&self, name: &str) -> Result<&TensorInfo, EncoderError> {
        let info = self.metadata.info(&format!("{}{name}", self.prefix));
        info.ok_or_else(|| EncoderError::MissingTensor {
            tensor: name.to_owned(),
        })
    }

    /// The values of a tensor, row after row.
    ///
    /// **Errors**: missing, not of floating point numbers, or not all finite.
    pub(crate) fn read(&self, name: &str) -> Result<Vec<f32>, EncoderError> {
        let info = self.info(name)?;
        let (from, to) = info.data_offsets;
        let bytes = &self.bytes[self.start + from..self.start + to];
        let values = floats(bytes, info.dtype).ok_or_else(|| EncoderError::NotFloats {
            tensor: name.to_owned(),
            found: format!("{:?}", info.dtype),
        })?;
        if values.iter().all(|value| value.is_finite()) {
            return Ok(values);
        }
        Err(EncoderError::NotFinite {
            tensor: name.to_owned(),
        })
    }

    /// All tensors as candle's, by name.
    ///
    /// **Errors**: as [`Weights::read`].
    pub(crate) fn tensors(&self) -> Result<HashMap<String, Tensor>, EncoderError> {
        let tensor = |(name, shape): &(String, Vec<usize>)| {
            let tensor = Tensor::from_vec(self.read(name)?, shape.as_slice(), &Device::Cpu);
            let tensor = tensor.map_err(|source| EncoderError::Compute(Arc::new(source)))?;
            Ok((name.clone(), tensor))
        };
        self.shapes.iter().map(tensor).collect()
    }
}

/// Little-endian numbers as f32, or `None` if they are no floating point numbers.
fn floats(bytes: &[u8], dtype: Dtype) -> Option<Vec<f32>> {
    let (pairs, quads) = (bytes.as_chunks::<2>().0, bytes.as_chunks::<4>().0);
    match dtype {
        Dtype::F32 => Some(quads.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()),
        Dtype::F16 => Some(pairs.iter().map(|&bytes| f16::from_le_bytes(bytes).to_f32()).collect()),
        Dtype::BF16 => Some(pairs.iter().map(|&bytes| bf16::from_le_bytes(bytes).to_f32()).collect()),
        _ => None,
    }
}

/// Names and shapes of all tensors the network reads.
///
/// **Source**: `BertModel` of Hugging Face transformers, `models/bert/modeling_bert.py`.
fn shapes(config: &bert::Config) -> Vec<(String, Vec<usize>)> {
    let hidden = config.hidden_size;
    let table = |name: &str, rows: usize| (format!("embeddings.{name}.weight"), vec![rows, hidden]);
    let mut shapes = vec![
        table("word_embeddings", config.vocab_size),
        table("position_embeddings", config.max_position_embeddings),
        table("token_type_embeddings", config.type_vocab_size),
    ];
    shapes.extend(norm("embeddings.LayerNorm", hidden));
    for layer in 0..config.num_hidden_layers {
        shapes.extend(layer_shapes(
            &format!("encoder.layer.{layer}"),
            hidden,
            config.intermediate_size,
        ));
    }
    shapes
}

fn layer_shapes(at: &str, hidden: usize, intermediate: usize) -> Vec<(String, Vec<usize>)> {
    let mut shapes = Vec::new();
    for part in ["self.query", "self.key", "self.value", "output.dense"] {
        shapes.extend(linear(&format!("{at}.attention.{part}"), hidden, hidden));
    }
    shapes.extend(norm(&format!("{at}.attention.output.LayerNorm"), hidden));
    shapes.extend(linear(&format!("{at}.intermediate.dense"), hidden, intermediate));
    shapes.extend(linear(&format!("{at}.output.dense"), intermediate, hidden));
    shapes.extend(norm(&format!("{at}.output.LayerNorm"), hidden));
    shapes
}

fn linear(at: &str, inputs: usize, outputs: usize) -> [(String, Vec<usize>); 2] {
    [
        (format!("{at}.weight"), vec![outputs, inputs]),
        (format!("{at}.bias"), vec![outputs]),
    ]
}

fn norm(at: &str, size: usize) -> [(String, Vec<usize>); 2] {
    [(format!("{at}.weight"), vec![size]), (format!("{at}.bias"), vec![size])]
}
