//! What people put right after triage: the truth that models learn from.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::event::Actor;
use crate::word::words;

words! {
    /// The decided field that was put right.
    "corrected field" CorrectedField {
        /// The category.
        Category = "category",
        /// The priority.
        Priority = "priority",
        /// The team.
        Team = "team",
    }
}

/// One decided value that a person put right. **Persisted.**
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    /// UUIDv7.
    pub id: Uuid,
    /// The ticket it belongs to.
    pub ticket_id: Uuid,
    /// Which field.
    pub field: CorrectedField,
    /// The value before; none where triage had abstained.
    pub before: Option<String>,
    /// The value a person gave.
    pub after: String,
    /// Who put it right.
    pub actor: Actor,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}
