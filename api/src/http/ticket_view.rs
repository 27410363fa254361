//! A ticket as the caller sees it.

use desk::{Channel, Decision, Priority, Ticket, TriageState, WorkStatus};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::Names;
use crate::http::decision_view::DecisionView;
use crate::http::words;

/// A ticket.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketView {
    /// UUIDv7.
    id: Uuid,
    /// The short number people say on the phone.
    number: i64,
    /// How far triage has come.
    #[schema(value_type = words::TriageState)]
    state: TriageState,
    /// How far people have come.
    #[schema(value_type = words::WorkStatus)]
    status: WorkStatus,
    /// What it is about; null until triaged, or where a person must say.
    #[schema(example = "billing_payment")]
    category: Option<String>,
    /// How soon it needs someone.
    #[schema(value_type = Option<words::Priority>)]
    priority: Option<Priority>,
    /// Detected language.
    #[schema(example = "en")]
    language: Option<String>,
    /// The team that answers it.
    team: Option<Named>,
    /// The agent who answers it.
    agent: Option<Named>,
    /// The subject line; empty where there was none.
    subject: String,
    /// What the customer wrote.
    body: String,
    /// The way it came in.
    #[schema(value_type = words::Channel)]
    channel: Channel,
    /// The client it belongs to.
    account_id: Option<Uuid>,
    /// The person who wrote it.
    contact_id: Option<Uuid>,
    /// Address of the person who wrote it.
    requester_email: Option<String>,
    /// Name of the person who wrote it.
    requester_name: Option<String>,
    /// Free words to find it by.
    tags: Vec<String>,
    /// The namespace of `external_id`.
    source: String,
    /// The ticket's id in the system it comes from.
    external_id: Option<String>,
    /// The ticket it was merged into, and in whose conversation it is read; null for one that stands alone.
    merged_into: Option<Uuid>,
    /// The tickets merged into it; absent in lists, and where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    merged: Vec<MergedView>,
    /// Counts the changes; the ETag.
    version: i64,
    /// Attempts at triage that failed.
    attempts: i32,
    /// When triage tries again.
    #[serde(with = "time::serde::rfc3339::option")]
    next_attempt_at: Option<OffsetDateTime>,
    /// When it was written.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
    /// When triage finished.
    #[serde(with = "time::serde::rfc3339::option")]
    triaged_at: Option<OffsetDateTime>,
    /// What triage decided and why; absent in lists and before triage.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<DecisionView>,
}

/// A ticket that was merged into another.
#[derive(Debug, Serialize, ToSchema)]
pub struct MergedView {
    /// Its id.
    id: Uuid,
    /// Its short number.
    number: i64,
}

/// A team or an agent by id and name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Named {
    /// The id.
    pub id: Uuid,
    /// The name; null where it is not known any more.
    pub name: Option<String>,
}

impl TicketView {
    /// The view of a ticket.
    pub fn of(ticket: Ticket, decision: Option<Decision>, names: &Names) -> Self {
        TicketView {
            id: ticket.id,
            number: ticket.number,
            state: ticket.state,
            status: ticket.status,
            category: ticket.category,
            priority: ticket.priority,
            language: ticket.language,
            team: ticket.team_id.map(|id| Named {
                id,
                name: names.team(id),
            }),
            agent: ticket.agent_id.map(|id| Named {
                id,
                name: names.agent(id),
            }),
            subject: ticket.subject,
            body: ticket.body,
            channel: ticket.channel,
            account_id: ticket.account_id,
            contact_id: ticket.contact_id,
            requester_email: ticket.requester_email,
            requester_name: ticket.requester_name,
            tags: ticket.tags,
            source: ticket.source,
            external_id: ticket.external_id,
            merged_into: ticket.merged_into,
            merged: Vec::new(),
            version: ticket.version,
            attempts: ticket.attempts,
            next_attempt_at: ticket.next_attempt_at,
            created_at: ticket.created_at,
            updated_at: ticket.updated_at,
            triaged_at: ticket.triaged_at,
            decision: decision.map(DecisionView::from),
        }
    }
    /// The view with the tickets that were merged into it.
    pub fn with_merged(mut self, merged: &[Ticket]) -> Self {
        let view = |ticket: &Ticket| MergedView {
            id: ticket.id,
            number: ticket.number,
        };
        self.merged = merged.iter().map(view).collect();
        self
    }
}
