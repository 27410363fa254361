//! A version that assesses every ticket beside the one in force, silently, and what both said.

use time::OffsetDateTime;

use crate::event::Actor;
use crate::model_version::HeadRole;

/// The version of a head that is tried out: it assesses every ticket and decides nothing. **Persisted.**
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenger {
    /// The head.
    pub head: HeadRole,
    /// The version that is tried out.
    pub version: i64,
    /// Who wanted it.
    pub actor: Actor,
    /// Since when.
    pub since: OffsetDateTime,
}

/// What a version said of a ticket. **Persisted.**
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The version.
    pub version: i64,
    /// Its best guess; none where the text is like none of the labels.
    pub label: Option<String>,
    /// Whether it would decide alone.
    pub is_sure: bool,
}

/// What the version in force and the one that is tried out said of one ticket. **Persisted.**
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowJudgement {
    /// The head.
    pub head: HeadRole,
    /// The version in force, which decided.
    pub active: Said,
    /// The version that is tried out.
    pub challenger: Said,
}

/// What is known of a challenger and the version in force on the tickets both have assessed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShadowCounts {
    /// Tickets both have assessed.
    pub tickets: u64,
    /// Of those, the ones on which both guessed the same.
    pub agreed: u64,
    /// Of those, the ones the version in force decided alone.
    pub active_sure: u64,
    /// Of those, the ones the challenger would have decided alone.
    pub challenger_sure: u64,
    /// Of those that people have settled since, the ones on which both were right.
    pub both_right: u64,
    /// The version in force alone was right.
    pub active_alone: u64,
    /// The challenger alone was right.
    pub challenger_alone: u64,
    /// Both were wrong.
    pub both_wrong: u64,
    /// Of those that people have settled, the ones whose label a person has corrected; the others were solved with the
    /// label they had, which may be the one that the version in force gave and nobody looked at.
    pub corrected: u64,
}
