//! The ticket: what a caller may send, and what the desk keeps of it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::field::{Checks, FieldError, MAX_BODY_CHARS, MAX_NAME_CHARS, MAX_SUBJECT_CHARS, MAX_TAG_CHARS};
use crate::word::words;

/// The namespace of external ids when the caller names none.
const DEFAULT_SOURCE: &str = "default";

words! {
    /// How soon a ticket needs someone, from impact and urgency as in ITIL.
    /// Ordered: `Low < Normal < High < Urgent`.
    "priority" Priority {
        /// Wish, praise, question with no date, cosmetic fault.
        Low = "low",
        /// Something is wrong or asked for; work goes on.
        Normal = "normal",
        /// One customer's work is blocked, or a near deadline is at risk.
        High = "high",
        /// A service is down, or data, money or safety is at risk right now.
        Urgent = "urgent",
    }
}

words! {
    /// How far triage has come with a ticket. The tickets table is its queue.
    "triage state" TriageState {
        /// Stored and durable; triage has not finished.
        Received = "received",
        /// Category, priority and team are decided.
        Triaged = "triaged",
        /// The models abstained or kept failing; a person decides.
        NeedsHuman = "needs_human",
    }
}

words! {
    /// How far people have come with a ticket.
    "status" WorkStatus {
        /// Someone must do something.
        Open = "open",
        /// Waiting for the customer.
        Pending = "pending",
        /// Answered; the customer may reopen it.
        Solved = "solved",
        /// Finished for good.
        Closed = "closed",
    }
}

words! {
    /// The way a ticket came in.
    "channel" Channel {
        /// A program calling the API.
        Api = "api",
        /// A form on a page.
        Web = "web",
        /// A mail gateway.
        Email = "email",
        /// A chat.
        Chat = "chat",
        /// A phone call, written down.
        Phone = "phone",
        /// Loaded from a file.
        Import = "import",
    }
}

/// A ticket as a caller sends it: parsed, not yet checked.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTicket {
    /// One line saying what it is about; left out where the channel has none.
    pub subject: Option<String>,
    /// What the customer wrote.
    pub body: String,
    /// The way it came in.
    pub channel: Channel,
    /// The client it belongs to.
    pub account_id: Option<Uuid>,
    /// The person who wrote it.
    pub contact_id: Option<Uuid>,
    /// The ticket's id in the system it comes from; once per source.
    pub external_id: Option<String>,
    /// The namespace of `external_id`; `default` when left out.
    pub source: Option<String>,
    /// Address of the person who wrote it.
    pub requester_email: Option<String>,
    /// Name of the person who wrote it.
    pub requester_name: Option<String>,
    /// Free words to find it by.
    pub tags: Vec<String>,
    /// When it was written, for imports; now when left out.
    pub created_at: Option<OffsetDateTime>,
}

impl NewTicket {
    /// A ticket with a body and nothing else.
    pub fn from_body(body: impl Into<String>) -> Self {
        NewTicket {
            subject: None,
            body: body.into(),
            channel: Channel::Api,
            account_id: None,
            contact_id: None,
            external_id: None,
            source: None,
            requester_email: None,
            requester_name: None,
            tags: Vec::new(),
            created_at: None,
        }
    }

    /// The ticket, fit to be stored.
    ///
    /// **Errors:** every bad field with its reason, in the order of the fields.
    pub fn validate(self) -> Result<ValidTicket, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.optional_text("subject", self.subject.as_deref(), MAX_SUBJECT_CHARS);
        checks.text("body", &self.body, MAX_BODY_CHARS);
        checks.optional_line("external_id", self.external_id.as_deref(), MAX_NAME_CHARS);
        checks.optional_line("source", self.source.as_deref(), MAX_NAME_CHARS);
        checks.optional_email("requester_email", self.requester_email.as_deref());
        checks.optional_line("requester_name", self.requester_name.as_deref(), MAX_NAME_CHARS);
        checks.lines("tags", &self.tags, MAX_TAG_CHARS);
        check_created_at(&mut checks, self.created_at);
        checks.finish(ValidTicket(self))
    }
}

fn check_created_at(checks: &mut Checks, created_at: Option<OffsetDateTime>) {
    if created_at.is_some_and(|at| !(1970..=2999).contains(&at.year())) {
        let message = "must lie between the years 1970 and 2999";
        checks.refuse("created_at", crate::FieldCode::OutOfRange, message);
    }
}

/// A [`NewTicket`] whose fields have all been checked.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidTicket(NewTicket);

impl ValidTicket {
    /// The checked fields.
    pub fn fields(&self) -> &NewTicket {
        &self.0
    }

    /// The namespace of the external id.
    pub fn source(&self) -> &str {
        self.0.source.as_deref().unwrap_or(DEFAULT_SOURCE)
    }
}

