//! A product with weights.

use std::iter::repeat;
use std::mem;
use std::ops::Range;

use super::affine::Affine;
use super::element::Element;
use super::isa::{Isa, Panel, Part, Rows, Tile, Vector};
use super::lanes::LANES;
use super::packed::Packed;
use super::reach::Reach;

/// Weights, and what is added to their product.
pub(crate) struct Linear<I: Isa> {
    weight: Packed<I>,
    /// Numbers of the weight before it was filled up.
    weights: usize,
    /// What sums of scaled factors are multiplied by. As long as the weight has columns, filled up with zeros.
    output_scales: Vec<f32>,
    /// As long.
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
pub(crate) struct Outputs<'a, I: Isa> {
    /// What computes with it.
    pub(crate) isa: I,
    pub(crate) values: &'a mut [I::Element],
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
    /// The products with several weights, of rows of inputs that reach so far and come scaled: in turn `turn` outputs
    /// of each side by side, filled up to whole panels.
    pub(crate) fn of(parts: &[Affine], turn: usize, reach: Reach) -> Self {
        let inputs = parts.iter().map(|part| part.inputs).max().unwrap_or_default();
        let outputs = parts.iter().map(|part| part.bias.len()).max().unwrap_or_default();
        let columns = columns::<I>(parts.len(), outputs, turn);
        let weight_scale = |row: &[f32]| I::Element::weight_scale(Reach::of(row), reach);
        let of_part = |part: &Affine| part.rows().map(weight_scale).collect();
        let weight_scales: Vec<Vec<f32>> = parts.iter().map(of_part).collect();
        let each = |value: &dyn Fn(usize, usize) -> f32| {
            let columns = columns.iter();
            columns
                .map(|column| column.map_or(0.0, |(part, at)| value(part, at)))
                .collect()
        };
        let input_scale = I::Element::input_scale(reach);
        Self {
            weight: Packed::of(inputs, columns.len(), |k, n| {
                columns[n].map_or(0.0, |(part, at)| {
                    parts[part].weight[at * inputs + k] * weight_scales[part][at]
                })
            }),
            weights: parts.iter().map(|part| part.weight.len()).sum(),
            output_scales: each(&|part, at| 1.0 / (weight_scales[part][at] * input_scale)),
            bias: each(&|part, at| parts[part].bias[at]),
        }
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

    /// Hands this share of the product to `finish(row, first column, products, biases)`, sixteen columns of a row at a
    /// time; the biases are left to it. The inputs are those of the share's depth. A tile is finished while the next is
    /// computed in the other half of `tiles`.
    #[inline(always)]
    pub(crate) fn multiply(
        &self,
        isa: I,
        share: Share,
        inputs: &Inputs<'_, I::Element>,
        tiles: &mut [f32],
        mut finish: impl FnMut(usize, usize, I::Vector, I::Vector),
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
                    |part| self.finish(isa, &last, part, last_tile, &mut finish),
                );
                last = now;
                mem::swap(&mut tile, &mut last_tile);
            }
        }
        self.finish(isa, &last, Part::WHOLE, last_tile, &mut finish);
    }

    /// Hands a part of a computed tile's rows on.
    #[inline(always)]
    fn finish(
        &self,
        isa: I,
        computed: &Computed,
        part: Part,
        tile: &[f32],
        finish: &mut impl FnMut(usize, usize, I::Vector, I::Vector),
    ) {
        let (scales, _) = self.output_scales[computed.column..].as_chunks::<LANES>();
        let (biases, _) = self.bias[computed.column..].as_chunks::<LANES>();
        let zero = isa.splat(0.0);
        for row in part.share(computed.rows) {
            let (sums, _) = tile[row * I::PANEL..][..I::PANEL].as_chunks::<LANES>();
            for (lane, ((sums, scales), biases)) in sums.iter().zip(scales).zip(biases).enumerate() {
                let mut products = zero.load(sums);
                if I::Element::IS_INTEGER {
                    products = products.mul(zero.load(scales));
                }
                let column = computed.column + lane * LANES;
                finish(computed.row + row, column, products, zero.load(biases));
            }
        }
    }
}

