//! `head.safetensors`: the tensors of a head as bytes, and back.
//!
//! | tensor | type | shape |
//! |---|---|---|
//! | `weights` | F16 | `[dimensions + word terms + character terms, labels]` |
//! | `bias` | F32 | `[labels]` |
//! | `words`, `chars` | U8 | terms in UTF-8, one a line |
//! | `words_idf`, `chars_idf` | F32 | `[terms]` |
//! | `memory_vectors`, `memory_labels` | F16, U32 | `[examples, dimensions]`, `[examples]` |
//! | `curve_from`, `curve_to` | F32 | `[points]` |
//! | `held_out_predicted`, `held_out_confidence`, `held_out_correct` | U32, F32, U8 | `[rows]` |
//! | `learnt`, where it is known | U64 | `[texts]` |

use half::f16;
use safetensors::tensor::{Dtype, TensorView, serialize};

use crate::abstention::HeldOut;
use crate::curve::Curve;
use crate::error::ClassifierError;
use crate::features::Lexicon;
use crate::learnt::Learnt;
use crate::memory::Memory;
use crate::reading::{File, wrong};
use crate::spec::HeadSpec;

/// The one tensor that a file may lack.
const LEARNT: &str = "learnt";

/// Tensors of a head.
///
/// **Persisted** as `head.safetensors`; weights lose precision to half floats on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensors {
    /// **Shape**: `[dimensions + words + chars, labels]`, row-major.
    pub weights: Vec<f32>,
    /// **Shape**: `[labels]`.
    pub bias: Vec<f32>,
    /// Vocabulary of the word block.
    pub words: Lexicon,
    /// Vocabulary of the character block.
    pub chars: Lexicon,
    /// Examples that vote; in a head that is linear alone their mean, as one example, or none.
    pub memory: Memory,
    /// Isotonic calibration behind the temperature; no points where temperature alone is better.
    pub curve: Curve,
    /// What the head said of rows its fit had not seen.
    pub held_out: HeldOut,
    /// The texts it was fitted on; empty where nothing is known of them.
    pub learnt: Learnt,
}