/// A ticket as the desk keeps it. **Persisted.**
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// UUIDv7: sorts by the time of arrival.
    pub id: Uuid,
    /// The short number people say on the phone; unique, rising, may have gaps.
    pub number: i64,
    /// The namespace of `external_id`.
    pub source: String,
    /// The ticket's id in the system it comes from.
    pub external_id: Option<String>,
    /// The way it came in.
    pub channel: Channel,
    /// The subject line; empty where there was none.
    pub subject: String,
    /// What the customer wrote.
    pub body: String,
    /// The client it belongs to.
    pub account_id: Option<Uuid>,
    /// The person who wrote it.
    pub contact_id: Option<Uuid>,
    /// Address of the person who wrote it.
    pub requester_email: Option<String>,
    /// Name of the person who wrote it.
    pub requester_name: Option<String>,
    /// Free words to find it by.
    pub tags: Vec<String>,
    /// Detected language, e.g. `es`; none before triage.
    pub language: Option<String>,
    /// How far triage has come.
    pub state: TriageState,
    /// How far people have come.
    pub status: WorkStatus,
    /// What it is about, by the desk's taxonomy.
    pub category: Option<String>,
    /// How soon it needs someone.
    pub priority: Option<Priority>,
    /// The team that answers it.
    pub team_id: Option<Uuid>,
    /// The agent who answers it.
    pub agent_id: Option<Uuid>,
    /// The ticket it was merged into; none for one that stands alone.
    #[serde(default)]
    pub merged_into: Option<Uuid>,
    /// Counts the changes; an update names the version it was made from.
    pub version: i64,
    /// Attempts at triage so far that failed.
    pub attempts: i32,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// When triage tries again; none when it is not waiting.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_attempt_at: Option<OffsetDateTime>,
    /// When it was written.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// When triage finished.
    #[serde(with = "time::serde::rfc3339::option")]
    pub triaged_at: Option<OffsetDateTime>,
}

impl Ticket {
    /// Whether people have finished with it, so that its labels count as confirmed. A merged ticket was closed by the
    /// merge, which says nothing of its labels.
    pub fn is_settled(&self) -> bool {
        self.merged_into.is_none() && matches!(self.status, WorkStatus::Solved | WorkStatus::Closed)
    }

    /// The text that is embedded and classified.
    pub fn text(&self) -> String {
        crate::text::joined(&self.subject, &self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FieldCode;

    fn refused(change: impl FnOnce(&mut NewTicket)) -> Vec<(String, FieldCode)> {
        let mut ticket = NewTicket::from_body("My invoice is wrong");
        change(&mut ticket);
        match ticket.validate() {
            Ok(_) => Vec::new(),
            Err(errors) => errors.into_iter().map(|e| (e.field, e.code)).collect(),
        }
    }

    fn one(field: &str, code: FieldCode) -> Vec<(String, FieldCode)> {
        vec![(field.to_owned(), code)]
    }

    #[test]
    fn a_body_alone_is_a_ticket() {
        assert_eq!(refused(|_| ()), []);
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        let errors = refused(|t| {
            t.subject = Some(" ".into());
            t.body = "\u{200B}\n".into();
            t.requester_email = Some("nobody".into());
        });
        let fields: Vec<_> = errors.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["subject", "body", "requester_email"]);
    }

    #[test]
    fn limits_and_control_characters() {
        use FieldCode::{ControlCharacter, Malformed, OutOfRange, TooLong};
        assert_eq!(refused(|t| t.subject = Some("x".repeat(500))), []);
        assert_eq!(refused(|t| t.subject = Some("x".repeat(501))), one("subject", TooLong));
        assert_eq!(refused(|t| t.body = "é".repeat(100_000)), []);
        assert_eq!(refused(|t| t.body = "é".repeat(100_001)), one("body", TooLong));
        assert_eq!(refused(|t| t.body = "a\0".into()), one("body", ControlCharacter));
        assert_eq!(
            refused(|t| t.external_id = Some("a\nb".into())),
            one("external_id", ControlCharacter)
        );
        assert_eq!(
            refused(|t| t.tags = vec!["a".into(), "a".into()]),
            one("tags[1]", Malformed)
        );
        assert_eq!(refused(|t| t.tags = vec!["a".into(); 51]), one("tags", TooLong));
        let year_one = time::macros::datetime!(0001-01-01 0:00 UTC);
        assert_eq!(
            refused(|t| t.created_at = Some(year_one)),
            one("created_at", OutOfRange)
        );
    }

    #[test]
    fn priorities_are_ordered_and_words_round_trip() {
        assert!(Priority::Urgent > Priority::High && Priority::Normal > Priority::Low);
        for priority in Priority::ALL {
            assert_eq!(priority.as_str().parse::<Priority>().as_ref(), Ok(priority));
        }
        let error = "URGENT".parse::<Priority>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown priority \"URGENT\", expected one of low, normal, high, urgent"
        );
    }
}
