//! The audit: who did what to what, append-only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::word::words;

words! {
    /// What kind of doer acted.
    "actor" ActorKind {
        /// The holder of an API token.
        Token = "token",
        /// Someone at the command line of the machine.
        Operator = "operator",
        /// The desk itself.
        System = "system",
    }
}

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// What kind of doer.
    pub kind: ActorKind,
    /// The token's id, where it was one.
    pub id: Option<Uuid>,
    /// Name to show: of the token, or of the part of the desk.
    pub name: String,
}

impl Actor {
    /// A part of the desk itself, e.g. `triage`.
    pub fn system(name: &str) -> Self {
        Actor {
            kind: ActorKind::System,
            id: None,
            name: name.to_owned(),
        }
    }

    /// Someone at the command line.
    pub fn operator(name: &str) -> Self {
        Actor {
            kind: ActorKind::Operator,
            id: None,
            name: name.to_owned(),
        }
    }

    /// The holder of a token.
    pub fn token(id: Uuid, name: &str) -> Self {
        Actor {
            kind: ActorKind::Token,
            id: Some(id),
            name: name.to_owned(),
        }
    }
}

words! {
    /// What happened.
    "event" EventKind {
        /// A ticket was stored.
        TicketSubmitted = "ticket.submitted",
        /// Triage finished with a decision, or gave up on what people had said already.
        TicketTriaged = "ticket.triaged",
        /// Triage finished by asking for a person.
        TicketNeedsHuman = "ticket.needs_human",
        /// An attempt at triage failed; it will be tried again.
        TicketAttemptFailed = "ticket.attempt_failed",
        /// Someone changed a ticket.
        TicketChanged = "ticket.changed",
        /// Someone put a decided value right.
        TicketCorrected = "ticket.corrected",
        /// Someone merged a ticket into another.
        TicketMerged = "ticket.merged",
        /// Another ticket was merged into this one.
        TicketAbsorbed = "ticket.absorbed",
        /// Someone took a merged ticket out again.
        TicketUnmerged = "ticket.unmerged",
        /// A ticket that was merged into this one was taken out again.
        TicketReleased = "ticket.released",
        /// Someone made an incident of tickets.
        IncidentCreated = "incident.created",
        /// A ticket was put into an incident; told of both.
        IncidentTicketAdded = "incident.ticket_added",
        /// A ticket was taken out of an incident; told of both.
        IncidentTicketRemoved = "incident.ticket_removed",
        /// Everyone in an incident was answered; each ticket has its message as well.
        IncidentReplied = "incident.replied",
        /// An incident was closed with its tickets.
        IncidentClosed = "incident.closed",
        /// A closed incident was opened again with its tickets.
        IncidentReopened = "incident.reopened",
        /// Someone wrote on a ticket.
        MessageAdded = "message.added",
        /// An agent said whether a suggested answer was one.
        SuggestionJudged = "suggestion.judged",
        /// An account was created.
        AccountCreated = "account.created",
        /// An account was changed.
        AccountChanged = "account.changed",
        /// A contact was created.
        ContactCreated = "contact.created",
        /// A contact was changed.
        ContactChanged = "contact.changed",
        /// A team was created.
        TeamCreated = "team.created",
        /// A team was changed.
        TeamChanged = "team.changed",
        /// An agent was created.
        AgentCreated = "agent.created",
        /// An agent was changed.
        AgentChanged = "agent.changed",
        /// An article was written.
        ArticleCreated = "article.created",
        /// An article was changed.
        ArticleChanged = "article.changed",
        /// A token was made.
        TokenCreated = "token.created",
        /// A token was revoked.
        TokenRevoked = "token.revoked",
        /// A version of a head was added.
        ModelAdded = "model.added",
        /// Another version of a head was made active.
        ModelActivated = "model.activated",
        /// The active version of a head could not be used; the one before goes on serving.
        ModelRefused = "model.refused",
        /// A version of a head is tried out beside the active one.
        ModelShadowed = "model.shadowed",
        /// A version of a head is tried out no longer.
        ModelShadowEnded = "model.shadow_ended",
        /// A version of a head that never decided anything was removed.
        ModelForgotten = "model.forgotten",
    }
}

words! {
    /// What an event is about.
    "subject" SubjectKind {
        /// A ticket.
        Ticket = "ticket",
        /// An incident.
        Incident = "incident",
        /// An account.
        Account = "account",
        /// A contact.
        Contact = "contact",
        /// A team.
        Team = "team",
        /// An agent.
        Agent = "agent",
        /// An article of the knowledge base.
        Article = "article",
        /// An API token.
        Token = "token",
        /// A version of a head.
        Model = "model",
    }
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// What kind of thing.
    pub kind: SubjectKind,
    /// Which one.
    pub id: Uuid,
}

impl Subject {
    /// An incident.
    pub fn incident(id: Uuid) -> Self {
        Subject {
            kind: SubjectKind::Incident,
            id,
        }
    }

    /// A ticket.
    pub fn ticket(id: Uuid) -> Self {
        Subject {
            kind: SubjectKind::Ticket,
            id,
        }
    }
}

/// One line of the audit; never changed, never deleted. **Persisted.**
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// UUIDv7: sorts by time.
    pub id: Uuid,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Who.
    pub actor: Actor,
    /// What.
    pub kind: EventKind,
    /// To what.
    pub subject: Subject,
    /// Details by name, e.g. `category.before`; never ticket text.
    pub data: BTreeMap<String, String>,
}
