//! Recipe and labelled data → a `models/<name>/` folder. The only place that fits anything.
//!
//! [`train_classify`] is the whole way from a file; [`fit::fit`] is its pure middle, for vectors that are already there.

pub mod answerability;
pub mod calibrate;
mod columns;
pub mod cross_validation;
pub mod data;
pub mod dataset;
pub mod duplicates;
pub mod examples;
pub mod finetune;
pub mod fit;
pub mod folds;
pub mod fusion;
pub mod isotonic;
pub mod known;
mod lbfgs;
pub mod linear;
pub mod mixture;
pub mod neighbours;
pub mod objective;
pub mod parameters;
mod place;
pub mod recipe;
pub mod report;
pub mod sample;
pub mod scores;
mod signed;
pub mod similarity;
pub mod solver;
mod train;
pub mod vocabulary;
pub mod write;

pub use data::{Columns, DataError};
pub use dataset::Dataset;
pub use fit::{Fitted, Progress};
pub use known::KnownVectors;
pub use recipe::{DataSource, Recipe};
pub use report::Report;
pub use train::{FitOfFile, Options, embed, fit_classify, train_classify, train_rows};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
