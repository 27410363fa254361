//! Learning in use: versions of the heads, which one is active, and servers that follow without a restart.

mod follow;
mod lessons;
mod report;
mod retrain;
mod schedule;
mod shadow;
mod shelf;
mod switch;
mod vectors;

pub use follow::{Refusal, Refusals, follow, run_follower};
pub use lessons::{RetrainError, for_each_labelled, may_have_learnt};
pub use report::{Report, Summary};
pub use retrain::{MARGIN, Means, Outcome, Retrained, retrain};
pub use schedule::run_schedule;
pub use shadow::{Shadow, shadow};
pub use shelf::Shelf;
pub use switch::{LearningError, activate, add, rollback, try_out};
pub use vectors::{SharedVectors, keep, known};
