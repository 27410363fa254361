//! `/v1/tickets/{id}/events`: who did what to a ticket.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use desk::{Actor, ActorKind, Event, EventKind, Subject};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::http::failure::store_problem;
use crate::http::login::Agent;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::query::{List, PageParams, Params, Segment};
use crate::http::tickets::find;
use crate::http::words;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// One line of the audit.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventView {
    /// UUIDv7.
    id: Uuid,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Who.
    actor: ActorView,
    /// What.
    #[schema(value_type = words::EventKind)]
    kind: EventKind,
    /// Details by name; never ticket text.
    data: BTreeMap<String, String>,
}

/// Who acted.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActorView {
    /// What kind of doer.
    #[schema(value_type = words::ActorKind)]
    kind: ActorKind,
    /// The token's id, where it was one.
    id: Option<Uuid>,
    /// Name to show.
    name: String,
}

/// Lists what happened to a ticket, oldest first.
#[utoipa::path(get, operation_id = "list_ticket_events", path = "/tickets/{id}/events", tag = "tickets",
    params(("id" = String, Path, description = "The ticket's id, or its short number."), PageParams),
    responses((status = 200, body = List<EventView>), (status = 404, body = ProblemDocument)))]
async fn list(
    State(app): State<Arc<App>>,
    Agent(login): Agent,
    Segment(reference): Segment,
    Params(params): Params<PageParams>,
) -> Result<Json<List<EventView>>, Problem> {
    let ticket = find(&app, login, &reference).await?;
    let page = app
        .store()
        .list_events(Subject::ticket(ticket.id), &params.page_alone()?)
        .await
        .map_err(store_problem)?;
    Ok(Json(List::of(page, EventView::from)))
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        let Actor { kind, id, name } = event.actor;
        let actor = ActorView { kind, id, name };
        EventView {
            id: event.id,
            created_at: event.created_at,
            actor,
            kind: event.kind,
            data: event.data,
        }
    }
}
