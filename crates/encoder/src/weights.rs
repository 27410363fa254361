//! Tensors of a BERT, checked before anything computes with them.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use candle_transformers::models::bert;

use crate::error::EncoderError;

/// Tensors by name.
pub(crate) type Tensors = HashMap<String, Tensor>;

/// The tensors a BERT of this configuration needs, as f32.
///
/// **Errors**: not safetensors, a tensor missing, of another shape, or with values that are not finite.
pub(crate) fn read(path: &Path, config: &bert::Config) -> Result<Tensors, EncoderError> {
    let bytes = fs::read(path).map_err(|source| EncoderError::ReadFile {
        path: path.to_owned(),
        source: Arc::new(source),
    })?;
    let mut given =
        candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).map_err(|source| EncoderError::ReadWeights {
            path: path.to_owned(),
            source: Arc::new(source),
        })?;
    let prefix = if given.keys().any(|name| name.starts_with("bert.")) {
        "bert."
    } else {
        ""
    };
    let mut tensors = Tensors::new();
    for (name, shape) in shapes(config) {
        let tensor = given
            .remove(&format!("{prefix}{name}"))
            .ok_or_else(|| EncoderError::MissingTensor { tensor: name.clone() })?;
        let tensor = check(&name, tensor, &shape)?;
        tensors.insert(name, tensor);
    }
    Ok(tensors)
}

fn check(name: &str, tensor: Tensor, expected: &[usize]) -> Result<Tensor, EncoderError> {
    if tensor.dims() != expected {
        let found = tensor.dims().to_vec();
        return Err(EncoderError::WrongShape {
            tensor: name.to_owned(),
            expected: expected.to_vec(),
            found,
        });
    }
    let tensor = tensor.to_dtype(DType::F32).map_err(compute)?;
    if is_finite(&tensor).map_err(compute)? {
        return Ok(tensor);
    }
    Err(EncoderError::NotFinite {
        tensor: name.to_owned(),
    })
}

/// A sum is not finite if any addend is not; weights are far too small to overflow one.
fn is_finite(tensor: &Tensor) -> candle_core::Result<bool> {
    Ok(tensor.sum_all()?.to_scalar::<f32>()?.is_finite())
}

fn compute(source: candle_core::Error) -> EncoderError {
    EncoderError::Compute(Arc::new(source))
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
