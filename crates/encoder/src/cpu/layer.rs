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

/// Inner columns of a layer computed together, and then the product they are factors of: few enough that both sides of
/// a tile of either product stay in the first level cache.
pub(super) const STRIPE_COLUMNS: usize = 384;

pub(super) struct Layer<I: Isa> {
    /// Query, key and value of a head side by side, head by head; queries are scaled for scores that are powers of two.
    pub(super) projections: Linear<I>,
    pub(super) attended: Linear<I>,
    pub(super) attended_norm: Norm,
    pub(super) expanded: Linear<I>,
    /// Of what the function between the two makes.
    pub(super) inner_unit: f32,
    pub(super) contracted: Linear<I>,
    pub(super) norm: Norm,
}

impl<I: Isa> Layer<I> {
    /// Of these panels of inner columns stripe by stripe: the product they come from, and the one they are the depth of.
    pub(super) fn stripes(&self, panels: Range<usize>) -> impl Iterator<Item = (Share, Share)> {
        let (stripe, end) = (STRIPE_COLUMNS / I::PANEL, panels.end);
        let shares = move |start: usize| {
            let panels = start..end.min(start + stripe);
            let depth = panels.start * I::PANEL..(panels.end * I::PANEL).min(self.contracted.depth());
            let inwards = Share {
                panels,
                ..self.expanded.whole()
            };
            let outwards = Share {
                depth,
                ..self.contracted.whole()
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
        let attended_norm = norm("attention.output.LayerNorm")?;

        let query = affine("attention.self.query")?.after(before).times(heads.score_scale());
        let key = affine("attention.self.key")?.after(before);
        let value = affine("attention.self.value")?.after(before);
        // A mixture of values is nowhere farther from zero than they are.
        let context = value.reach(before.reach(), hidden);
        let value = value.times(I::Element::input_unit(context));

        let expanded = affine("intermediate.dense")?.after(&attended_norm);
        // GELU brings nothing away from zero.
        let inner = expanded.reach(attended_norm.reach(), STRIPE_COLUMNS.next_multiple_of(I::PANEL));
        Ok(Self {
            projections: Linear::of(&[query, key, value], heads.size, before.reach()),
            attended: Linear::of(&[affine("attention.output.dense")?], hidden, context),
            expanded: Linear::of(&[expanded], config.intermediate_size, attended_norm.reach()),
            inner_unit: I::Element::input_unit(inner),
            contracted: Linear::of(&[affine("output.dense")?], hidden, inner),
            attended_norm,
            norm: norm("output.LayerNorm")?,
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
