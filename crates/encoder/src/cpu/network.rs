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
use super::isa::{Isa, Rows};
use super::lanes::{Norm, gelu};
use super::linear::{Inputs, Linear, Share, store};
use super::team::{Member, Team};
use crate::error::EncoderError;
use crate::pooling::pool;
use crate::weights::Weights;

/// Tokens a thread computes together: enough that weights are used often, few enough that what is between two products
/// stays in the second level cache.
pub(crate) const CHUNK_TOKENS: usize = 128;

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

pub(super) struct Layer<I: Isa> {
    /// Query, key and value of a head side by side, head by head; queries are scaled for scores that are powers of two.
    pub(super) projections: Linear<I>,
    pub(super) attended: Linear<I>,
    pub(super) attended_norm: Norm,
    pub(super) expanded: Linear<I>,
    pub(super) contracted: Linear<I>,
    pub(super) norm: Norm,
}

/// What one thread computes in. Rows are as long as the product that makes them, filled up.
pub(super) struct Scratch<I: Isa> {
    /// The residual stream. **Shape**: `[tokens, hidden]`.
    states: Buffer<f32>,
    /// The same as factors.
    pub(super) inputs: Buffer<I::Element>,
    projections: Buffer<I::Element>,
    pub(super) context: Buffer<I::Element>,
    pub(super) expanded: Buffer<I::Element>,
    pub(super) tile: Buffer<f32>,
    attention: Attention<I>,
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
        Ok(Self {
            isa,
            hidden: config.hidden_size,
            pooling,
            embeddings: Embeddings::load(config, weights)?,
            layers: (0..config.num_hidden_layers)
                .map(|layer| Layer::load(&format!("encoder.layer.{layer}"), config, &heads, weights))
                .collect::<Result<_, EncoderError>>()?,
            heads,
            scratches: Mutex::default(),
        })
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
                .expanded
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
        let mut rows = states.chunks_exact(self.hidden);
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
            self.think(layer, tokens, scratch, member);
        }
    }

    #[inline(always)]
    fn embed(&self, sequences: &[Vec<u32>], scratch: &mut Scratch<I>) {
        let (hidden, width) = (self.hidden, self.width());
        let tokens = sequences.iter().flat_map(|ids| ids.iter().enumerate());
        let states = scratch.states.chunks_exact_mut(hidden);
        let inputs = scratch.inputs.chunks_exact_mut(width);
        for (((position, &id), state), input) in tokens.zip(states).zip(inputs) {
            let word = &self.embeddings.words[id as usize * hidden..][..hidden];
            let place = &self.embeddings.positions[position * hidden..][..hidden];
            for ((state, word), place) in state.iter_mut().zip(word).zip(place) {
                *state = word + place;
            }
            self.embeddings.norm.apply(state, &mut input[..hidden]);
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
            tile,
            ..
        } = scratch;
        self.multiply(
            &layer.projections,
            heads.start * panels..heads.end * panels,
            &self.inputs(inputs, tokens),
            projections,
            tile,
            |sum| sum,
        );
        self.look_around(layer, heads.clone(), sequences, scratch);
        let Scratch {
            states, context, tile, ..
        } = scratch;
        let depth = heads.start * self.heads.size..heads.end * self.heads.size;
        self.add_product(
            &layer.attended,
            depth,
            &self.inputs(context, tokens),
            states,
            tile,
            member,
        );
        self.normalise(&layer.attended_norm, tokens, scratch);
    }

    /// The tokens of each text look at each other, by some of the heads.
    #[inline(always)]
    pub(super) fn look_around(
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
    fn think(&self, layer: &Layer<I>, tokens: usize, scratch: &mut Scratch<I>, member: &Member<'_>) {
        let panels = member.share(layer.expanded.panels(), 1);
        let Scratch {
            states,
            inputs,
            expanded,
            tile,
            ..
        } = scratch;
        self.multiply(
            &layer.expanded,
            panels.clone(),
            &self.inputs(inputs, tokens),
            expanded,
            tile,
            gelu,
        );
        let depth = panels.start * I::PANEL..panels.end * I::PANEL;
        let inputs = Inputs {
            values: expanded,
            rows: tokens,
            stride: layer.expanded.columns(),
        };
        self.add_product(&layer.contracted, depth, &inputs, states, tile, member);
        self.normalise(&layer.norm, tokens, scratch);
    }

    /// A function of some panels of the product, as factors of the next.
    #[inline(always)]
    fn multiply(
        &self,
        linear: &Linear<I>,
        panels: Range<usize>,
        inputs: &Inputs<'_, I::Element>,
        out: &mut [I::Element],
        tile: &mut [f32],
        function: impl Fn(f32) -> f32,
    ) {
        let columns = linear.columns();
        linear.multiply(
            self.isa,
            Share {
                panels,
                ..linear.whole()
            },
            inputs,
            tile,
            #[inline(always)]
            |row, column, sums, biases| store(sums, biases, &mut out[row * columns + column..], &function),
        );
    }

    /// Adds the product to the residual stream, of which each member of a team has computed some of the depth.
    #[inline(always)]
    fn add_product(
        &self,
        linear: &Linear<I>,
        depth: Range<usize>,
        inputs: &Inputs<'_, I::Element>,
        states: &mut [f32],
        tile: &mut [f32],
        member: &Member<'_>,
    ) {
        let hidden = self.hidden;
        let states = &mut states[..inputs.rows * hidden];
        let share = Share {
            depth: depth.start..depth.end.next_multiple_of(I::STEP).min(linear.depth()),
            ..linear.whole()
        };
        // The residual and the biases are in the sum once.
        let first = f32::from(u8::from(member.is_first()));
        linear.multiply(
            self.isa,
            share,
            inputs,
            tile,
            #[inline(always)]
            |row, column, sums, biases| {
                // A state has no room for the columns a panel is filled up with.
                let state = &mut states[row * hidden..][column..hidden];
                for ((state, sum), bias) in state.iter_mut().zip(sums).zip(biases) {
                    *state = first.mul_add(*state + bias, *sum);
                }
            },
        );
        member.add_up(states);
    }

    #[inline(always)]
    pub(super) fn normalise(&self, norm: &Norm, tokens: usize, scratch: &mut Scratch<I>) {
        let states = scratch.states.chunks_exact_mut(self.hidden);
        let inputs = scratch.inputs.chunks_exact_mut(self.width());
        for (state, input) in states.zip(inputs).take(tokens) {
            norm.apply(state, &mut input[..self.hidden]);
        }
    }

    /// Factors of every token as the left side of a product.
    fn inputs<'a>(&self, values: &'a [I::Element], rows: usize) -> Inputs<'a, I::Element> {
        let stride = self.width();
        Inputs { values, rows, stride }
    }

    /// Length of a row of factors.
    pub(super) fn width(&self) -> usize {
        self.hidden.next_multiple_of(I::PANEL)
    }
}

