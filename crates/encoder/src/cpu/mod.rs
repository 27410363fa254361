//! The encoder's own network: BERT with the processor's vector and matrix instructions.
//!
//! `network` is the transformer, `attention` its one part that joins tokens, `packed` and `buffer` how numbers lie in
//! memory, `lanes` what is done to single numbers, `isa` the instructions.

mod attention;
mod buffer;
mod element;
mod isa;
mod lanes;
mod network;
mod packed;
#[cfg(test)]
mod tests;

pub(crate) use isa::{Amx, Avx2, Avx512, Avx512Bf16, Isa};
pub(crate) use network::Bert;
