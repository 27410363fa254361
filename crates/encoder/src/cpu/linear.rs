//! A product with weights.

use std::iter::repeat;
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

/// What of a product is computed.
pub(crate) struct Share {
    /// Panels of the weight's columns.
    pub(crate) panels: Range<usize>,
    /// Rows of the weight, which are columns of the inputs; both ends are multiples of [`Isa::STEP`].
    pub(crate) depth: Range<usize>,
}

impl<I: Isa> Linear<I> {
    /// The named weights, each multiplied by its scale: in turn `turn` columns of each side by side, filled up to whole
    /// panels.
    ///
    /// **Errors**: weights that are not finite.
    pub(crate) fn load(
        (inputs, outputs): (usize, usize),
        parts: &[(&str, f32)],
        turn: usize,
        weights: &Weights,
    ) -> Result<Self, EncoderError> {
        let read = |kind: &str| {
            let part = |(name, scale): &(&str, f32)| {
                let values = weights.read(&format!("{name}.{kind}"))?;
                Ok(values.into_iter().map(|value| value * scale).collect())
            };
            parts.iter().map(part).collect::<Result<Vec<Vec<f32>>, EncoderError>>()
        };
        let (weight, bias) = (read("weight")?, read("bias")?);
        let columns = columns::<I>(parts.len(), outputs, turn);
        Ok(Self {
            weight: Packed::of(inputs, columns.len(), |k, n| {
                columns[n].map_or(0.0, |(part, at)| weight[part][at * inputs + k])
            }),
            weights: weight.iter().map(Vec::len).sum(),
            bias: columns
                .iter()
                .map(|column| column.map_or(0.0, |(part, at)| bias[part][at]))
                .collect(),
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

    /// Rows of the weight, filled up to whole steps.
    pub(crate) fn depth(&self) -> usize {
        self.weight.depth()
    }

    /// All of the product.
    pub(crate) fn whole(&self) -> Share {
        Share {
            panels: 0..self.panels(),
            depth: 0..self.depth(),
        }
    }

    /// Hands every row of these panels of the product to `finish(row, first column, sums, biases)`, to which it is left
    /// to add the biases.
    #[inline(always)]
    pub(crate) fn multiply(
        &self,
        isa: I,
        share: Share,
        inputs: &Inputs<'_, I::Element>,
        tile: &mut [f32],
        mut finish: impl FnMut(usize, usize, &[f32], &[f32]),
    ) {
        let height = I::height(inputs.rows);
        let all = self.weight.panels().zip(self.bias.chunks_exact(I::PANEL)).enumerate();
        for (index, (panel, bias)) in all.skip(share.panels.start).take(share.panels.len()) {
            let panel = &panel[share.depth.start * I::PANEL..share.depth.end * I::PANEL];
            for first in (0..inputs.rows).step_by(height) {
                let block = Rows {
                    values: &inputs.values[first * inputs.stride + share.depth.start..],
                    stride: inputs.stride,
                    count: height.min(inputs.rows - first),
                };
                let count = block.count;
                let out = Tile {
                    values: tile,
                    stride: I::PANEL,
                };
                isa.tile(block, panel, share.depth.len(), out);
                for (row, sums) in tile.chunks_exact(I::PANEL).take(count).enumerate() {
                    finish(first + row, index * I::PANEL, sums, bias);
                }
            }
        }
    }
}

/// Of every column the part it is of and which of that part's outputs it is; none where it fills up.
fn columns<I: Isa>(parts: usize, outputs: usize, turn: usize) -> Vec<Option<(usize, usize)>> {
    let filled = (parts * turn).next_multiple_of(I::PANEL);
    let of_turn = |start: usize| {
        let parts = (0..parts).flat_map(move |part| (start..start + turn).map(move |output| Some((part, output))));
        parts.chain(repeat(None)).take(filled)
    };
    (0..outputs).step_by(turn).flat_map(of_turn).collect()
}

/// A function of the sums of a tile's row and their biases, as factors of the next product.
#[inline(always)]
pub(crate) fn store<E: Element>(sums: &[f32], biases: &[f32], out: &mut [E], function: impl Fn(f32) -> f32) {
    for ((sum, bias), out) in sums.iter().zip(biases).zip(out) {
        *out = E::of(function(sum + bias));
    }
}
