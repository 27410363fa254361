//! BERT over packed tokens: no padding, each thread computes its own texts from end to end.
//!
//! **Source**: `modeling_bert.py` of Hugging Face transformers, in inference; tanh and pooler heads are not computed.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use candle_transformers::models::bert;
use manifest::Pooling;
use rayon::BroadcastContext;

use super::attention::{Attention, Heads};
use super::buffer::Buffer;
use super::isa::{Isa, Rows, Vector};
use super::lanes::{Norm, gelu, scaled};
use super::layer::{Layer, STRIPE_COLUMNS};
use super::linear::{Inputs, Linear, Outputs, Share};
use super::team::{Member, Team};
use crate::error::EncoderError;
use crate::packing::Packing;
use crate::pooling::pool;
use crate::weights::Weights;

/// A loaded network.
pub(crate) struct Bert<I: Isa> {
    pub(super) isa: I,
    hidden: usize,
    pooling: Pooling,
    embeddings: Embeddings,
    pub(super) layers: Vec<Layer<I>>,
    pub(super) heads: Heads,
    scratches: Mutex<Vec<Scratch<I>>>,
}

struct Embeddings {
    words: Vec<f32>,
    /// Positions, with the one token type there is added.
    positions: Vec<f32>,
    norm: Norm,
}

/// What one thread computes in. Rows are as long as the product that makes them, filled up.
pub(super) struct Scratch<I: Isa> {
    /// The residual stream. **Shape**: `[tokens, width]`.
    states: Buffer<f32>,
    /// The same as factors.
    pub(super) inputs: Buffer<I::Element>,
    projections: Buffer<<I::Attention as Isa>::Element>,
    pub(super) context: Buffer<I::Element>,
    /// A stripe of the intermediate columns.
    pub(super) intermediate: Buffer<I::Element>,
    pub(super) tiles: Buffer<f32>,
    attention: Attention<I::Attention>,
}

impl<I: Isa> Bert<I> {
    /// The network of checked weights.
    ///
    /// **Errors**: weights that are not finite.
    pub(crate) fn load(
        isa: I,
        config: &bert::Config,
        pooling: Pooling,
        weights: &Weights,
    ) -> Result<Self, EncoderError> {
        let heads = Heads {
            count: config.num_attention_heads,
            size: config.hidden_size / config.num_attention_heads,
        };
        let embeddings = Embeddings::load(config, weights)?;
        let mut layers: Vec<Layer<I>> = Vec::new();
        for layer in 0..config.num_hidden_layers {
            let before = layers.last().map_or(&embeddings.norm, |layer| &layer.output_norm);
            let layer = Layer::load(&format!("encoder.layer.{layer}"), config, &heads, before, weights)?;
            layers.push(layer);
        }
        Ok(Self {
            isa,
            hidden: config.hidden_size,
            pooling,
            embeddings,
            layers,
            heads,
            scratches: Mutex::default(),
        })
    }

    /// Which texts it computes together. **Units**: `batch_tokens` in tokens.
    pub(crate) fn packing(&self, batch_tokens: usize) -> Packing {
        Packing::Packed {
            budget: I::CHUNK_TOKENS.min(batch_tokens),
        }
    }

    /// The pooled vectors of token sequences, not normalised, computed by the calling thread.
    ///
    /// **Shape**: `[texts][tokens]` u32, ragged → `[texts][hidden]` f32.
    pub(crate) fn forward(&self, sequences: &[Vec<u32>]) -> Vec<Vec<f32>> {
        self.forward_chunk(sequences, &Member::ALONE)
    }

