//! Vectors and words in, neighbours out.
//!
//! [`Search`] keeps collections of points, each with a dense vector made by somebody else, a BM25 sparse vector made
//! here from its text, and a payload that belongs to the caller. [`Search::nearest`] asks for each kind of likeness
//! (meaning, meaning of the title, words) separately, gives every score back with each hit, and orders the hits by a
//! learnt weighted sum of the standardised scores (see [`FusionConfig`]).
//!
//! The same calls run on Qdrant Edge in a folder of this process or on a Qdrant server; the contract suite in
//! `tests/contract.rs` holds both to the same order.

mod candidates;
mod codes;
mod config;
mod coverage;
mod edge;
mod error;
mod exact;
mod filter;
mod forms;
mod fusion;
mod holder;
mod inquiry;
mod language;
mod marks;
mod point;
mod search;
mod server;
mod words;

pub use config::{Backend, EdgeConfig, SearchConfig, ServerConfig};
pub use edge::Edge;
pub use error::{Error, Fault};
pub use filter::{Condition, Field, FieldKind, Filter, Value};
pub use forms::folded;
pub use fusion::{FEATURES, FormWeights, FusionConfig, Weights};
pub use language::primary_language;
pub use point::{CollectionSpec, Hit, Payload, Point, Query, Stored};
pub use search::{Rebuild, Search, Snapshot};
pub use server::Server;
