//! The desk at work over tiny models, an index and a database of its own: what happens when something gives way.

mod failures;
mod index;
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#[path = "../../../encoder/tests/tiny/mod.rs"]
mod tiny;
mod tiny_desk;
