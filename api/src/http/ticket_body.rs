//! Tickets as callers send them.

use desk::{Channel, NewTicket, Priority, TicketPatch, WorkStatus};
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::patch::present;
use crate::http::words;

/// A ticket to submit.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TicketBody {
    /// One line saying what it is about; left out where the channel has none.
    #[schema(example = "Card refused twice")]
    subject: Option<String>,
    /// What the customer wrote.
    #[schema(example = "We were charged twice for October, please send one of the payments back.")]
    body: String,
    /// The way it came in; `api` when left out.
    #[schema(value_type = Option<words::Channel>)]
    channel: Option<Channel>,
    /// The client it belongs to.
    account_id: Option<Uuid>,
    /// The person who wrote it.
    contact_id: Option<Uuid>,
    /// The ticket's id in the system it comes from; once per source.
    external_id: Option<String>,
    /// The namespace of `external_id`.
    source: Option<String>,
    /// Address of the person who wrote it.
    #[schema(example = "ines@harbourstreet.example")]
    requester_email: Option<String>,
    /// Name of the person who wrote it.
    requester_name: Option<String>,
    /// Free words to find it by.
    #[serde(default)]
    tags: Vec<String>,
    /// When it was written; now when left out.
    #[serde(default, with = "time::serde::rfc3339::option")]
    created_at: Option<OffsetDateTime>,
}

/// A change to a ticket; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TicketChange {
    /// The right category; kept as a correction.
    #[schema(example = "billing_payment")]
    category: Option<String>,
    /// The right priority; kept as a correction.
    #[schema(value_type = Option<words::Priority>)]
    priority: Option<Priority>,
    /// The right team; kept as a correction.
    team_id: Option<Uuid>,
    /// The agent who takes it; null gives it back to the team.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<Uuid>)]
    agent_id: Option<Option<Uuid>>,
    /// How far people have come.
    #[schema(value_type = Option<words::WorkStatus>)]
    status: Option<WorkStatus>,
    /// The tags it has from now on.
    tags: Option<Vec<String>>,
}

impl TicketChange {
    /// The change in the desk's words, not yet checked.
    pub fn into_patch(self) -> TicketPatch {
        TicketPatch {
            category: self.category,
            priority: self.priority,
            team_id: self.team_id,
            agent_id: self.agent_id,
            status: self.status,
            tags: self.tags,
        }
    }
}

impl From<TicketBody> for NewTicket {
    fn from(body: TicketBody) -> Self {
        NewTicket {
            subject: body.subject,
            body: body.body,
            channel: body.channel.unwrap_or(Channel::Api),
            account_id: body.account_id,
            contact_id: body.contact_id,
            external_id: body.external_id,
            source: body.source,
            requester_email: body.requester_email,
            requester_name: body.requester_name,
            tags: body.tags,
            created_at: body.created_at,
        }
    }
}
