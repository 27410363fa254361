//! `/v1/tickets/{id}/duplicates`: tickets that may be about the same matter.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use desk::{Duplicate, Ticket, WorkStatus};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::http::failure::triage_problem;
use crate::http::login::Agent;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::query::Segment;
use crate::http::tickets::find;
use crate::http::words;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Tickets that may be about the same matter.
#[derive(Debug, Serialize, ToSchema)]
pub struct DuplicatesView {
    /// Whether at least one is probable enough to be shown to an agent unasked.
    flagged: bool,
    /// The probability from which on a ticket is flagged, 0 to 1.
    threshold: f64,
    /// Most probable first.
    items: Vec<DuplicateView>,
}

/// A ticket that may be about the same matter.
#[derive(Debug, Serialize, ToSchema)]
pub struct DuplicateView {
    /// The other ticket.
    ticket_id: Uuid,
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
    /// Whether the probability reaches the threshold.
    flagged: bool,
    /// Of being the same matter, 0 to 1.
    probability: f64,
    /// What is shared, in words.
    reasons: Vec<String>,
}

/// Lists tickets that may be about the same matter, most probable first.
///
/// They may be of other customers and channels. Nothing is merged by it.
#[utoipa::path(get, operation_id = "list_ticket_duplicates", path = "/tickets/{id}/duplicates", tag = "tickets",
    params(("id" = String, Path, description = "The ticket's id, or its short number.")),
    responses((status = 200, body = DuplicatesView), (status = 404, body = ProblemDocument),
        (status = 429, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
async fn list(
    State(app): State<Arc<App>>,
    Agent(login): Agent,
    Segment(reference): Segment,
) -> Result<Json<DuplicatesView>, Problem> {
    let ticket = find(&app, login, &reference).await?;
    let found = app.triage.duplicates(&ticket).await.map_err(triage_problem)?;
    Ok(Json(DuplicatesView {
        flagged: found.iter().any(|(duplicate, _)| duplicate.flagged),
        threshold: app.triage.models().duplicates.threshold,
        items: found.into_iter().map(DuplicateView::from).collect(),
    }))
}

impl From<(Duplicate, Ticket)> for DuplicateView {
    fn from((duplicate, ticket): (Duplicate, Ticket)) -> Self {
        DuplicateView {
            ticket_id: ticket.id,
            number: ticket.number,
            subject: ticket.subject,
            status: ticket.status,
            created_at: ticket.created_at,
            flagged: duplicate.flagged,
            probability: duplicate.probability,
            reasons: duplicate.reasons,
        }
    }
}
