//! An incident that agents work on: several tickets about one thing, answered and closed together. Pure.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::event::Actor;
use crate::field::{Checks, FieldCode, FieldError, MAX_BODY_CHARS, MAX_NAME_CHARS, MAX_SUBJECT_CHARS};
use crate::message::{Author, AuthorKind, NewMessage, ValidMessage, Visibility};
use crate::ticket::Ticket;
use crate::word::words;

/// Most tickets of one incident: one reply to all of them is one transaction.
pub const MAX_INCIDENT_TICKETS: usize = 500;

words! {
    /// Whether an incident is worked on.
    "incident state" IncidentState {
        /// It takes tickets and replies.
        Open = "open",
        /// It was closed with its tickets.
        Closed = "closed",
    }
}

/// Several tickets about one thing. **Persisted.**
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// UUIDv7.
    pub id: Uuid,
    /// What people call it.
    pub title: String,
    /// Whether it is worked on.
    pub state: IncidentState,
    /// The one of its tickets that stands for the matter.
    pub parent_id: Option<Uuid>,
    /// Counts the changes.
    pub version: i64,
    /// Who made it.
    pub created_by: Actor,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// When it was closed; none while it is open.
    #[serde(with = "time::serde::rfc3339::option")]
    pub closed_at: Option<OffsetDateTime>,
}

/// An incident and the tickets in it, oldest first; one that was merged is there as its survivor.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentWithTickets {
    /// The incident.
    pub incident: Incident,
    /// Its tickets.
    pub tickets: Vec<Ticket>,
}

/// What an incident is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct NewIncident {
    /// What people call it.
    pub title: String,
    /// The tickets about it.
    pub tickets: Vec<Uuid>,
    /// The ticket that stands for the matter; it is in the incident with the others.
    pub parent_id: Option<Uuid>,
}

impl NewIncident {
    /// The incident, fit to be stored.
    ///
    /// **Errors:** every bad field.
    pub fn validate(self) -> Result<Self, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.line("title", &self.title, MAX_SUBJECT_CHARS);
        match check_incident_tickets(self.tickets.len()) {
            Ok(()) => {}
            Err(fault) => checks.refuse("tickets", fault.code, fault.message),
        }
        checks.finish(self)
    }
}

/// Whether a caller may name so many tickets at once.
///
/// **Errors:** none are named, or more than [`MAX_INCIDENT_TICKETS`].
pub fn check_incident_tickets(count: usize) -> Result<(), FieldError> {
    if count == 0 {
        let message = "must name at least one ticket";
        return Err(FieldError::new("tickets", FieldCode::Empty, message));
    }
    if count > MAX_INCIDENT_TICKETS {
        let message = format!("has {count} entries, at most {MAX_INCIDENT_TICKETS}");
        return Err(FieldError::new("tickets", FieldCode::TooLong, message));
    }
    Ok(())
}

/// Whether the incident takes tickets and replies.
///
/// **Errors:** it is closed.
pub fn check_incident_open(incident: &Incident) -> Result<(), FieldError> {
    match incident.state {
        IncidentState::Open => Ok(()),
        IncidentState::Closed => {
            let message = "the incident is closed; reopen it first";
            Err(FieldError::new("id", FieldCode::Refused, message))
        }
    }
}

/// Whether the incident may be opened again.
///
/// **Errors:** it is open.
pub fn check_incident_closed(incident: &Incident) -> Result<(), FieldError> {
    match incident.state {
        IncidentState::Closed => Ok(()),
        IncidentState::Open => Err(FieldError::new("id", FieldCode::Refused, "the incident is open")),
    }
}

/// What an agent says to everyone in an incident: a public message of the desk's side.
///
/// **Errors:** every bad field.
pub fn incident_reply(body: String, agent_id: Option<Uuid>, name: String) -> Result<ValidMessage, Vec<FieldError>> {
    let mut checks = Checks::default();
    checks.text("body", &body, MAX_BODY_CHARS);
    checks.line("author.name", &name, MAX_NAME_CHARS);
    checks.finish(())?;
    let author = Author {
        kind: AuthorKind::Agent,
        id: agent_id,
        name: Some(name),
    };
    let message = NewMessage {
        author,
        visibility: Visibility::Public,
        body,
    };
    message.validate()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(title: &str, tickets: usize) -> Vec<(String, FieldCode)> {
        let incident = NewIncident {
            title: title.to_owned(),
            tickets: (0..tickets).map(|at| Uuid::from_u128(at as u128)).collect(),
            parent_id: None,
        };
        let faults = incident.validate().err().unwrap_or_default();
        faults.into_iter().map(|fault| (fault.field, fault.code)).collect()
    }

    #[test]
    fn an_incident_has_a_title_and_tickets() {
        assert_eq!(refused("Tills do not sync", 1), []);
        assert_eq!(refused("Tills do not sync", MAX_INCIDENT_TICKETS), []);
        let both = [
            ("title".to_owned(), FieldCode::Empty),
            ("tickets".to_owned(), FieldCode::Empty),
        ];
        assert_eq!(refused(" ", 0), both);
        let too_many = [("tickets".to_owned(), FieldCode::TooLong)];
        assert_eq!(refused("Tills", MAX_INCIDENT_TICKETS + 1), too_many);
    }

    #[test]
    fn only_an_open_incident_is_worked_on() {
        let mut incident = Incident {
            id: Uuid::nil(),
            title: "Tills".to_owned(),
            state: IncidentState::Open,
            parent_id: None,
            version: 1,
            created_by: Actor::system("test"),
            created_at: OffsetDateTime::UNIX_EPOCH,
            updated_at: OffsetDateTime::UNIX_EPOCH,
            closed_at: None,
        };
        assert_eq!(check_incident_open(&incident), Ok(()));
        assert!(check_incident_closed(&incident).is_err());
        incident.state = IncidentState::Closed;
        assert!(check_incident_open(&incident).is_err());
        assert_eq!(check_incident_closed(&incident), Ok(()));
    }

    #[test]
    fn a_reply_is_public_and_the_desks() {
        let reply = incident_reply("It works again.".to_owned(), None, "Noor".to_owned()).expect("a reply");
        assert_eq!(reply.fields().visibility, Visibility::Public);
        assert_eq!(reply.fields().author.kind, AuthorKind::Agent);
        assert!(incident_reply(" ".to_owned(), None, "Noor".to_owned()).is_err());
    }
}