impl Tensors {
    /// The file's bytes; equal tensors give equal bytes.
    ///
    /// **Errors**: only what safetensors itself refuses.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ClassifierError> {
        let labels = self.bias.len().max(1);
        let weights = f16_bytes(&self.weights);
        let (curve, memory) = (&self.curve, &self.memory);
        let examples = memory.labels.len();
        let correct: Vec<u8> = self.held_out.correct.iter().map(|&right| u8::from(right)).collect();
        let mut parts = vec![
            ("bias", Dtype::F32, vec![self.bias.len()], f32_bytes(&self.bias)),
            ("chars", Dtype::U8, vec![], lines(&self.chars)),
            (
                "chars_idf",
                Dtype::F32,
                vec![self.chars.len()],
                f32_bytes(self.chars.idf()),
            ),
            ("curve_from", Dtype::F32, vec![curve.from.len()], f32_bytes(&curve.from)),
            ("curve_to", Dtype::F32, vec![curve.to.len()], f32_bytes(&curve.to)),
            (
                "held_out_confidence",
                Dtype::F32,
                vec![self.held_out.len()],
                f32_bytes(&self.held_out.confidence),
            ),
            ("held_out_correct", Dtype::U8, vec![correct.len()], correct),
            (
                "held_out_predicted",
                Dtype::U32,
                vec![self.held_out.len()],
                u32_bytes(&self.held_out.predicted),
            ),
            ("memory_labels", Dtype::U32, vec![examples], u32_bytes(&memory.labels)),
            (
                "memory_vectors",
                Dtype::F16,
                vec![examples, memory.vectors.len() / examples.max(1)],
                f16_bytes(&memory.vectors),
            ),
            (
                "weights",
                Dtype::F16,
                vec![self.weights.len() / labels, labels],
                weights,
            ),
            ("words", Dtype::U8, vec![], lines(&self.words)),
            (
                "words_idf",
                Dtype::F32,
                vec![self.words.len()],
                f32_bytes(self.words.idf()),
            ),
        ];
        if !self.learnt.is_empty() {
            let hashes = self.learnt.hashes();
            parts.push((LEARNT, Dtype::U64, vec![hashes.len()], u64_bytes(hashes)));
        }
        let views = parts.iter().map(|(name, dtype, shape, bytes)| {
            let shape = if shape.is_empty() {
                vec![bytes.len()]
            } else {
                shape.clone()
            };
            TensorView::new(*dtype, shape, bytes).map(|view| (*name, view))
        });
        let views = views
            .collect::<Result<Vec<_>, _>>()
            .map_err(ClassifierError::ReadWeights)?;
        serialize(views, None).map_err(ClassifierError::ReadWeights)
    }

    /// The tensors of a file.
    ///
    /// **Errors**: not safetensors, a tensor missing, of another type, or turned on its side.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ClassifierError> {
        let file = File::of(bytes)?;
        let bias = file.f32s("bias")?;
        let labels = file.u32s("memory_labels")?;
        Ok(Self {
            weights: file.f16s("weights", [None, Some(bias.len())])?,
            bias,
            words: lexicon(&file, "words", "words_idf")?,
            chars: lexicon(&file, "chars", "chars_idf")?,
            memory: Memory {
                vectors: file.f16s("memory_vectors", [Some(labels.len()), None])?,
                labels,
            },
            curve: Curve {
                from: file.f32s("curve_from")?,
                to: file.f32s("curve_to")?,
            },
            held_out: HeldOut {
                predicted: file.u32s("held_out_predicted")?,
                confidence: file.f32s("held_out_confidence")?,
                correct: file.u8s("held_out_correct")?.iter().map(|&right| right != 0).collect(),
            },
            learnt: learnt(&file)?,
        })
    }

    /// Refuses tensors that do not fit the description, or hold NaN.
    ///
    /// **Errors**: [`ClassifierError::WrongTensor`], [`ClassifierError::NotFiniteWeight`].
    pub fn check(&self, spec: &HeadSpec) -> Result<(), ClassifierError> {
        let labels = spec.labels.len();
        let features = spec.encoder.dimensions + self.words.len() + self.chars.len();
        let rows = self.held_out.len();
        expect("bias", labels, self.bias.len())?;
        expect("weights", features * labels, self.weights.len())?;
        expect("held_out_predicted", rows, self.held_out.predicted.len())?;
        expect("held_out_correct", rows, self.held_out.correct.len())?;
        below("held_out_predicted", &self.held_out.predicted, labels)?;
        self.check_memory(spec)?;
        if !self.curve.is_rising() {
            return Err(wrong("curve_to", "a rising curve".to_owned(), "another".to_owned()));
        }
        finite("weights", &self.weights)?;
        finite("bias", &self.bias)?;
        finite("words_idf", self.words.idf())?;
        finite("chars_idf", self.chars.idf())?;
        finite("held_out_confidence", &self.held_out.confidence)
    }

    fn check_memory(&self, spec: &HeadSpec) -> Result<(), ClassifierError> {
        let Memory { vectors, labels } = &self.memory;
        expect("memory_vectors", labels.len() * spec.encoder.dimensions, vectors.len())?;
        below("memory_labels", labels, spec.labels.len())?;
        finite("memory_vectors", vectors)
    }
}

fn below(tensor: &'static str, values: &[u32], labels: usize) -> Result<(), ClassifierError> {
    match values.iter().find(|&&value| value as usize >= labels) {
        Some(value) => Err(wrong(tensor, format!("labels below {labels}"), value.to_string())),
        None => Ok(()),
    }
}

fn lexicon(file: &File<'_>, name: &'static str, idf_name: &'static str) -> Result<Lexicon, ClassifierError> {
    let text = std::str::from_utf8(file.u8s(name)?);
    let text = text.map_err(|error| wrong(name, "UTF-8".to_owned(), error.to_string()))?;
    let terms: Vec<String> = text.lines().map(str::to_owned).collect();
    let idf = file.f32s(idf_name)?;
    expect(idf_name, terms.len(), idf.len())?;
    Ok(Lexicon::new(terms, idf))
}

fn learnt(file: &File<'_>) -> Result<Learnt, ClassifierError> {
    if !file.has(LEARNT) {
        return Ok(Learnt::default());
    }
    let unordered = || wrong(LEARNT, "ascending hashes".to_owned(), "others".to_owned());
    Learnt::from_hashes(file.u64s(LEARNT)?).ok_or_else(unordered)
}

fn lines(lexicon: &Lexicon) -> Vec<u8> {
    lexicon
        .terms()
        .iter()
        .flat_map(|term| [term.as_bytes(), b"\n"].concat())
        .collect()
}

fn f16_bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|&value| f16::from_f32(value).to_le_bytes())
        .collect()
}

fn f32_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn u32_bytes(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn u64_bytes(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn expect(tensor: &'static str, expected: usize, found: usize) -> Result<(), ClassifierError> {
    if expected == found {
        return Ok(());
    }
    Err(wrong(tensor, format!("{expected} values"), format!("{found} values")))
}

fn finite(tensor: &'static str, values: &[f32]) -> Result<(), ClassifierError> {
    if values.iter().all(|value| value.is_finite()) {
        Ok(())
    } else {
        Err(ClassifierError::NotFiniteWeight { tensor })
    }
}
