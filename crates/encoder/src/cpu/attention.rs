//! Which tokens of a text look at which.

use std::ops::Range;

use super::buffer::Buffer;

use super::isa::{Isa, Panel, Rows, Tile, Vector};
use super::lanes::{LANES, Lanes, softmax};
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
pub(crate) struct Attention<A: Isa> {
    keys: Packed<A>,
    values: Packed<A>,
    scores: Buffer<f32>,
    weights: Buffer<A::Element>,
    /// 1 over the sum of each row's weights.
    scales: [f32; MOST_ROWS],
    mixed: Buffer<f32>,
}

impl<A: Isa> Attention<A> {
    pub(crate) fn new(heads: &Heads) -> Self {
        Self {
            keys: Packed::room(heads.size, 0),
            values: Packed::room(0, heads.size),
            scores: Buffer::new(0),
            weights: Buffer::new(0),
            scales: [0.0; MOST_ROWS],
            mixed: Buffer::new(A::ROWS * heads.size.next_multiple_of(A::PANEL)),
        }
    }

    /// What every token of one text takes from the others, by some of the heads.
    ///
    /// **Shape**: projections `[tokens][heads][width]`, query, key and value of a head side by side → context
    /// `[tokens, hidden]`, its rows `stride` apart, as factors of what is computed by `to`.
    #[inline(always)]
    pub(crate) fn compute<I: Isa<Attention = A, Vector = A::Vector>>(
        &mut self,
        to: I,
        heads: &Heads,
        share: Range<usize>,
        projections: &Rows<'_, A::Element>,
        context: &mut [I::Element],
        stride: usize,
    ) {
        const { assert!(I::PANEL == A::PANEL, "projections lie as both see them") };
        let isa = to.attention();
        let tokens = projections.count;
        self.reserve(heads, tokens);
        let height = A::height(tokens);
        let mask = mask_after(tokens + LANES - tokens.next_multiple_of(LANES));
        for head in share {
            let at = head * heads.width::<A>();
            self.pack(isa, heads, at, projections);
            for first in (0..tokens).step_by(height) {
                let count = height.min(tokens - first);
                let queries = Rows {
                    values: &projections.values[first * projections.stride + at..],
                    stride: projections.stride,
                    count,
                };
                self.score(isa, queries);
                self.weigh(isa, tokens, count, &mask);
                self.mix(isa, count);
                let context = &mut context[first * stride + head * heads.size..];
                self.write(to, heads, count, context, stride);
            }
        }
    }

    fn reserve(&mut self, heads: &Heads, tokens: usize) {
        self.keys.reshape(heads.size, tokens);
        self.values.reshape(tokens, heads.size);
        self.scores.reserve(A::ROWS * self.keys.columns());
        self.weights.reserve(A::ROWS * self.weights_stride());
    }

    fn weights_stride(&self) -> usize {
        self.values.depth().next_multiple_of(LANES)
    }

    /// Lays the keys and values of a head out for the kernel.
    #[inline(always)]
    fn pack(&mut self, isa: A, heads: &Heads, at: usize, projections: &Rows<'_, A::Element>) {
        let row = |part: usize, token: usize| {
            let start = token * projections.stride + at + part * heads.size;
            &projections.values[start..start + heads.size]
        };
        self.keys.fill_columns(isa, projections.count, |token| row(1, token));
        self.values.fill_rows(isa, projections.count, |token| row(2, token));
    }

    /// **Shape**: `[queries, size]` → scores `[queries, keys]`.
    #[inline(always)]
    fn score(&mut self, isa: A, queries: Rows<'_, A::Element>) {
        let stride = self.keys.columns();
        for (index, panel) in self.keys.panels().enumerate() {
            let queries = Rows { ..queries };
            let out = Tile {
                values: &mut self.scores[index * A::PANEL..],
                stride,
            };
            isa.tile(queries, Panel::only(panel), self.keys.depth(), out, |_| ());
        }
    }

    /// Weights: softmax of the scores.
    #[inline(always)]
    fn weigh(&mut self, isa: A, tokens: usize, rows: usize, mask: &Lanes) {
        let (lanes, stride) = (tokens.next_multiple_of(LANES), self.weights_stride());
        let scores = self.scores.chunks_exact_mut(self.keys.columns());
        let rows_of = scores.zip(self.weights.chunks_exact_mut(stride));
        for ((scores, weights), scale) in rows_of.zip(&mut self.scales).take(rows) {
            let (weights, rest) = weights.split_at_mut(lanes);
            *scale = softmax(isa, scores[..lanes].as_chunks_mut().0, mask, weights);
            rest.fill(A::Element::default());
        }
    }

    /// The values mixed by the weights.
    #[inline(always)]
    fn mix(&mut self, isa: A, rows: usize) {
        let (weights_stride, stride) = (self.weights_stride(), self.values.columns());
        for (index, panel) in self.values.panels().enumerate() {
            let weights = Rows {
                values: &self.weights,
                stride: weights_stride,
                count: rows,
            };
            let out = Tile {
                values: &mut self.mixed[index * A::PANEL..],
                stride,
            };
            isa.tile(weights, Panel::only(panel), self.values.depth(), out, |_| ());
        }
    }

    /// What was mixed, scaled.
    #[inline(always)]
    fn write<I: Isa<Vector = A::Vector>>(
        &self,
        to: I,
        heads: &Heads,
        rows: usize,
        context: &mut [I::Element],
        stride: usize,
    ) {
        let mixed = self.mixed.chunks_exact(self.values.columns());
        for (row, (mixed, scale)) in mixed.zip(&self.scales).take(rows).enumerate() {
            let scales = to.splat(*scale);
            let out = &mut context[row * stride..][..heads.size];
            for (mixed, out) in mixed.as_chunks().0.iter().zip(out.chunks_mut(LANES)) {
                let mixed = scales.load(mixed).mul(scales);
                if out.len() == LANES {
                    to.store(mixed, out);
                } else {
                    let mut lanes = [I::Element::default(); LANES];
                    to.store(mixed, &mut lanes);
                    out.copy_from_slice(&lanes[..out.len()]);
                }
            }
        }
    }
}

/// Added to the last sixteen scores of a row, it leaves so many of them and makes the others none.
fn mask_after(count: usize) -> Lanes {
    let mut mask = [0.0; LANES];
    mask[count..].fill(f32::NEG_INFINITY);
    mask
}
