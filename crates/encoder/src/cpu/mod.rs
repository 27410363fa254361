//! The encoder's own network: BERT with the processor's vector and matrix instructions.
//!
//! `network` is the transformer, `linear` its products with weights, `attention` its one part that joins tokens, `team`
//! threads that compute one text together, `profile` where the time goes, `packed` and `buffer` how numbers lie in
//! memory, `lanes` what is done to single numbers, `isa` the instructions.

mod attention;
mod buffer;
mod element;
mod isa;
mod lanes;
mod linear;
mod network;
mod packed;
mod profile;
mod team;
#[cfg(test)]
mod tests;

pub(crate) use isa::{Amx, Avx2, Avx512, Avx512Bf16, Isa};
pub(crate) use network::Bert;
pub(crate) use profile::Profile;
