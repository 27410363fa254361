//! Who may call the desk, and for what.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::field::{Checks, FieldError, MAX_NAME_CHARS};
use crate::word::words;

words! {
    /// What a token's holder may do. Ordered: each may do what the one before may.
    "role" Role {
        /// Search and read public articles, as a portal does for its customers.
        Customer = "customer",
        /// Submit and assess tickets and read one by its id, as a program of the company does.
        Intake = "intake",
        /// Work on tickets, read everything.
        Agent = "agent",
        /// Change teams, agents, accounts, tokens and models.
        Admin = "admin",
    }
}

impl Role {
    /// Whether this role may do what `needed` may.
    pub fn covers(self, needed: Role) -> bool {
        self >= needed
    }
}

/// A token as it may be shown: never the secret. **Persisted.**
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApiToken {
    /// UUIDv7.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// The first characters of the secret, to recognise it by.
    pub prefix: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was revoked.
    #[serde(with = "time::serde::rfc3339::option")]
    pub revoked_at: Option<OffsetDateTime>,
}

/// A token as someone asks for it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
}

impl NewToken {
    /// The request, fit to be stored.
    ///
    /// **Errors:** every bad field.
    pub fn validate(self) -> Result<Self, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.line("name", &self.name, MAX_NAME_CHARS);
        checks.finish(self)
    }
}

#[cfg(test)]
mod tests {
    use super::Role::{Admin, Agent, Customer, Intake};

    #[test]
    fn roles_cover_those_below() {
        assert!(Admin.covers(Agent) && Agent.covers(Intake) && Agent.covers(Agent));
        assert!(!Intake.covers(Agent) && !Agent.covers(Admin) && !Customer.covers(Intake));
    }
}
