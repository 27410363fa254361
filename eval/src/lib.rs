//! Suites in, predictions and metrics with confidence intervals out.
//!
//! Runs the very functions production runs: the encoder, the heads and the search of the desk.
//!
//! A run is a folder: `predictions.jsonl`, `metrics.json` and `report.html`, see [`folder`].

mod abstention;
mod agreement;
pub mod answers;
mod assess;
pub mod beir;
mod bootstrap;
mod calibration;
pub mod classify;
pub mod compare;
pub mod draw;
pub mod duplicates;
pub mod fingerprint;
pub mod flags;
pub mod folder;
pub mod fusion;
pub mod history;
pub mod learnt;
pub mod matters;
mod metrics;
mod nearest;
pub mod npy;
pub mod paired;
mod prediction;
pub mod questions;
mod ranking;
mod report;
pub mod retrieval;
pub mod rows;
mod scope;
pub mod share;
pub mod suite;
mod table;
pub mod verdict;

pub use bootstrap::Figure;
pub use metrics::{Kind, Metrics};
pub use prediction::Prediction;

/// Told how many of how many are done.
pub type Progress<'a> = dyn FnMut(usize, usize) + 'a;
