//! Weights and biases as a file has them, before they are laid out.

use super::lanes::{LANES, Lanes, Norm};
use super::reach::Reach;
use crate::error::EncoderError;
use crate::weights::Weights;

/// A weight, and what is added to its product.
pub(crate) struct Affine {
    pub(crate) inputs: usize,
    /// **Shape**: `[outputs, inputs]`.
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

impl Affine {
    /// **Errors**: weights that are not finite.
    pub(crate) fn read(name: &str, weights: &Weights) -> Result<Self, EncoderError> {
        let weight = weights.read(&format!("{name}.weight"))?;
        let bias = weights.read(&format!("{name}.bias"))?;
        Ok(Self {
            inputs: weight.len() / bias.len().max(1),
            weight,
            bias,
        })
    }

    /// The same of rows that a layer norm has not scaled and shifted: it does so itself.
    pub(crate) fn after(mut self, norm: &Norm) -> Self {
        let (scales, shifts) = (norm.scales(), norm.shifts());
        for (row, bias) in self.weight.chunks_exact_mut(self.inputs).zip(&mut self.bias) {
            let shifted = row.iter().zip(shifts).map(|(weight, shift)| f64::from(weight * shift));
            *bias += shifted.sum::<f64>() as f32;
            row.iter_mut().zip(scales).for_each(|(weight, scale)| *weight *= scale);
        }
        self
    }

    /// With all outputs multiplied.
    pub(crate) fn times(mut self, factor: f32) -> Self {
        let numbers = self.weight.iter_mut().chain(&mut self.bias);
        numbers.for_each(|number| *number *= factor);
        self
    }

    /// The weights of each output.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.weight.chunks_exact(self.inputs)
    }

    /// How far rows of outputs can reach, so many of them taken together.
    ///
    /// **Source**: an output is at most the length of the inputs times that of its weights, by the inequality of Cauchy
    /// and Schwarz; several together are at most the inputs' length times the largest singular value of their weights.
    pub(crate) fn reach(&self, inputs: Reach, together: usize) -> Reach {
        let rows: Vec<&[f32]> = self.rows().collect();
        let parts = rows.chunks(together).zip(self.bias.chunks(together));
        let reach = |(rows, biases): (&[&[f32]], &[f32])| {
            let outputs = rows.iter().zip(biases);
            let bounds = outputs.map(|(row, bias)| Reach::of(row).longest * inputs.longest + bias.abs());
            let blocks = rows.chunks(BLOCK).zip(biases.chunks(BLOCK));
            let lengths = blocks.map(|(rows, biases)| stretch(rows) * inputs.longest + Reach::of(biases).longest);
            Reach {
                largest: bounds.fold(0.0, f32::max),
                longest: Reach::of(&lengths.collect::<Vec<_>>()).longest,
            }
        };
        parts.map(reach).fold(Reach::of(&[]), Reach::or)
    }
}

/// Outputs whose largest singular value is sought: more of them come nearer to what is, and take longer.
const BLOCK: usize = 16;

/// A bound of the largest singular value of a few rows.
///
/// **Source**: its fourth power is the largest eigenvalue of the square of the rows' products with each other, and no
/// eigenvalue is larger than the root of the sum of a symmetric matrix' squares.
fn stretch(rows: &[&[f32]]) -> f32 {
    let products = |rows: &[&[f32]]| -> Vec<Vec<f32>> {
        let products = |one: &&[f32]| rows.iter().map(|other| dot(one, other)).collect();
        rows.iter().map(products).collect()
    };
    let once = products(rows);
    let twice = products(&once.iter().map(Vec::as_slice).collect::<Vec<_>>());
    Reach::of(&twice.concat()).longest.sqrt().sqrt()
}

/// In several sums, which the compiler may keep in one register.
fn dot(one: &[f32], other: &[f32]) -> f32 {
    let mut sums = Lanes::default();
    let ((ones, one), (others, other)) = (one.as_chunks::<LANES>(), other.as_chunks::<LANES>());
    for (one, other) in ones.iter().zip(others) {
        for ((sum, one), other) in sums.iter_mut().zip(one).zip(other) {
            *sum += one * other;
        }
    }
    sums.iter().sum::<f32>() + one.iter().zip(other).map(|(one, other)| one * other).sum::<f32>()
}
