//! Learning in use: versions of the heads, which one is active, and servers that follow without a restart.

mod files;
mod follow;
mod judged;
mod lessons;
mod report;
mod retrain;
mod schedule;
mod shadow;
mod shelf;
mod switch;
mod vectors;

pub use files::{folder, hand_in};
pub use follow::{Refusal, Refusals, follow};
pub use judged::MARGIN;
pub use lessons::{RetrainError, for_each_labelled, may_have_learnt, taught_by};
pub use report::{Report, Summary};
pub use retrain::{Means, Outcome, Retrained, recipe, retrain, tidy};
pub use schedule::retrain_in_turn;
pub use shadow::{Shadow, shadow};
pub use shelf::Shelf;
pub use switch::{Candidate, LearningError, activate, add, rollback, try_out};
pub use vectors::{SharedVectors, keep, known};
