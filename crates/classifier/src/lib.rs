//! Text and its unit vector in, calibrated label distribution out; abstains. Reads heads, never fits them.
//!
//! A head sees the embedding and lexical features ([`features`]) and weighs them linearly; the nearest stored examples vote beside it ([`memory`]). What it cannot say with the
//! wanted precision it does not say: see [`abstention`] and [`Assessment::label`].

pub mod abstention;
pub mod assess;
mod curve;
pub mod drift;
mod error;
mod feature_extractor;
pub mod features;
mod format;
mod head;
mod learnt;
pub mod memory;
mod reading;
mod spec;
mod unit_hash;
pub mod words;

pub use assess::Assessment;
pub use curve::Curve;
pub use error::ClassifierError;
pub use format::Tensors;
pub use head::{Head, WEIGHTS_FILE};
pub use learnt::{LEARNT_FILE, Learnt};
pub use memory::{Memory, Vote};
pub use spec::{Conformal, EncoderId, HeadSpec};
pub use unit_hash::unit_hash;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
