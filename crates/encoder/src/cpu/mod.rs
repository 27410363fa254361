//! The encoder's own network: BERT with the processor's vector and matrix instructions.
//!
//! `network` is the transformer, `layer` one layer of it, `affine` weights as they are read, `linear` its products with
//! them, `attention` its one part that joins tokens, `team` threads that compute one text together, `profile` where the
//! time goes, `packed` and `buffer` how numbers lie in memory, `lanes` what is done to single numbers, `reach` how far
//! they reach, `isa` the instructions.

mod affine;
mod attention;
mod buffer;
mod element;
mod isa;
mod lanes;
mod layer;
mod linear;
mod network;
mod packed;
mod profile;
mod reach;
mod team;
#[cfg(test)]
mod tests;

pub(crate) use isa::{Amx, Avx2, Avx512, Avx512Vnni, AvxVnni, Isa};
pub(crate) use network::Bert;
pub(crate) use profile::Profile;
