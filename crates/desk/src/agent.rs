//! The people who answer tickets: what they know, and how much they can take.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::field::{Checks, FieldCode, FieldError, MAX_ENTRIES, MAX_NAME_CHARS};
use crate::word::words;

/// Open tickets an agent carries at once where nobody says how many.
pub const DEFAULT_CAPACITY: i32 = 20;
/// Most open tickets an agent may be set to carry.
const MAX_CAPACITY: i32 = 10_000;

words! {
    /// Whether an agent takes new tickets now.
    "availability" Availability {
        /// Takes new tickets.
        Available = "available",
        /// Takes none: off shift, on leave, in training.
        Away = "away",
    }
}

/// A person who answers tickets. **Persisted.**
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// UUIDv7.
    pub id: Uuid,
    /// Name as colleagues say it.
    pub name: String,
    /// Mail address; unique where given.
    pub email: Option<String>,
    /// The team the agent works in.
    pub team_id: Option<Uuid>,
    /// Category label → level. **Units:** 0 (none) to 1 (expert).
    pub skills: BTreeMap<String, f32>,
    /// Languages the agent answers in, e.g. `en`, `es`.
    pub languages: Vec<String>,
    /// Open tickets the agent can carry at once.
    pub capacity: i32,
    /// Whether the agent takes new tickets now.
    pub availability: Availability,
    /// Counts the changes.
    pub version: i64,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

impl Agent {
    /// Level in a category. **Units:** 0 (none) to 1 (expert).
    pub fn skill(&self, category: &str) -> f32 {
        self.skills.get(category).copied().unwrap_or(0.0)
    }

    /// Whether the agent answers in a language; regions are ignored, `es` covers `es-MX`.
    pub fn speaks(&self, language: &str) -> bool {
        self.languages.iter().any(|own| primary(own) == primary(language))
    }
}

fn primary(language: &str) -> &str {
    language.split('-').next().unwrap_or(language)
}

/// An agent as a caller sends it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAgent {
    /// Name as colleagues say it.
    pub name: String,
    /// Mail address.
    pub email: Option<String>,
    /// The team the agent works in.
    pub team_id: Option<Uuid>,
    /// Category label → level. **Units:** 0 (none) to 1 (expert).
    pub skills: BTreeMap<String, f32>,
    /// Languages the agent answers in.
    pub languages: Vec<String>,
    /// Open tickets the agent can carry at once.
    pub capacity: i32,
    /// Whether the agent takes new tickets now.
    pub availability: Availability,
}

impl NewAgent {
    /// The agent, fit to be stored.
    ///
    /// **Errors:** every bad field.
    pub fn validate(self) -> Result<Self, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.line("name", &self.name, MAX_NAME_CHARS);
        checks.optional_email("email", self.email.as_deref());
        check_skills(&mut checks, &self.skills);
        check_languages(&mut checks, &self.languages);
        if !(0..=MAX_CAPACITY).contains(&self.capacity) {
            let message = format!("must lie between 0 and {MAX_CAPACITY}");
            checks.refuse("capacity", FieldCode::OutOfRange, message);
        }
        checks.finish(self)
    }
}

fn check_skills(checks: &mut Checks, skills: &BTreeMap<String, f32>) {
    if skills.len() > MAX_ENTRIES {
        let message = format!("has {} entries, at most {MAX_ENTRIES}", skills.len());
        checks.refuse("skills", FieldCode::TooLong, message);
    }
    for (category, level) in skills {
        checks.line("skills", category, MAX_NAME_CHARS);
        if !(0.0..=1.0).contains(level) {
            let message = "levels must lie between 0 and 1";
            checks.refuse(&format!("skills.{category}"), FieldCode::OutOfRange, message);
        }
    }
}

fn check_languages(checks: &mut Checks, languages: &[String]) {
    checks.lines("languages", languages, MAX_NAME_CHARS);
    for (at, language) in languages.iter().enumerate() {
        checks.language(&format!("languages[{at}]"), language);
    }
}

/// A change to an agent; what is left out stays, `Some(None)` clears.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AgentPatch {
    /// New name.
    pub name: Option<String>,
    /// New mail address.
    pub email: Option<Option<String>>,
    /// New team.
    pub team_id: Option<Option<Uuid>>,
    /// The skills from now on.
    pub skills: Option<BTreeMap<String, f32>>,
    /// The languages from now on.
    pub languages: Option<Vec<String>>,
    /// New capacity.
    pub capacity: Option<i32>,
    /// New availability.
    pub availability: Option<Availability>,
}

impl AgentPatch {
    /// The agent's fields after this change.
    ///
    /// **Errors:** every field that would be bad afterwards.
    pub fn applied_to(self, agent: &Agent) -> Result<NewAgent, Vec<FieldError>> {
        NewAgent {
            name: self.name.unwrap_or_else(|| agent.name.clone()),
            email: self.email.unwrap_or_else(|| agent.email.clone()),
            team_id: self.team_id.unwrap_or(agent.team_id),
            skills: self.skills.unwrap_or_else(|| agent.skills.clone()),
            languages: self.languages.unwrap_or_else(|| agent.languages.clone()),
            capacity: self.capacity.unwrap_or(agent.capacity),
            availability: self.availability.unwrap_or(agent.availability),
        }
        .validate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent() -> NewAgent {
        NewAgent {
            name: "Ana".into(),
            email: None,
            team_id: None,
            skills: BTreeMap::new(),
            languages: vec!["es".into()],
            capacity: 5,
            availability: Availability::Available,
        }
    }

    fn refused(change: impl FnOnce(&mut NewAgent)) -> Vec<String> {
        let mut agent = agent();
        change(&mut agent);
        let errors = agent.validate().err().unwrap_or_default();
        errors.into_iter().map(|e| e.field).collect()
    }

    #[test]
    fn levels_capacity_and_languages_have_ranges() {
        assert!(refused(|_| ()).is_empty());
        assert_eq!(refused(|a| a.capacity = -1), ["capacity"]);
        assert_eq!(refused(|a| a.languages = vec!["Spanish".into()]), ["languages[0]"]);
        for level in [-0.1, 1.1, f32::NAN] {
            let skills = BTreeMap::from([("how_to".to_owned(), level)]);
            assert_eq!(refused(|a| a.skills = skills), ["skills.how_to"], "{level}");
        }
    }
}