    /// As [`Bert::forward`], by all threads of the pool this is called in: for one text that somebody waits for.
    pub(crate) fn forward_together(&self, sequences: &[Vec<u32>]) -> Vec<Vec<f32>> {
        let team = Team::of(rayon::current_num_threads().min(self.most_members()));
        let forward = |thread: BroadcastContext<'_>| {
            let member = team.member(thread.index())?;
            Some(self.forward_chunk(sequences, &member))
        };
        // Everyone has the same vectors.
        rayon::broadcast(forward)
            .into_iter()
            .flatten()
            .next()
            .unwrap_or_default()
    }

    /// As [`Bert::forward`], with the others of the thread's team if it has one.
    pub(super) fn forward_chunk(&self, sequences: &[Vec<u32>], member: &Member<'_>) -> Vec<Vec<f32>> {
        let mut scratch = self.take_scratch();
        let tokens = sequences.iter().map(Vec::len).sum();
        scratch.reserve(self, tokens);
        self.isa.vectorize(
            #[inline(always)]
            || self.compute(sequences, tokens, &mut scratch, member),
        );
        let vectors = self.pooled(sequences, &scratch.states);
        self.scratches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(scratch);
        vectors
    }

    /// Shares there are of a layer: no member may be without one.
    fn most_members(&self) -> usize {
        let shares = |layer: &Layer<I>| {
            layer
                .intermediate
                .panels()
                .min(self.heads.count.div_ceil(self.heads.unit::<I>()))
        };
        self.layers.first().map_or(1, shares)
    }

    fn take_scratch(&self) -> Scratch<I> {
        let free = self.scratches.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(|| Scratch::new(self))
    }

    fn pooled(&self, sequences: &[Vec<u32>], states: &[f32]) -> Vec<Vec<f32>> {
        let mut rows = states.chunks_exact(self.width()).map(|row| &row[..self.hidden]);
        let mut vector = |tokens: usize| {
            let own: Vec<f32> = rows.by_ref().take(tokens).flatten().copied().collect();
            pool(&own, self.hidden, self.pooling)
        };
        sequences.iter().map(|ids| vector(ids.len())).collect()
    }

    #[inline(always)]
    fn compute(&self, sequences: &[Vec<u32>], tokens: usize, scratch: &mut Scratch<I>, member: &Member<'_>) {
        self.embed(sequences, scratch);
        for layer in &self.layers {
            self.attend(layer, sequences, tokens, scratch, member);
            self.feed_forward(layer, tokens, scratch, member);
        }
    }

    #[inline(always)]
    fn embed(&self, sequences: &[Vec<u32>], scratch: &mut Scratch<I>) {
        let (hidden, width) = (self.hidden, self.width());
        let tokens = sequences.iter().flat_map(|ids| ids.iter().enumerate());
        let states = scratch.states.chunks_exact_mut(width);
        let inputs = scratch.inputs.chunks_exact_mut(width);
        for (((position, &id), state), input) in tokens.zip(states).zip(inputs) {
            let word = &self.embeddings.words[id as usize * hidden..][..hidden];
            let place = &self.embeddings.positions[position * hidden..][..hidden];
            let (sum, rest) = state.split_at_mut(hidden);
            for ((state, word), place) in sum.iter_mut().zip(word).zip(place) {
                *state = word + place;
            }
            rest.fill(0.0);
            self.embeddings.norm.apply(self.isa, state, input);
        }
    }

    /// The half of a layer in which tokens look at each other.
    #[inline(always)]
    fn attend(
        &self,
        layer: &Layer<I>,
        sequences: &[Vec<u32>],
        tokens: usize,
        scratch: &mut Scratch<I>,
        member: &Member<'_>,
    ) {
        let heads = member.share(self.heads.count, self.heads.unit::<I>());
        let panels = self.heads.width::<I>() / I::PANEL;
        let Scratch {
            inputs,
            projections,
            tiles,
            ..
        } = scratch;
        let panels = heads.start * panels..heads.end * panels;
        let out = Outputs {
            isa: self.isa.attention(),
            values: &mut projections[panels.start * I::PANEL..],
            stride: layer.projections.columns(),
        };
        let share = Share {
            panels,
            ..layer.projections.whole()
        };
        self.multiply(
            &layer.projections,
            share,
            &self.inputs(inputs, tokens),
            out,
            tiles,
            #[inline(always)]
            |sum| sum,
        );
        self.self_attention(layer, heads.clone(), sequences, scratch);
        let Scratch {
            states, context, tiles, ..
        } = scratch;
        let depth = heads.start * self.heads.size..heads.end * self.heads.size;
        let context = &self.inputs(&context[depth.start..], tokens);
        self.add_product(&layer.attention_output, depth, context, states, tiles, Base::of(member));
        member.add_up(&mut states[..tokens * self.width()]);
        self.normalise(&layer.attention_output_norm, tokens, scratch);
    }

    /// The tokens of each text look at each other, by some of the heads.
    #[inline(always)]
    pub(super) fn self_attention(
        &self,
        layer: &Layer<I>,
        heads: Range<usize>,
        sequences: &[Vec<u32>],
        scratch: &mut Scratch<I>,
    ) {
        let width = layer.projections.columns();
        let mut first = 0;
        for ids in sequences {
            let projections = Rows {
                values: &scratch.projections[first * width..],
                stride: width,
                count: ids.len(),
            };
            let context = &mut scratch.context[first * self.width()..];
            scratch.attention.compute(
                self.isa,
                &self.heads,
                heads.clone(),
                &projections,
                context,
                self.width(),
            );
            first += ids.len();
        }
    }

    /// The half of a layer in which each token is by itself.
    #[inline(always)]
    fn feed_forward(&self, layer: &Layer<I>, tokens: usize, scratch: &mut Scratch<I>, member: &Member<'_>) {
        let panels = member.share(layer.intermediate.panels(), 1);
        let Scratch {
            states,
            inputs,
            intermediate,
            tiles,
            ..
        } = scratch;
        let mut base = Base::of(member);
        for (inwards, outwards) in layer.stripes(panels) {
            let stride = inwards.panels.len() * I::PANEL;
            let out = Outputs {
                isa: self.isa,
                values: intermediate,
                stride,
            };
            self.multiply(
                &layer.intermediate,
                inwards,
                &self.inputs(inputs, tokens),
                out,
                tiles,
                #[inline(always)]
                |sum| scaled::<I>(gelu(sum), layer.intermediate_scale),
            );
            let inputs = Inputs {
                values: intermediate,
                rows: tokens,
                stride,
            };
            self.add_product(&layer.output, outwards.depth, &inputs, states, tiles, base);
            base = Base::SUM;
        }
        member.add_up(&mut states[..tokens * self.width()]);
        self.normalise(&layer.output_norm, tokens, scratch);
    }

    /// A function of a share of the product, as factors of the next; they start with the share's first column.
    #[inline(always)]
    fn multiply<Next: Isa<Vector = I::Vector>>(
        &self,
        linear: &Linear<I>,
        share: Share,
        inputs: &Inputs<'_, I::Element>,
        out: Outputs<'_, Next>,
        tiles: &mut [f32],
        function: impl Fn(I::Vector) -> I::Vector,
    ) {
        let first = share.panels.start * I::PANEL;
        linear.multiply(
            self.isa,
            share,
            inputs,
            tiles,
            #[inline(always)]
            |row, column, products, biases| {
                let values = function(products.add(biases));
                out.isa
                    .store(values, &mut out.values[row * out.stride + column - first..]);
            },
        );
    }

    /// Adds what is computed of the depth of a product to the residual stream.
    #[inline(always)]
    fn add_product(
        &self,
        linear: &Linear<I>,
        depth: Range<usize>,
        inputs: &Inputs<'_, I::Element>,
        states: &mut [f32],
        tiles: &mut [f32],
        base: Base,
    ) {
        let width = self.width();
        let (of_states, of_biases) = (self.isa.splat(base.states), self.isa.splat(base.biases));
        let share = Share {
            depth: depth.start..depth.end.next_multiple_of(I::STEP).min(linear.depth()),
            ..linear.whole()
        };
        linear.multiply(
            self.isa,
            share,
            inputs,
            tiles,
            #[inline(always)]
            |row, column, products, biases| {
                let state = &mut states[row * width + column..].as_chunks_mut().0[0];
                let sums = biases.mul_add(of_biases, products);
                sums.load(state).mul_add(of_states, sums).store(state);
            },
        );
    }

    #[inline(always)]
    pub(super) fn normalise(&self, norm: &Norm, tokens: usize, scratch: &mut Scratch<I>) {
        let states = scratch.states.chunks_exact_mut(self.width());
        let inputs = scratch.inputs.chunks_exact_mut(self.width());
        for (state, input) in states.zip(inputs).take(tokens) {
            norm.apply(self.isa, state, input);
        }
    }

    /// Factors of every token as the left side of a product.
    pub(super) fn inputs<'a>(&self, values: &'a [I::Element], rows: usize) -> Inputs<'a, I::Element> {
        let stride = self.width();
        Inputs { values, rows, stride }
    }

    /// Length of a row of factors.
    pub(super) fn width(&self) -> usize {
        self.hidden.next_multiple_of(I::PANEL)
    }
}

