//! The client organisations a desk serves.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::field::{Checks, FieldError, MAX_NAME_CHARS};

/// A client organisation. **Persisted.**
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// UUIDv7.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// Its id in the system it comes from; unique where given.
    pub external_id: Option<String>,
    /// Its mail domain, e.g. `acme.example`.
    pub domain: Option<String>,
    /// The contract it has, e.g. `gold`.
    pub tier: Option<String>,
    /// Counts the changes.
    pub version: i64,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// An account as a caller sends it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// What people call it.
    pub name: String,
    /// Its id in the system it comes from.
    #[serde(default)]
    pub external_id: Option<String>,
    /// Its mail domain.
    #[serde(default)]
    pub domain: Option<String>,
    /// The contract it has.
    #[serde(default)]
    pub tier: Option<String>,
}

impl NewAccount {
    /// The account, fit to be stored.
    ///
    /// **Errors:** every bad field.
    pub fn validate(self) -> Result<Self, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.line("name", &self.name, MAX_NAME_CHARS);
        checks.optional_line("external_id", self.external_id.as_deref(), MAX_NAME_CHARS);
        checks.optional_line("domain", self.domain.as_deref(), MAX_NAME_CHARS);
        checks.optional_line("tier", self.tier.as_deref(), MAX_NAME_CHARS);
        checks.finish(self)
    }
}

/// A change to an account; what is left out stays, `Some(None)` clears.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountPatch {
    /// New name.
    pub name: Option<String>,
    /// New mail domain.
    pub domain: Option<Option<String>>,
    /// New contract.
    pub tier: Option<Option<String>>,
}

impl AccountPatch {
    /// The account's fields after this change.
    ///
    /// **Errors:** every field that would be bad afterwards.
    pub fn applied_to(self, account: &Account) -> Result<NewAccount, Vec<FieldError>> {
        NewAccount {
            name: self.name.unwrap_or_else(|| account.name.clone()),
            external_id: account.external_id.clone(),
            domain: self.domain.unwrap_or_else(|| account.domain.clone()),
            tier: self.tier.unwrap_or_else(|| account.tier.clone()),
        }
        .validate()
    }
}
