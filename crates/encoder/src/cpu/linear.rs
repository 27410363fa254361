//! A product with weights.

use std::iter::repeat;
use std::mem;
use std::ops::Range;

use super::isa::{Isa, Panel, Part, Rows, Tile};
use super::lanes::{LANES, Lanes};
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

/// Where what is made of a product goes.
pub(crate) struct Outputs<'a, E> {
    pub(crate) values: &'a mut [E],
    /// From row to row.
    pub(crate) stride: usize,
}

/// What of a product is computed.
pub(crate) struct Share {
    /// Panels of the weight's columns.
    pub(crate) panels: Range<usize>,
    /// Rows of the weight; both ends are multiples of [`Isa::STEP`].
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

    /// Hands this share of the product to `finish(row, first column, sums, biases)`, sixteen columns of a row at a time;
    /// the biases are left to it. The inputs are those of the share's depth. A tile is finished while the next is
    /// computed in the other half of `tiles`.
    #[inline(always)]
    pub(crate) fn multiply(
        &self,
        isa: I,
        share: Share,
        inputs: &Inputs<'_, I::Element>,
        tiles: &mut [f32],
        mut finish: impl FnMut(usize, usize, &Lanes, &Lanes),
    ) {
        let (mut tile, mut last_tile) = tiles.split_at_mut(tiles.len() / 2);
        let mut last = Computed::default();
        let height = I::height(inputs.rows);
        let panels = self.weight.panels().enumerate().skip(share.panels.start);
        for (index, panel) in panels.take(share.panels.len()) {
            let next = panel.as_ptr_range().end.wrapping_add(share.depth.start * I::PANEL);
            let panel = &panel[share.depth.start * I::PANEL..share.depth.end * I::PANEL];
            for first in (0..inputs.rows).step_by(height) {
                let block = Rows {
                    values: &inputs.values[first * inputs.stride..],
                    stride: inputs.stride,
                    count: height.min(inputs.rows - first),
                };
                // Every tile asks for its part of the next panel.
                let panel = Panel {
                    values: panel,
                    next: next.wrapping_add(panel.len() * first / inputs.rows),
                };
                let now = Computed {
                    row: first,
                    rows: block.count,
                    column: index * I::PANEL,
                };
                let out = Tile {
                    values: tile,
                    stride: I::PANEL,
                };
                isa.tile(
                    block,
                    panel,
                    share.depth.len(),
                    out,
                    #[inline(always)]
                    |part| last.finish::<I>(part, last_tile, &self.bias, &mut finish),
                );
                last = now;
                mem::swap(&mut tile, &mut last_tile);
            }
        }
        last.finish::<I>(Part::WHOLE, last_tile, &self.bias, &mut finish);
    }
}

/// A computed tile: where in the product its sums belong.
#[derive(Default)]
struct Computed {
    row: usize,
    rows: usize,
    column: usize,
}

impl Computed {
    /// Hands a part of its rows on.
    #[inline(always)]
    fn finish<I: Isa>(
        &self,
        part: Part,
        tile: &[f32],
        biases: &[f32],
        finish: &mut impl FnMut(usize, usize, &Lanes, &Lanes),
    ) {
        let (biases, _) = biases[self.column..].as_chunks::<LANES>();
        for row in part.share(self.rows) {
            let (sums, _) = tile[row * I::PANEL..][..I::PANEL].as_chunks::<LANES>();
            for (lane, (sums, biases)) in sums.iter().zip(biases).enumerate() {
                finish(self.row + row, self.column + lane * LANES, sums, biases);
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
