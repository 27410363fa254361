//! Tensors of a BERT, checked before anything computes with them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{Device, Tensor};
use candle_transformers::models::bert;
use half::{bf16, f16};
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, Metadata, TensorInfo};

use crate::error::EncoderError;

/// Read at once. **Units**: bytes.
const READ_AT_ONCE: u64 = 1 << 20;

/// The weights file of a BERT, all of whose tensors are there and of the right shape. A tensor is read when it is asked
/// for, so that the file is never in memory beside what becomes of it.
pub(crate) struct Weights {
    path: PathBuf,
    file: File,
    metadata: Metadata,
    /// Where the tensors' bytes begin.
    start: u64,
    /// What the file puts before every name.
    prefix: &'static str,
    shapes: Vec<(String, Vec<usize>)>,
}

impl Weights {
    /// The weights a BERT of this configuration needs.
    ///
    /// **Errors**: not safetensors, a tensor missing or of another shape.
    pub(crate) fn open(path: &Path, config: &bert::Config) -> Result<Self, EncoderError> {
        let mut file = File::open(path).map_err(read_failed(path))?;
        let (start, metadata) = read_header(&mut file, path)?;
        let is_prefixed = metadata.tensors().keys().any(|name| name.starts_with("bert."));
        let weights = Self {
            path: path.to_owned(),
            file,
            start,
            prefix: if is_prefixed { "bert." } else { "" },
            shapes: shapes(config),
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
        let into_floats = floats(info.dtype).ok_or_else(|| EncoderError::NotFloats {
            tensor: name.to_owned(),
            found: format!("{:?}", info.dtype),
        })?;
        let mut values = Vec::with_capacity(info.shape.iter().product());
        self.each_part(info.data_offsets, |bytes| into_floats(bytes, &mut values))
            .map_err(read_failed(&self.path))?;
        if values.iter().all(|value| value.is_finite()) {
            return Ok(values);
        }
        Err(EncoderError::NotFinite {
            tensor: name.to_owned(),
        })
    }

    /// Bytes of the data, in parts that are whole numbers.
    fn each_part(&self, (from, to): (usize, usize), mut see: impl FnMut(&[u8])) -> io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.start + from as u64))?;
        let mut left = (to - from) as u64;
        let mut part = Vec::new();
        while left > 0 {
            part.resize(left.min(READ_AT_ONCE) as usize, 0);
            file.read_exact(&mut part)?;
            see(&part);
            left -= part.len() as u64;
        }
        Ok(())
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

/// Where the tensors' bytes begin, and what they are; they are all of the rest of the file.
fn read_header(file: &mut File, path: &Path) -> Result<(u64, Metadata), EncoderError> {
    let failed = read_failed(path);
    let unusable = |source: SafeTensorError| EncoderError::ReadWeights {
        path: path.to_owned(),
        source: Arc::new(source),
    };
    let bytes = file.metadata().map_err(&failed)?.len();
    let mut length = [0; size_of::<u64>()];
    if bytes < length.len() as u64 {
        return Err(unusable(SafeTensorError::HeaderTooSmall));
    }
    file.read_exact(&mut length).map_err(&failed)?;
    let start = u64::from_le_bytes(length).saturating_add(length.len() as u64);
    if start > bytes {
        return Err(unusable(SafeTensorError::InvalidHeaderLength));
    }
    let header = BufReader::new(file.take(u64::from_le_bytes(length)));
    let metadata: Metadata = serde_json::from_reader(header)
        .map_err(SafeTensorError::InvalidHeaderDeserialization)
        .map_err(unusable)?;
    if start + metadata.data_len() as u64 != bytes {
        return Err(unusable(SafeTensorError::MetadataIncompleteBuffer));
    }
    Ok((start, metadata))
}

/// Adds little-endian numbers to others.
type AddFloats = fn(&[u8], &mut Vec<f32>);

/// What adds numbers of this kind to others as f32, or `None` if they are no floating point numbers.
fn floats(dtype: Dtype) -> Option<AddFloats> {
    match dtype {
        Dtype::F32 => {
            Some(|bytes, values| values.extend(bytes.as_chunks().0.iter().map(|&four| f32::from_le_bytes(four))))
        }
        Dtype::F16 => {
            Some(|bytes, values| values.extend(bytes.as_chunks().0.iter().map(|&two| f16::from_le_bytes(two).to_f32())))
        }
        Dtype::BF16 => Some(|bytes, values| {
            values.extend(bytes.as_chunks().0.iter().map(|&two| bf16::from_le_bytes(two).to_f32()))
        }),
        _ => None,
    }
}

fn read_failed(path: &Path) -> impl Fn(io::Error) -> EncoderError {
    |source| EncoderError::ReadFile {
        path: path.to_owned(),
        source: Arc::new(source),
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