/// What a product is added to: how often what there is of the residual stream, and how often the biases.
#[derive(Clone, Copy)]
struct Base {
    states: f32,
    biases: f32,
}

impl Base {
    /// What a member of a team has added already.
    const SUM: Self = Self {
        states: 1.0,
        biases: 0.0,
    };

    /// Of the members' sums, one has the residual stream and the biases in it.
    fn of(member: &Member<'_>) -> Self {
        let once = f32::from(u8::from(member.is_first()));
        Self {
            states: once,
            biases: once,
        }
    }
}

impl Embeddings {
    fn load(config: &bert::Config, weights: &Weights) -> Result<Self, EncoderError> {
        let mut positions = weights.read("embeddings.position_embeddings.weight")?;
        let types = weights.read("embeddings.token_type_embeddings.weight")?;
        for position in positions.chunks_exact_mut(config.hidden_size) {
            position
                .iter_mut()
                .zip(&types)
                .for_each(|(value, of_type)| *value += of_type);
        }
        Ok(Self {
            words: weights.read("embeddings.word_embeddings.weight")?,
            positions,
            norm: Norm::load("embeddings.LayerNorm", config.layer_norm_eps, weights)?,
        })
    }
}

impl<I: Isa> Scratch<I> {
    pub(super) fn new(bert: &Bert<I>) -> Self {
        Self {
            states: Buffer::new(0),
            inputs: Buffer::new(0),
            projections: Buffer::new(0),
            context: Buffer::new(0),
            intermediate: Buffer::new(0),
            tiles: Buffer::new(2 * I::ROWS * I::PANEL),
            attention: Attention::new(&bert.heads),
        }
    }

    /// Room for so many tokens, and for the rows and steps beyond them that a tile reads and nobody uses.
    pub(super) fn reserve(&mut self, bert: &Bert<I>, tokens: usize) {
        let rows = tokens + I::ROWS;
        let Some(layer) = bert.layers.first() else { return };
        self.states.reserve(tokens * bert.width());
        self.inputs.reserve(rows * bert.width());
        self.projections.reserve(rows * layer.projections.columns() + I::STEP);
        self.context.reserve(rows * bert.width());
        self.intermediate
            .reserve(rows * layer.intermediate.columns().min(STRIPE_COLUMNS));
    }
}
