//! The people who write in.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::field::{Checks, FieldError, MAX_NAME_CHARS};

/// A person who writes in, perhaps for an account. **Persisted.**
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// UUIDv7.
    pub id: Uuid,
    /// The client this person belongs to.
    pub account_id: Option<Uuid>,
    /// Name as the person writes it.
    pub name: String,
    /// Mail address; unique where given.
    pub email: Option<String>,
    /// Language the person prefers, e.g. `es`.
    pub language: Option<String>,
    /// Counts the changes.
    pub version: i64,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// A contact as a caller sends it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewContact {
    /// The client this person belongs to.
    pub account_id: Option<Uuid>,
    /// Name as the person writes it.
    pub name: String,
    /// Mail address.
    pub email: Option<String>,
    /// Language the person prefers.
    pub language: Option<String>,
}

impl NewContact {
    /// The contact, fit to be stored.
    ///
    /// **Errors:** every bad field.
    pub fn validate(self) -> Result<Self, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.line("name", &self.name, MAX_NAME_CHARS);
        checks.optional_email("email", self.email.as_deref());
        checks.optional_language("language", self.language.as_deref());
        checks.finish(self)
    }
}

/// A change to a contact; what is left out stays, `Some(None)` clears.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContactPatch {
    /// New client.
    pub account_id: Option<Option<Uuid>>,
    /// New name.
    pub name: Option<String>,
    /// New mail address.
    pub email: Option<Option<String>>,
    /// New preferred language.
    pub language: Option<Option<String>>,
}

impl ContactPatch {
    /// The contact's fields after this change.
    ///
    /// **Errors:** every field that would be bad afterwards.
    pub fn applied_to(self, contact: &Contact) -> Result<NewContact, Vec<FieldError>> {
        NewContact {
            account_id: self.account_id.unwrap_or(contact.account_id),
            name: self.name.unwrap_or_else(|| contact.name.clone()),
            email: self.email.unwrap_or_else(|| contact.email.clone()),
            language: self.language.unwrap_or_else(|| contact.language.clone()),
        }
        .validate()
    }
}
