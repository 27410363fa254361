//! Suites in, predictions and metrics with confidence intervals out.
//!
//! Runs the very functions production runs: the encoder, the heads and the search of the desk, never a copy.

pub mod bootstrap;
pub mod classify;
pub mod metrics;
pub mod ranking;
pub mod retrieval;
pub mod rows;

/// Told how many of how many are done.
pub type Progress<'a> = dyn FnMut(usize, usize) + 'a;