impl<I: Isa> Layer<I> {
    fn load(at: &str, config: &bert::Config, heads: &Heads, weights: &Weights) -> Result<Self, EncoderError> {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let part = |name: &str| format!("{at}.{name}");
        let (query, key, value) = (
            part("attention.self.query"),
            part("attention.self.key"),
            part("attention.self.value"),
        );
        let projections = [(query.as_str(), heads.score_scale()), (&key, 1.0), (&value, 1.0)];
        let linear = |name: &str, (inputs, outputs): (usize, usize)| {
            Linear::load((inputs, outputs), &[(&part(name), 1.0)], outputs, weights)
        };
        let norm = |name: &str| Norm::load(&part(name), config.layer_norm_eps, weights);
        Ok(Self {
            projections: Linear::load((hidden, hidden), &projections, heads.size, weights)?,
            attended: linear("attention.output.dense", (hidden, hidden))?,
            attended_norm: norm("attention.output.LayerNorm")?,
            expanded: linear("intermediate.dense", (hidden, inner))?,
            contracted: linear("output.dense", (inner, hidden))?,
            norm: norm("output.LayerNorm")?,
        })
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

impl Norm {
    fn load(at: &str, epsilon: f64, weights: &Weights) -> Result<Self, EncoderError> {
        Ok(Self {
            weight: weights.read(&format!("{at}.weight"))?,
            bias: weights.read(&format!("{at}.bias"))?,
            epsilon: epsilon as f32,
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
            expanded: Buffer::new(0),
            tile: Buffer::new(I::ROWS * I::PANEL),
            attention: Attention::new(&bert.heads),
        }
    }

    /// Room for so many tokens, and for the rows and steps beyond them that a tile reads and nobody uses.
    pub(super) fn reserve(&mut self, bert: &Bert<I>, tokens: usize) {
        let rows = tokens + I::ROWS;
        let Some(layer) = bert.layers.first() else { return };
        self.states.reserve(tokens * bert.hidden);
        self.inputs.reserve(rows * bert.width());
        self.projections.reserve(rows * layer.projections.columns() + I::STEP);
        self.context.reserve(rows * bert.width());
        self.expanded.reserve(rows * layer.expanded.columns());
    }
}
