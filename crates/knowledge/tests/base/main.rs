//! The knowledge base over a tiny encoder, with an index and a database of its own for each test.
#![allow(clippy::unwrap_used, reason = "the tiny encoder is shared with another suite")]

mod indexing;
mod searches;
mod shelf;
#[path = "../../../encoder/tests/tiny/mod.rs"]
mod tiny;
