//! One layer's weights, and which of them are computed together.

use std::ops::Range;

use candle_transformers::models::bert;

use super::affine::Affine;
use super::attention::Heads;
use super::element::Element;
use super::isa::Isa;
use super::lanes::Norm;
use super::linear::{Linear, Share};
use crate::error::EncoderError;
use crate::weights::Weights;

/// Intermediate columns of a layer computed together, and then the product they are factors of: few enough that both
/// sides of a tile of either product stay in the first level cache.
pub(super) const STRIPE_COLUMNS: usize = 384;

pub(super) struct Layer<I: Isa> {
    /// Query, key and value of a head side by side, head by head; queries are scaled for scores that are powers of two.
    pub(super) projections: Linear<I>,
    pub(super) attention_output: Linear<I>,
    pub(super) attention_output_norm: Norm,
    pub(super) intermediate: Linear<I>,
    /// What GELU of the intermediate columns is multiplied by.
    pub(super) intermediate_scale: f32,
    pub(super) output: Linear<I>,
    pub(super) output_norm: Norm,
}

impl<I: Isa> Layer<I> {
    /// Of these panels of intermediate columns stripe by stripe: the product they come from, and the one they are the
    /// depth of.
    pub(super) fn stripes(&self, panels: Range<usize>) -> impl Iterator<Item = (Share, Share)> {
        let (stripe, end) = (STRIPE_COLUMNS / I::PANEL, panels.end);
        let shares = move |start: usize| {
            let panels = start..end.min(start + stripe);
            let depth = panels.start * I::PANEL..(panels.end * I::PANEL).min(self.output.depth());
            let inwards = Share {
                panels,
                ..self.intermediate.whole()
            };
            let outwards = Share {
                depth,
                ..self.output.whole()
            };
            (inwards, outwards)
        };
        panels.step_by(stripe).map(shares)
    }

    /// The layer after a norm.
    pub(super) fn load(
        at: &str,
        config: &bert::Config,
        heads: &Heads,
        before: &Norm,
        weights: &Weights,
    ) -> Result<Self, EncoderError> {
        let hidden = config.hidden_size;
        let affine = |name: &str| Affine::read(&format!("{at}.{name}"), weights);
        let norm = |name: &str| Norm::load(&format!("{at}.{name}"), config.layer_norm_eps, weights);
        let attention_output_norm = norm("attention.output.LayerNorm")?;

        let query = affine("attention.self.query")?.after(before).times(heads.score_scale());
        let key = affine("attention.self.key")?.after(before);
        let value = affine("attention.self.value")?.after(before);
        // A mixture of values is nowhere farther from zero than they are.
        let context = value.reach(before.reach(), hidden);
        let value = value.times(I::Element::input_scale(context));

        let intermediate = affine("intermediate.dense")?.after(&attention_output_norm);
        // GELU brings nothing away from zero.
        let together = STRIPE_COLUMNS.next_multiple_of(I::PANEL);
        let intermediate_reach = intermediate.reach(attention_output_norm.reach(), together);
        Ok(Self {
            projections: Linear::of(&[query, key, value], heads.size, before.reach()),
            attention_output: Linear::of(&[affine("attention.output.dense")?], hidden, context),
            intermediate: Linear::of(&[intermediate], config.intermediate_size, attention_output_norm.reach()),
            intermediate_scale: I::Element::input_scale(intermediate_reach),
            output: Linear::of(&[affine("output.dense")?], hidden, intermediate_reach),
            attention_output_norm,
            output_norm: norm("output.LayerNorm")?,
        })
    }
}

impl Norm {
    pub(super) fn load(at: &str, epsilon: f64, weights: &Weights) -> Result<Self, EncoderError> {
        let (weight, bias) = (
            weights.read(&format!("{at}.weight"))?,
            weights.read(&format!("{at}.bias"))?,
        );
        Ok(Self::new(&weight, &bias, epsilon as f32))
    }
}
