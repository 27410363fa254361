//! A product with weights.

use std::ops::Range;

use super::element::Element;
use super::isa::{Isa, Rows, Tile};
use super::packed::Packed;
use crate::error::EncoderError;
use crate::weights::Weights;

/// Weights, and what is added to their product.
pub(crate) struct Linear<I: Isa> {
    weight: Packed<I>,
    /// Numbers of the weight before it was filled up.
    weights: usize,
    /// As long as the weight has columns, filled up with zeros.
    bias: Vec<f32>,
}

/// The left side of a product.
pub(crate) struct Inputs<'a, E> {
    pub(crate) values: &'a [E],
    pub(crate) rows: usize,
    /// From row to row.
    pub(crate) stride: usize,
}

impl<I: Isa> Linear<I> {
    /// The named weights side by side, each multiplied by its scale.
    ///
    /// **Errors**: weights that are not finite.
    pub(crate) fn load(
        (inputs, outputs): (usize, usize),
        parts: &[(&str, f32)],
        weights: &Weights,
    ) -> Result<Self, EncoderError> {
        let mut values = Vec::new();
        let mut bias = Vec::new();
        for (name, scale) in parts {
            let scaled = |values: Vec<f32>| values.into_iter().map(|value| value * scale);
            values.extend(scaled(weights.read(&format!("{name}.weight"))?));
            bias.extend(scaled(weights.read(&format!("{name}.bias"))?));
        }
        let weight = Packed::of(inputs, outputs, |k, n| values[n * inputs + k]);
        bias.resize(weight.columns(), 0.0);
        Ok(Self {
            weight,
            weights: inputs * outputs,
            bias,
        })
    }

    /// Numbers the weight is made of.
    pub(crate) fn weights(&self) -> usize {
        self.weights
    }

    /// Columns, filled up to whole panels.
    pub(crate) fn columns(&self) -> usize {
        self.weight.columns()
    }

    /// Panels of columns.
    pub(crate) fn panels(&self) -> usize {
        self.weight.columns() / I::PANEL
    }

    /// Hands every row of these panels of the product, bias added, to `finish(row, first column, sums)`.
    #[inline(always)]
    pub(crate) fn multiply(
        &self,
        isa: I,
        panels: Range<usize>,
        inputs: &Inputs<'_, I::Element>,
        tile: &mut [f32],
        mut finish: impl FnMut(usize, usize, &[f32]),
    ) {
        let all = self.weight.panels().zip(self.bias.chunks_exact(I::PANEL)).enumerate();
        for (index, (panel, bias)) in all.skip(panels.start).take(panels.len()) {
            for first in (0..inputs.rows).step_by(I::ROWS) {
                let block = Rows {
                    values: &inputs.values[first * inputs.stride..],
                    stride: inputs.stride,
                    count: I::ROWS.min(inputs.rows - first),
                };
                let count = block.count;
                let out = Tile {
                    values: tile,
                    stride: I::PANEL,
                };
                isa.tile(block, panel, self.weight.depth(), out);
                for (row, sums) in tile.chunks_exact_mut(I::PANEL).take(count).enumerate() {
                    for (sum, bias) in sums.iter_mut().zip(bias) {
                        *sum += bias;
                    }
                    finish(first + row, index * I::PANEL, sums);
                }
            }
        }
    }
}

/// Sums of a tile's row as factors of the next product.
#[inline(always)]
pub(crate) fn store<E: Element>(sums: &[f32], out: &mut [E], function: impl Fn(f32) -> f32) {
    for (sum, out) in sums.iter().zip(out) {
        *out = E::of(function(*sum));
    }
}
