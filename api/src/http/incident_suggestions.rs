//! `/v1/incidents/suggestions`: several customers reporting one thing, as triage sees it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use desk::{IncidentLink, IncidentSuggestion, Ticket, WorkStatus};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::http::failure::triage_problem;
use crate::http::login::Agent;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::query::{Params, read, refuse_faults, whole_number};
use crate::http::words;

/// Hours looked back when the caller names no number.
const DEFAULT_HOURS: u32 = 72;
const MAX_HOURS: u32 = 720;
/// Customers that make an incident when the caller names no number.
const DEFAULT_REPORTERS: u32 = 3;
/// One customer who writes twice is no incident.
const MIN_REPORTERS: u32 = 2;
const MAX_REPORTERS: u32 = 100;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(suggestions))
}

/// What counts as an incident.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct IncidentSuggestionParams {
    /// Hours looked back, 1 to 720; 72 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 720)]
    hours: Option<String>,
    /// Customers who must have reported it, 2 to 100; 3 when left out. People of one account are one customer.
    #[param(value_type = Option<u32>, minimum = 2, maximum = 100)]
    reporters: Option<String>,
}

/// Open tickets that are probably incidents.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentSuggestionsView {
    /// The one with the most customers first.
    items: Vec<IncidentSuggestionView>,
}

/// Open tickets of several customers that are probably about one thing.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentSuggestionView {
    /// The subject of the oldest of them.
    title: String,
    /// How many customers wrote them.
    reporters: usize,
    /// The open incident about the same thing, to which the tickets may be added; null where there is none.
    incident_id: Option<Uuid>,
    /// The tickets that are in no open incident yet, oldest first.
    tickets: Vec<IncidentTicketView>,
    /// Why they are together.
    links: Vec<IncidentLinkView>,
}

/// A ticket of an incident.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentTicketView {
    /// Its id.
    id: Uuid,
    /// Its short number.
    number: i64,
    /// Its subject.
    subject: String,
    /// How far people have come with it.
    #[schema(value_type = words::WorkStatus)]
    status: WorkStatus,
    /// When it was written.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

/// Two tickets that triage flagged as the same matter.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentLinkView {
    /// The short number of the later one.
    number: i64,
    /// The short number of the earlier one.
    other_number: i64,
    /// Of being the same matter, 0 to 1.
    probability: f64,
    /// What the two share, in words.
    reasons: Vec<String>,
}

/// Lists groups of open tickets that are probably one incident: several customers wrote them, and triage flagged them
/// as the same matter, directly or over another of them. Tickets of an open incident are left out; what looks like
/// one of them is offered with that incident's id.
///
/// The 2,000 tickets that arrived last are looked at. Nothing is changed by it.
#[utoipa::path(get, operation_id = "list_incident_suggestions", path = "/incidents/suggestions", tag = "tickets",
    params(IncidentSuggestionParams),
    responses((status = 200, body = IncidentSuggestionsView), (status = 422, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
async fn suggestions(
    State(app): State<Arc<App>>,
    _: Agent,
    Params(params): Params<IncidentSuggestionParams>,
) -> Result<Json<IncidentSuggestionsView>, Problem> {
    let (hours, reporters) = params.parse()?;
    let since = store::now() - Duration::hours(i64::from(hours));
    let found = app.triage.suggest_incidents(since, reporters as usize).await;
    let found = found.map_err(triage_problem)?;
    Ok(Json(IncidentSuggestionsView {
        items: found.into_iter().map(IncidentSuggestionView::from).collect(),
    }))
}

impl IncidentSuggestionParams {
    fn parse(self) -> Result<(u32, u32), Problem> {
        let mut faults = Vec::new();
        let hours = read("hours", self.hours, &mut faults, whole_number(1..=MAX_HOURS));
        let range = MIN_REPORTERS..=MAX_REPORTERS;
        let reporters = read("reporters", self.reporters, &mut faults, whole_number(range));
        refuse_faults(faults)?;
        Ok((hours.unwrap_or(DEFAULT_HOURS), reporters.unwrap_or(DEFAULT_REPORTERS)))
    }
}

impl From<IncidentSuggestion> for IncidentSuggestionView {
    fn from(found: IncidentSuggestion) -> Self {
        let title = found.tickets.first().map(|ticket| ticket.subject.clone());
        IncidentSuggestionView {
            title: title.unwrap_or_default(),
            reporters: found.reporters,
            incident_id: found.incident,
            tickets: found.tickets.into_iter().map(IncidentTicketView::from).collect(),
            links: found.links.into_iter().map(IncidentLinkView::from).collect(),
        }
    }
}

impl From<Ticket> for IncidentTicketView {
    fn from(ticket: Ticket) -> Self {
        IncidentTicketView {
            id: ticket.id,
            number: ticket.number,
            subject: ticket.subject,
            status: ticket.status,
            created_at: ticket.created_at,
        }
    }
}

impl From<IncidentLink> for IncidentLinkView {
    fn from(link: IncidentLink) -> Self {
        IncidentLinkView {
            number: link.number,
            other_number: link.other_number,
            probability: link.probability,
            reasons: link.reasons,
        }
    }
}
