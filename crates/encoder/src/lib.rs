//! Text in, unit vector out.
//!
//! [`Encoder`] is a cheap handle to the one thread that owns a transformer. What that thread computes with is a
//! [`Kernel`], chosen when the encoder is opened; `candle` is the reference the others are measured against.

pub mod bench;
mod bert;
mod capacity;
mod config;
#[cfg(target_arch = "x86_64")]
mod cpu;
mod encoder;
mod error;
mod kernel;
mod network;
mod network_config;
mod packing;
mod patience;
mod pooling;
mod queue;
mod tokens;
mod weights;
mod work;
mod worker;

pub use config::{Config, Side};
pub use encoder::{Encoder, revision};
pub use error::{EncoderError, Fault};
pub use kernel::Kernel;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
