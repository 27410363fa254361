//! Where the time of a forward pass goes, on one thread: parts of it done by themselves over the same texts.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::isa::Isa;
use super::layer::Layer;
use super::linear::{Inputs, Linear, Share};
use super::network::{Bert, Scratch};
use super::team::Member;

/// Rounds of each part; the fastest counts, so that what else the machine does stays out.
const ROUNDS: usize = 5;
/// Multiplications in registers between two looks at the clock.
const EXHAUST_ROUNDS: u64 = 2_000_000;

/// Time and work of one thread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Profile {
    /// Of everything.
    pub(crate) total: Duration,
    /// Of the products with weights.
    pub(crate) products: Duration,
    /// Of the tokens looking at each other.
    pub(crate) attention: Duration,
    /// Of the layer norms.
    pub(crate) norms: Duration,
    /// Floating-point operations of the products.
    pub(crate) operations: u64,
    /// What the processor does in registers alone. **Units**: floating-point operations a second.
    pub(crate) peak: f64,
}

impl<I: Isa> Bert<I> {
    /// Profiles these texts, in groups of the size a thread computes them in.
    pub(crate) fn profile(&self, sequences: &[Vec<u32>]) -> Profile {
        let groups = chunks(sequences, I::CHUNK_TOKENS);
        let mut scratch = Scratch::new(self);
        let mut fastest = |part: fn(&Self, &[Vec<u32>], &mut Scratch<I>)| {
            let mut round = || {
                let start = Instant::now();
                groups.iter().for_each(|texts| part(self, texts, &mut scratch));
                start.elapsed()
            };
            (0..ROUNDS).map(|_| round()).min().unwrap_or_default()
        };
        let total = fastest(Self::whole);
        let (products, attention, norms) = (fastest(Self::products), fastest(Self::attention), fastest(Self::norms));
        let tokens = count(sequences);
        Profile {
            total,
            products,
            attention,
            norms,
            operations: self.operations() * tokens as u64,
            peak: self.peak(),
        }
    }

    fn whole(&self, texts: &[Vec<u32>], _: &mut Scratch<I>) {
        black_box(self.forward_chunk(texts, &Member::ALONE));
    }

    fn products(&self, texts: &[Vec<u32>], scratch: &mut Scratch<I>) {
        let rows = count(texts);
        scratch.reserve(self, rows);
        let Scratch {
            inputs,
            context,
            intermediate,
            tiles,
            ..
        } = scratch;
        self.isa.vectorize(
            #[inline(always)]
            || {
                for layer in &self.layers {
                    self.product(
                        &layer.projections,
                        &self.inputs(inputs, rows),
                        layer.projections.whole(),
                        tiles,
                    );
                    self.product(
                        &layer.attention_output,
                        &self.inputs(context, rows),
                        layer.attention_output.whole(),
                        tiles,
                    );
                    for (inwards, outwards) in layer.stripes(0..layer.intermediate.panels()) {
                        let stride = inwards.panels.len() * I::PANEL;
                        let inner = Inputs {
                            values: intermediate,
                            rows,
                            stride,
                        };
                        self.product(&layer.intermediate, &self.inputs(inputs, rows), inwards, tiles);
                        self.product(&layer.output, &inner, outwards, tiles);
                    }
                }
            },
        );
    }

    #[inline(always)]
    fn product(&self, linear: &Linear<I>, inputs: &Inputs<'_, I::Element>, share: Share, tiles: &mut [f32]) {
        linear.multiply(
            self.isa,
            share,
            inputs,
            tiles,
            #[inline(always)]
            |_, _, _, _| (),
        );
    }

    fn attention(&self, texts: &[Vec<u32>], scratch: &mut Scratch<I>) {
        scratch.reserve(self, count(texts));
        self.isa.vectorize(
            #[inline(always)]
            || {
                for layer in &self.layers {
                    self.self_attention(layer, 0..self.heads.count, texts, scratch);
                }
            },
        );
    }

    fn norms(&self, texts: &[Vec<u32>], scratch: &mut Scratch<I>) {
        let tokens = count(texts);
        scratch.reserve(self, tokens);
        self.isa.vectorize(
            #[inline(always)]
            || {
                for layer in &self.layers {
                    self.normalise(&layer.attention_output_norm, tokens, scratch);
                    self.normalise(&layer.output_norm, tokens, scratch);
                }
            },
        );
    }

    /// **Units**: floating-point operations a token of the products with weights.
    fn operations(&self) -> u64 {
        let of_layer = |layer: &Layer<I>| {
            [
                &layer.projections,
                &layer.attention_output,
                &layer.intermediate,
                &layer.output,
            ]
            .map(Linear::weights)
        };
        2 * self.layers.iter().flat_map(of_layer).sum::<usize>() as u64
    }

    fn peak(&self) -> f64 {
        let round = || {
            let start = Instant::now();
            let operations = self.isa.vectorize(
                #[inline(always)]
                || self.isa.exhaust(EXHAUST_ROUNDS),
            );
            operations as f64 / start.elapsed().as_secs_f64()
        };
        (0..ROUNDS).map(|_| round()).fold(0.0, f64::max)
    }
}

fn count(texts: &[Vec<u32>]) -> usize {
    texts.iter().map(Vec::len).sum()
}

/// Sequences in groups of about so many tokens, at least one a group.
fn chunks(sequences: &[Vec<u32>], tokens: usize) -> Vec<&[Vec<u32>]> {
    let mut chunks = Vec::new();
    let (mut rest, mut taken, mut size) = (sequences, 0, 0);
    while let Some(next) = rest.get(taken) {
        if taken > 0 && size + next.len() > tokens {
            let (chunk, others) = rest.split_at(taken);
            chunks.push(chunk);
            (rest, taken, size) = (others, 0, 0);
        }
        size += next.len();
        taken += 1;
    }
    if !rest.is_empty() {
        chunks.push(rest);
    }
    chunks
}
