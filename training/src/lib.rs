//! Recipe and labelled data → a `models/<name>/` folder. The only place that fits anything.
//!
//! [`train_classify`] is the whole way from a file; [`fit::fit`] is its pure middle, for vectors that are already there.

pub mod answerability;
mod calibrate;
mod columns;
mod cost;
mod cross_validation;
pub mod data;
mod dataset;
pub mod duplicates;
mod examples;
pub mod finetune;
pub mod fit;
mod folds;
pub mod fusion;
mod isotonic;
mod known;
mod lbfgs;
mod linear;
mod logistic;
mod mixture;
mod neighbours;
mod objective;
pub mod parameters;
mod place;
pub mod recipe;
mod report;
pub mod sample;
mod scores;
mod signed;
pub mod similarity;
mod solver;
mod thresholds;
mod train;
mod vocabulary;
pub mod write;

pub use classifier::Learnt;
pub use data::{Columns, DataError};
pub use dataset::Dataset;
pub use fit::{Fitted, Progress};
pub use known::{Embedder, KnownVectors};
pub use logistic::Logistic;
pub use recipe::{DataSource, Recipe};
pub use report::Report;
pub use train::{FitOfFile, Options, embed, fit_classify, train_classify, train_rows};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
