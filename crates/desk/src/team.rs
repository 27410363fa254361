//! The teams that answer tickets, and the categories they serve.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::field::{Checks, FieldError, MAX_NAME_CHARS};

/// A team. **Persisted.**
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Team {
    /// UUIDv7.
    pub id: Uuid,
    /// Unique name.
    pub name: String,
    /// Labels of the categories it answers.
    pub categories: Vec<String>,
    /// Counts the changes.
    pub version: i64,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

impl Team {
    /// Whether the team answers tickets of this category.
    pub fn serves(&self, category: &str) -> bool {
        self.categories.iter().any(|c| c == category)
    }
}

/// A team as a caller sends it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTeam {
    /// Unique name.
    pub name: String,
    /// Labels of the categories it answers.
    #[serde(default)]
    pub categories: Vec<String>,
}

impl NewTeam {
    /// The team, fit to be stored.
    ///
    /// **Errors:** every bad field.
    pub fn validate(self) -> Result<Self, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.line("name", &self.name, MAX_NAME_CHARS);
        checks.lines("categories", &self.categories, MAX_NAME_CHARS);
        checks.finish(self)
    }
}

/// A change to a team; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TeamPatch {
    /// New name.
    pub name: Option<String>,
    /// The categories it answers from now on.
    pub categories: Option<Vec<String>>,
}

impl TeamPatch {
    /// The team's fields after this change.
    ///
    /// **Errors:** every field that would be bad afterwards.
    pub fn applied_to(self, team: &Team) -> Result<NewTeam, Vec<FieldError>> {
        NewTeam {
            name: self.name.unwrap_or_else(|| team.name.clone()),
            categories: self.categories.unwrap_or_else(|| team.categories.clone()),
        }
        .validate()
    }
}