/// A computed tile: where in the product its sums belong.
#[derive(Default)]
struct Computed {
    row: usize,
    rows: usize,
    column: usize,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::isa::Isa;
    use crate::cpu::tests::{Checks, on_all};

    const INPUTS: usize = 384;
    const OUTPUTS: usize = 40;

    /// A product of which no sum can be larger, with inputs as long as they can be.
    struct LargestSumsAreRight {
        reach: Reach,
        /// Of the inputs for the weights of an output.
        inputs: fn(&[f32]) -> Vec<f32>,
    }

    impl Checks for LargestSumsAreRight {
        fn check<I: Isa>(&self, isa: I) {
            let weight = |at: usize| ((at * 7919 + 13) % 1009) as f32 / 504.5 - 1.0;
            let affine = Affine {
                inputs: INPUTS,
                weight: (0..INPUTS * OUTPUTS).map(weight).collect(),
                bias: vec![0.0; OUTPUTS],
            };
            let rows: Vec<Vec<f32>> = affine.rows().map(self.inputs).collect();
            let exact = |row: usize, column: usize| {
                let weights = &affine.weight[column * INPUTS..][..INPUTS];
                let products = rows[row].iter().zip(weights);
                products.map(|(one, other)| f64::from(one * other)).sum::<f64>()
            };
            let expected: Vec<Vec<f64>> = (0..OUTPUTS)
                .map(|row| (0..OUTPUTS).map(|column| exact(row, column)).collect())
                .collect();
            let largest = f64::from(affine.reach(self.reach, OUTPUTS).largest);
            let scale = I::Element::input_scale(self.reach);
            let stride = INPUTS.next_multiple_of(I::PANEL);
            let mut elements = vec![I::Element::default(); (OUTPUTS + I::ROWS) * stride];
            for (elements, row) in elements.chunks_exact_mut(stride).zip(&rows) {
                let values = elements.iter_mut().zip(row);
                values.for_each(|(element, value)| *element = I::Element::of(value * scale));
            }
            let linear = Linear::<I>::of(&[affine], OUTPUTS, self.reach);
            let inputs = Inputs {
                values: &elements,
                rows: OUTPUTS,
                stride,
            };
            let mut tiles = vec![0.0; 2 * I::ROWS * I::PANEL];
            let mut found = vec![vec![0.0; linear.columns()]; OUTPUTS];
            isa.vectorize(|| {
                linear.multiply(isa, linear.whole(), &inputs, &mut tiles, |row, column, products, _| {
                    products.store(&mut found[row][column..].as_chunks_mut().0[0]);
                });
            });
            // Of bf16 eight bits count; a sum that overflows is off by far more.
            let tolerance = largest / 256.0;
            for (row, expected) in expected.iter().enumerate() {
                for (column, expected) in expected.iter().enumerate() {
                    let found = f64::from(found[row][column]);
                    assert!(
                        (found - expected).abs() < tolerance,
                        "{}: {row} {column}: {found} {expected}",
                        I::KERNEL
                    );
                }
            }
        }
    }

    #[test]
    fn the_longest_rows_of_a_norm_do_not_overflow() {
        let reach = Reach::normed(INPUTS);
        on_all(LargestSumsAreRight {
            reach,
            inputs: |weights| {
                let (longest, length) = ((INPUTS as f32).sqrt(), Reach::of(weights).longest);
                weights.iter().map(|weight| weight * longest / length).collect()
            },
        });
    }

    #[test]
    fn inputs_that_are_all_as_large_as_they_can_be_do_not_overflow() {
        const LARGEST: f32 = 30.0;
        on_all(LargestSumsAreRight {
            reach: Reach::of(&[LARGEST; INPUTS]),
            inputs: |weights| weights.iter().map(|weight| LARGEST.copysign(*weight)).collect(),
        });
    }
}
