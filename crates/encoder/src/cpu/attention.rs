//! Which tokens of a text look at which.

use std::ops::Range;

use super::buffer::Buffer;
use super::element::Element;
use super::isa::{Isa, Rows, Tile};
use super::lanes::softmax;
use super::packed::Packed;

/// Rows of the tallest tile.
const MOST_ROWS: usize = 32;

/// The heads of a layer.
#[derive(Clone, Copy)]
pub(crate) struct Heads {
    pub(crate) count: usize,
    /// Values of a query, key or value of one head.
    pub(crate) size: usize,
}

impl Heads {
    /// What queries are scaled by: 1/√size, and log₂ e, so that a softmax is over powers of two.
    pub(crate) fn score_scale(&self) -> f32 {
        std::f32::consts::LOG2_E / (self.size as f32).sqrt()
    }

    /// Columns of the query, the key and the value of one head, filled up to whole panels.
    pub(crate) fn width<I: Isa>(&self) -> usize {
        (3 * self.size).next_multiple_of(I::PANEL)
    }

    /// Fewest heads whose values together are whole steps of a product's depth.
    pub(crate) fn unit<I: Isa>(&self) -> usize {
        (1..I::STEP)
            .find(|heads| (heads * self.size).is_multiple_of(I::STEP))
            .unwrap_or(I::STEP)
    }
}

/// What one thread attends in.
pub(crate) struct Attention<I: Isa> {
    keys: Packed<I>,
    values: Packed<I>,
    scores: Buffer<f32>,
    weights: Buffer<I::Element>,
    tile: Buffer<f32>,
}

impl<I: Isa> Attention<I> {
    pub(crate) fn new(heads: &Heads) -> Self {
        Self {
            keys: Packed::room(heads.size, 0),
            values: Packed::room(0, heads.size),
            scores: Buffer::new(0),
            weights: Buffer::new(0),
            tile: Buffer::new(I::ROWS * I::PANEL),
        }
    }

    /// What every token of one text takes from the others, by some of the heads.
    ///
    /// **Shape**: projections `[tokens][heads][width]`, query, key and value of a head side by side → context
    /// `[tokens, hidden]`, its rows `stride` apart.
    #[inline(always)]
    pub(crate) fn compute(
        &mut self,
        isa: I,
        heads: &Heads,
        share: Range<usize>,
        projections: &Rows<'_, I::Element>,
        context: &mut [I::Element],
        stride: usize,
    ) {
        self.reserve(heads, projections.count);
        let height = I::height(projections.count);
        for head in share {
            let at = head * heads.width::<I>();
            self.pack(heads, at, projections);
            for first in (0..projections.count).step_by(height) {
                let count = height.min(projections.count - first);
                let queries = Rows {
                    values: &projections.values[first * projections.stride + at..],
                    stride: projections.stride,
                    count,
                };
                self.score(isa, &queries);
                self.mix(
                    isa,
                    heads,
                    projections.count,
                    count,
                    &mut context[first * stride + head * heads.size..],
                    stride,
                );
            }
        }
    }

    fn reserve(&mut self, heads: &Heads, tokens: usize) {
        self.keys.reshape(heads.size, tokens);
        self.values.reshape(tokens, heads.size);
        self.scores.reserve(I::ROWS * self.keys.columns());
        self.weights.reserve(I::ROWS * self.values.depth());
    }

    /// Lays the keys and values of a head out for the kernel.
    #[inline(always)]
    fn pack(&mut self, heads: &Heads, at: usize, projections: &Rows<'_, I::Element>) {
        let row = |part: usize, token: usize| {
            let start = token * projections.stride + at + part * heads.size;
            &projections.values[start..start + heads.size]
        };
        self.keys.fill_columns(projections.count, |token| row(1, token));
        self.values.fill_rows(projections.count, |token| row(2, token));
    }

    /// **Shape**: `[queries, size]` → scores `[queries, keys]`.
    #[inline(always)]
    fn score(&mut self, isa: I, queries: &Rows<'_, I::Element>) {
        let stride = self.keys.columns();
        for (index, panel) in self.keys.panels().enumerate() {
            let queries = Rows { ..*queries };
            let out = Tile {
                values: &mut self.scores[index * I::PANEL..],
                stride,
            };
            isa.tile(queries, panel, self.keys.depth(), out);
        }
    }

    /// Softmax of the scores, and the values mixed by it.
    #[inline(always)]
    fn mix(&mut self, isa: I, heads: &Heads, tokens: usize, rows: usize, context: &mut [I::Element], stride: usize) {
        let (depth, scores) = (self.values.depth(), self.keys.columns());
        let mut scales = [0.0_f32; MOST_ROWS];
        let rows_of = self
            .scores
            .chunks_exact_mut(scores)
            .zip(self.weights.chunks_exact_mut(depth));
        for ((scores, weights), scale) in rows_of.zip(&mut scales).take(rows) {
            let (weights, rest) = weights.split_at_mut(tokens);
            *scale = softmax(&mut scores[..tokens], weights);
            rest.fill(I::Element::default());
        }
        for (index, panel) in self.values.panels().enumerate() {
            let weights = Rows {
                values: &self.weights,
                stride: depth,
                count: rows,
            };
            let out = Tile {
                values: &mut self.tile,
                stride: I::PANEL,
            };
            isa.tile(weights, panel, depth, out);
            let column = index * I::PANEL;
            let columns = I::PANEL.min(heads.size - column);
            for (row, (sums, scale)) in self.tile.chunks_exact(I::PANEL).zip(&scales).take(rows).enumerate() {
                let out = &mut context[row * stride + column..][..columns];
                for (out, sum) in out.iter_mut().zip(sums) {
                    *out = I::Element::of(sum * scale);
                }
            }
        }
    }
}
