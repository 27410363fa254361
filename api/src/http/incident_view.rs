//! An incident as callers send and see it.

use desk::{Incident, IncidentState, IncidentWithTickets, Ticket, ValidMessage, WorkStatus};
use serde::{Deserialize, Serialize};
use store::IncidentReply;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::login::Login;
use crate::http::merges::TicketReference;
use crate::http::problem::Problem;
use crate::http::words;

/// An incident to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IncidentBody {
    /// What people call it.
    #[schema(example = "Tills do not sync (SYNC-5031)")]
    pub title: String,
    /// The tickets about it, 1 to 500; a merged one counts as the one it was merged into.
    pub tickets: Vec<TicketReference>,
    /// The ticket that stands for the matter; it is in the incident with the others.
    pub parent: Option<TicketReference>,
}

/// Tickets to put into an incident.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IncidentTicketsBody {
    /// The tickets, 1 to 500; those that are in it already stay.
    pub tickets: Vec<TicketReference>,
}

/// What is said to everyone in an incident.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IncidentReplyBody {
    /// What it says.
    #[schema(example = "Syncing works again. Please restart the till once.")]
    body: String,
    /// Who of the desk says it; the token's name when left out.
    author: Option<ReplyAuthorBody>,
}

/// Who of the desk speaks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplyAuthorBody {
    /// The agent, where known.
    id: Option<Uuid>,
    /// Name to show.
    name: String,
}

/// How an incident is closed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IncidentClosingBody {
    /// A last word to everyone, sent with the closing or not at all.
    pub reply: Option<IncidentReplyBody>,
}

/// An incident, as lists have it.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentView {
    /// UUIDv7.
    id: Uuid,
    /// What people call it.
    title: String,
    /// Whether it is worked on.
    #[schema(value_type = words::IncidentState)]
    state: IncidentState,
    /// The one of its tickets that stands for the matter.
    parent_id: Option<Uuid>,
    /// Counts the changes; the ETag.
    version: i64,
    /// Name of who made it.
    created_by: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
    /// When it was closed; null while it is open.
    #[serde(with = "time::serde::rfc3339::option")]
    closed_at: Option<OffsetDateTime>,
}

/// An incident with its tickets.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentDetailView {
    #[serde(flatten)]
    incident: IncidentView,
    /// How many customers wrote them; people of one account are one customer.
    reporters: usize,
    /// Its tickets in the order of their numbers; a merged one is there as the one it was merged into.
    tickets: Vec<MemberView>,
}

/// A ticket in an incident.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberView {
    /// Its id.
    id: Uuid,
    /// Its short number.
    number: i64,
    /// Its subject.
    subject: String,
    /// How far people have come with it.
    #[schema(value_type = words::WorkStatus)]
    status: WorkStatus,
    /// Address of the person who wrote it.
    requester_email: Option<String>,
    /// Name of the person who wrote it.
    requester_name: Option<String>,
    /// The client it belongs to.
    account_id: Option<Uuid>,
}

/// A reply that went to every ticket of an incident.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentReplyView {
    /// UUIDv7.
    id: Uuid,
    /// The incident.
    incident_id: Uuid,
    /// The message on each ticket.
    messages: Vec<ReplyMessageView>,
    /// When it went out.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

/// The message of a reply on one ticket.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplyMessageView {
    /// The ticket.
    ticket_id: Uuid,
    /// The message on it.
    message_id: Uuid,
}

impl IncidentReplyBody {
    /// The message, fit to be sent.
    ///
    /// **Errors:** every bad field.
    pub fn message(self, login: &Login) -> Result<ValidMessage, Problem> {
        let (id, name) = match self.author {
            Some(author) => (author.id, author.name),
            None => (None, login.actor().name),
        };
        desk::incident_reply(self.body, id, name).map_err(Problem::invalid)
    }
}

impl From<Incident> for IncidentView {
    fn from(incident: Incident) -> Self {
        IncidentView {
            id: incident.id,
            title: incident.title,
            state: incident.state,
            parent_id: incident.parent_id,
            version: incident.version,
            created_by: incident.created_by.name,
            created_at: incident.created_at,
            updated_at: incident.updated_at,
            closed_at: incident.closed_at,
        }
    }
}

impl From<IncidentWithTickets> for IncidentDetailView {
    fn from(found: IncidentWithTickets) -> Self {
        IncidentDetailView {
            incident: found.incident.into(),
            reporters: desk::incident::reporters(&found.tickets),
            tickets: found.tickets.into_iter().map(MemberView::from).collect(),
        }
    }
}

impl From<Ticket> for MemberView {
    fn from(ticket: Ticket) -> Self {
        MemberView {
            id: ticket.id,
            number: ticket.number,
            subject: ticket.subject,
            status: ticket.status,
            requester_email: ticket.requester_email,
            requester_name: ticket.requester_name,
            account_id: ticket.account_id,
        }
    }
}

impl From<IncidentReply> for IncidentReplyView {
    fn from(reply: IncidentReply) -> Self {
        let message = |(ticket_id, message_id)| ReplyMessageView { ticket_id, message_id };
        IncidentReplyView {
            id: reply.id,
            incident_id: reply.incident_id,
            messages: reply.messages.into_iter().map(message).collect(),
            created_at: reply.created_at,
        }
    }
}
