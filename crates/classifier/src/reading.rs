//! The tensors of a safetensors file one by one, each of the type and shape it must have.

use half::f16;
use safetensors::tensor::{Dtype, SafeTensors};

use crate::error::ClassifierError;

/// A safetensors file in memory.
pub(crate) struct File<'a>(SafeTensors<'a>);

/// The lengths of a tensor's sides, as far as they are known.
type Shape<'a> = &'a [Option<usize>];

/// A tensor of one side, however long.
const LIST: Shape<'_> = &[None];

impl<'a> File<'a> {
    /// **Errors**: not safetensors.
    pub(crate) fn of(bytes: &'a [u8]) -> Result<Self, ClassifierError> {
        let file = SafeTensors::deserialize(bytes).map_err(ClassifierError::ReadWeights)?;
        Ok(Self(file))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.tensor(name).is_ok()
    }

    /// **Errors**: a tensor that is missing, of another type, or not a list; the same of all below.
    pub(crate) fn u8s(&self, name: &'static str) -> Result<&[u8], ClassifierError> {
        self.tensor(name, Dtype::U8, LIST)
    }

    pub(crate) fn u32s(&self, name: &'static str) -> Result<Vec<u32>, ClassifierError> {
        let bytes = self.tensor(name, Dtype::U32, LIST)?;
        Ok(words_of(bytes).map(u32::from_le_bytes).collect())
    }

    pub(crate) fn u64s(&self, name: &'static str) -> Result<Vec<u64>, ClassifierError> {
        let bytes = self.tensor(name, Dtype::U64, LIST)?;
        Ok(words_of(bytes).map(u64::from_le_bytes).collect())
    }

    pub(crate) fn f32s(&self, name: &'static str) -> Result<Vec<f32>, ClassifierError> {
        let bytes = self.tensor(name, Dtype::F32, LIST)?;
        Ok(words_of(bytes).map(f32::from_le_bytes).collect())
    }

    /// A table, row by row, with so many rows and columns as are given.
    pub(crate) fn f16s(&self, name: &'static str, sides: [Option<usize>; 2]) -> Result<Vec<f32>, ClassifierError> {
        let bytes = self.tensor(name, Dtype::F16, &sides)?;
        Ok(words_of(bytes)
            .map(|bytes| f16::from_le_bytes(bytes).to_f32())
            .collect())
    }

    fn tensor(&self, name: &'static str, dtype: Dtype, shape: Shape<'_>) -> Result<&[u8], ClassifierError> {
        let missing = |_| wrong(name, format!("{dtype:?}"), "nothing".to_owned());
        let view = self.0.tensor(name).map_err(missing)?;
        if view.dtype() != dtype {
            return Err(wrong(name, format!("{dtype:?}"), format!("{:?}", view.dtype())));
        }
        let fits = |(side, found): (&Option<usize>, &usize)| side.is_none_or(|side| side == *found);
        let found = view.shape();
        if found.len() != shape.len() || !shape.iter().zip(found).all(fits) {
            return Err(wrong(name, in_words(shape), format!("{found:?}")));
        }
        Ok(view.data())
    }
}

fn in_words(shape: Shape<'_>) -> String {
    let side = |side: &Option<usize>| side.map_or_else(|| "_".to_owned(), |side| side.to_string());
    let sides: Vec<String> = shape.iter().map(side).collect();
    format!("the shape [{}]", sides.join(", "))
}

fn words_of<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().copied()
}

/// The error of a tensor that is not what it should be.
pub(crate) fn wrong(tensor: &'static str, expected: String, found: String) -> ClassifierError {
    ClassifierError::WrongTensor {
        tensor,
        expected,
        found,
    }
}
