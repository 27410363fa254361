//! What is said on a ticket after it came in.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::field::{Checks, FieldCode, FieldError, MAX_BODY_CHARS, MAX_NAME_CHARS};
use crate::word::words;

words! {
    /// Who speaks.
    "author" AuthorKind {
        /// The customer's side.
        Customer = "customer",
        /// Someone of the desk.
        Agent = "agent",
        /// The desk itself.
        System = "system",
    }
}

words! {
    /// Who may read a message.
    "visibility" Visibility {
        /// The customer too.
        Public = "public",
        /// Agents only.
        Internal = "internal",
    }
}

/// Who wrote a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Author {
    /// Which side speaks.
    pub kind: AuthorKind,
    /// The contact or agent, where known.
    #[serde(default)]
    pub id: Option<Uuid>,
    /// Name to show.
    #[serde(default)]
    pub name: Option<String>,
}

/// One message on a ticket. **Persisted.**
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// UUIDv7.
    pub id: Uuid,
    /// The ticket it belongs to.
    pub ticket_id: Uuid,
    /// Who wrote it.
    pub author: Author,
    /// Who may read it.
    pub visibility: Visibility,
    /// What it says.
    pub body: String,
    /// When it was written.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// A message as a caller sends it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMessage {
    /// Who wrote it.
    pub author: Author,
    /// Who may read it.
    pub visibility: Visibility,
    /// What it says.
    pub body: String,
}

impl NewMessage {
    /// The message, fit to be stored.
    ///
    /// **Errors:** every bad field; a customer cannot write an internal note.
    pub fn validate(self) -> Result<ValidMessage, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.text("body", &self.body, MAX_BODY_CHARS);
        checks.optional_line("author.name", self.author.name.as_deref(), MAX_NAME_CHARS);
        if self.author.kind == AuthorKind::Customer && self.visibility == Visibility::Internal {
            let message = "a customer's message cannot be internal";
            checks.refuse("visibility", FieldCode::Malformed, message);
        }
        checks.finish(ValidMessage(self))
    }
}

/// A [`NewMessage`] whose fields have all been checked.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidMessage(NewMessage);

impl ValidMessage {
    /// The checked fields.
    pub fn fields(&self) -> &NewMessage {
        &self.0
    }
}
