//! `/v1/tickets/{id}/merge` and `/unmerge`: tickets about one matter become one conversation, and two again.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::etag::{IfMatch, etag};
use crate::http::failure::store_problem;
use crate::http::json::Body;
use crate::http::login::Agent;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::query::Segment;
use crate::http::ticket_view::TicketView;
use crate::http::tickets::{find, named, not_found, stored_view};

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(merge)).routes(routes!(unmerge))
}

/// Where a ticket is merged to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeBody {
    /// The ticket whose conversation goes on.
    into: TicketReference,
}

/// A ticket by its short number, or by its id.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum TicketReference {
    /// The short number.
    Number(i64),
    /// The id, or the short number as text.
    Text(String),
}

impl TicketReference {
    /// What a path would name it by.
    pub fn into_text(self) -> String {
        match self {
            TicketReference::Number(number) => number.to_string(),
            TicketReference::Text(text) => text,
        }
    }
}

/// Merges a ticket into another: it closes, and its texts are read in the other's conversation with their origin.
///
/// Nothing is moved, so unmerging gives back exactly what was. A ticket that is itself merged is refused as the other
/// one; name the one it was merged into.
#[utoipa::path(post, operation_id = "merge_ticket", path = "/tickets/{id}/merge", tag = "tickets", request_body = MergeBody,
    params(("id" = String, Path, description = "The ticket's id, or its short number."),
        ("If-Match" = String, Header, description = "The ETag of the ticket that is merged.")),
    responses((status = 200, body = TicketView), (status = 404, body = ProblemDocument),
        (status = 412, body = ProblemDocument), (status = 422, body = ProblemDocument), (status = 428, body = ProblemDocument)))]
async fn merge(
    State(app): State<Arc<App>>,
    Agent(login): Agent,
    Segment(reference): Segment,
    IfMatch(version): IfMatch,
    Body(body): Body<MergeBody>,
) -> Result<impl IntoResponse, Problem> {
    let actor = login.actor();
    let ticket = find(&app, login, &reference).await?;
    let survivor = named(&app, &body.into.into_text()).await.map_err(store_problem)?;
    let unknown = || Problem::invalid_field("into", "unknown", "names no ticket");
    let into = survivor.ok_or_else(unknown)?.id;
    let merged = app.store().merge_ticket(ticket.id, into, Some(version), &actor).await;
    let ticket = merged.map_err(store_problem)?.ok_or_else(not_found)?;
    Ok((etag(ticket.version), Json(stored_view(&app, ticket).await)))
}

/// Takes a merged ticket out again: it has the status, assignment and messages it had.
#[utoipa::path(post, operation_id = "unmerge_ticket", path = "/tickets/{id}/unmerge", tag = "tickets",
    params(("id" = String, Path, description = "The ticket's id, or its short number."),
        ("If-Match" = String, Header, description = "The ETag of the ticket that is taken out.")),
    responses((status = 200, body = TicketView), (status = 404, body = ProblemDocument),
        (status = 412, body = ProblemDocument), (status = 422, body = ProblemDocument), (status = 428, body = ProblemDocument)))]
async fn unmerge(
    State(app): State<Arc<App>>,
    Agent(login): Agent,
    Segment(reference): Segment,
    IfMatch(version): IfMatch,
) -> Result<impl IntoResponse, Problem> {
    let actor = login.actor();
    let ticket = find(&app, login, &reference).await?;
    let alone = app.store().unmerge_ticket(ticket.id, Some(version), &actor).await;
    let ticket = alone.map_err(store_problem)?.ok_or_else(not_found)?;
    Ok((etag(ticket.version), Json(stored_view(&app, ticket).await)))
}
