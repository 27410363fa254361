//! `/v1/incidents`: several tickets about one thing, answered and closed together.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use desk::{FieldError, IncidentState, IncidentWithTickets, NewIncident, Subject};
use serde::Deserialize;
use store::StoreError;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::http::etag::{IfMatch, etag};
use crate::http::events::EventView;
use crate::http::failure::store_problem;
use crate::http::incident_view::{
    IncidentBody, IncidentClosingBody, IncidentDetailView, IncidentReplyBody, IncidentReplyView, IncidentTicketsBody,
    IncidentView,
};
use crate::http::json::Body;
use crate::http::login::Agent;
use crate::http::merges::TicketReference;
use crate::http::problem::{BadField, Problem, ProblemDocument};
use crate::http::query::{Id, List, PageParams, Params, read as read_param, refuse_faults, word};
use crate::http::submission::Submission;
use crate::http::tickets::{named, replayed};

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(read))
        .routes(routes!(add))
        .routes(routes!(remove))
        .routes(routes!(reply))
        .routes(routes!(close))
        .routes(routes!(reopen))
        .routes(routes!(events))
}

/// Which incidents a list has.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct IncidentParams {
    /// Only those in this state: `open` or `closed`.
    state: Option<String>,
    /// Rows wanted, 1 to 200; 50 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next_cursor` of the page before; none for the first page.
    cursor: Option<String>,
}

/// Makes an incident of tickets.
///
/// A ticket is in at most one open incident. A merged ticket counts as the one it was merged into.
#[utoipa::path(post, operation_id = "create_incident", path = "/incidents", tag = "tickets", request_body = IncidentBody,
    responses((status = 201, body = IncidentDetailView), (status = 422, body = ProblemDocument)))]
async fn create(
    State(app): State<Arc<App>>,
    Agent(login): Agent,
    Body(body): Body<IncidentBody>,
) -> Result<impl IntoResponse, Problem> {
    let parent = body.parent.map(|parent| ("parent".to_owned(), parent));
    let parent = ids(&app, parent.into_iter().collect()).await?;
    let incident = NewIncident {
        title: body.title,
        tickets: ids(&app, numbered(body.tickets)?).await?,
        parent_id: parent.first().copied(),
    };
    let made = app.store().create_incident(incident, &login.actor()).await;
    Ok((StatusCode::CREATED, shown(made.map_err(store_problem)?)))
}

/// Lists incidents, the last made first.
#[utoipa::path(get, operation_id = "list_incidents", path = "/incidents", tag = "tickets", params(IncidentParams),
    responses((status = 200, body = List<IncidentView>), (status = 422, body = ProblemDocument)))]
async fn list(
    State(app): State<Arc<App>>,
    _: Agent,
    Params(params): Params<IncidentParams>,
) -> Result<Json<List<IncidentView>>, Problem> {
    let mut faults = Vec::new();
    let state: Option<IncidentState> = read_param("state", params.state, &mut faults, word);
    let (limit, cursor) = (params.limit, params.cursor);
    let page = PageParams { limit, cursor }.page(&mut faults);
    refuse_faults(faults)?;
    let page = app.store().list_incidents(state, &page).await.map_err(store_problem)?;
    Ok(Json(List::of(page, IncidentView::from)))
}

/// Reads an incident with its tickets.
#[utoipa::path(get, operation_id = "read_incident", path = "/incidents/{id}", tag = "tickets", params(("id" = Uuid, Path)),
    responses((status = 200, body = IncidentDetailView), (status = 404, body = ProblemDocument)))]
async fn read(State(app): State<Arc<App>>, _: Agent, Id(id): Id) -> Result<impl IntoResponse, Problem> {
    found(app.store().get_incident(id).await)
}

/// Puts tickets into an open incident.
#[utoipa::path(post, operation_id = "add_incident_tickets", path = "/incidents/{id}/tickets", tag = "tickets", request_body = IncidentTicketsBody,
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The ETag of the incident.")),
    responses((status = 200, body = IncidentDetailView), (status = 404, body = ProblemDocument),
        (status = 412, body = ProblemDocument), (status = 422, body = ProblemDocument), (status = 428, body = ProblemDocument)))]
async fn add(
    State(app): State<Arc<App>>,
    Agent(login): Agent,
    Id(id): Id,
    IfMatch(version): IfMatch,
    Body(body): Body<IncidentTicketsBody>,
) -> Result<impl IntoResponse, Problem> {
    let tickets = ids(&app, numbered(body.tickets)?).await?;
    let (store, actor) = (app.store(), login.actor());
    found(store.add_incident_tickets(id, &tickets, Some(version), &actor).await)
}

/// Takes a ticket out of an open incident; the ticket itself stays as it is.
#[utoipa::path(delete, operation_id = "remove_incident_ticket", path = "/incidents/{id}/tickets/{ticket}", tag = "tickets",
    params(("id" = Uuid, Path), ("ticket" = String, Path, description = "The ticket's id, or its short number."),
        ("If-Match" = String, Header, description = "The ETag of the incident.")),
    responses((status = 200, body = IncidentDetailView), (status = 404, body = ProblemDocument),
        (status = 412, body = ProblemDocument), (status = 422, body = ProblemDocument), (status = 428, body = ProblemDocument)))]
async fn remove(
    State(app): State<Arc<App>>,
    Agent(login): Agent,
    Member { incident, ticket }: Member,
    IfMatch(version): IfMatch,
) -> Result<impl IntoResponse, Problem> {
    let ticket = named(&app, &ticket).await.map_err(store_problem)?;
    let ticket = ticket.ok_or_else(no_member)?.id;
    let (store, actor) = (app.store(), login.actor());
    let left = store
        .remove_incident_ticket(incident, ticket, Some(version), &actor)
        .await;
    Ok(shown(left.map_err(store_problem)?.ok_or_else(no_member)?))
}

/// Answers every ticket of an open incident with one public message each: all of them or none.
///
/// The same `Idempotency-Key` with the same body gives the same reply, with status 200, and says nothing again.
#[utoipa::path(post, operation_id = "reply_to_incident", path = "/incidents/{id}/replies", tag = "tickets", request_body = IncidentReplyBody,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header, description = "Your name for this reply; sending it twice answers once.")),
    responses((status = 201, body = IncidentReplyView), (status = 200, body = IncidentReplyView, description = "Had been said before."),
        (status = 404, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
async fn reply(
    State(app): State<Arc<App>>,
    Agent(login): Agent,
    Id(id): Id,
    submission: Submission,
) -> Result<impl IntoResponse, Problem> {
    let key = submission.key(&login)?;
    let message = submission.body::<IncidentReplyBody>()?.message(&login)?;
    let (store, actor) = (app.store(), login.actor());
    let said = store.reply_to_incident(id, &message, key.as_ref(), &actor).await;
    let reply = said.map_err(store_problem)?.ok_or_else(not_found)?;
    let status = match reply.replayed {
        true => StatusCode::OK,
        false => StatusCode::CREATED,
    };
    Ok((status, replayed(reply.replayed), Json(IncidentReplyView::from(reply))))
}

/// Closes an incident: its open and pending tickets are solved with it, after a last word to everyone where one is
/// given. The body may be left out.
#[utoipa::path(post, operation_id = "close_incident", path = "/incidents/{id}/close", tag = "tickets", request_body = IncidentClosingBody,
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The ETag of the incident.")),
    responses((status = 200, body = IncidentDetailView), (status = 404, body = ProblemDocument),
        (status = 412, body = ProblemDocument), (status = 422, body = ProblemDocument), (status = 428, body = ProblemDocument)))]
async fn close(
    State(app): State<Arc<App>>,
    Agent(login): Agent,
    Id(id): Id,
    IfMatch(version): IfMatch,
    Closing(body): Closing,
) -> Result<impl IntoResponse, Problem> {
    let last_word = body.reply.map(|reply| reply.message(&login)).transpose()?;
    let (store, actor) = (app.store(), login.actor());
    found(
        store
            .close_incident(id, Some(version), last_word.as_ref(), &actor)
            .await,
    )
}

/// Opens a closed incident again: tickets that its closing solved, and that still are, have the status they had.
#[utoipa::path(post, operation_id = "reopen_incident", path = "/incidents/{id}/reopen", tag = "tickets",
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The ETag of the incident.")),
    responses((status = 200, body = IncidentDetailView), (status = 404, body = ProblemDocument),
        (status = 412, body = ProblemDocument), (status = 422, body = ProblemDocument), (status = 428, body = ProblemDocument)))]
async fn reopen(
    State(app): State<Arc<App>>,
    Agent(login): Agent,
    Id(id): Id,
    IfMatch(version): IfMatch,
) -> Result<impl IntoResponse, Problem> {
    found(app.store().reopen_incident(id, Some(version), &login.actor()).await)
}

/// Lists what happened to an incident, oldest first.
#[utoipa::path(get, operation_id = "list_incident_events", path = "/incidents/{id}/events", tag = "tickets",
    params(("id" = Uuid, Path), PageParams),
    responses((status = 200, body = List<EventView>), (status = 404, body = ProblemDocument)))]
async fn events(
    State(app): State<Arc<App>>,
    _: Agent,
    Id(id): Id,
    Params(params): Params<PageParams>,
) -> Result<Json<List<EventView>>, Problem> {
    let page = params.page_alone()?;
    let incident = app.store().get_incident(id).await.map_err(store_problem)?;
    let subject = Subject::incident(incident.ok_or_else(not_found)?.incident.id);
    let events = app.store().list_events(subject, &page).await.map_err(store_problem)?;
    Ok(Json(List::of(events, EventView::from)))
}

/// One ticket of an incident, named in a path.
struct Member {
    incident: Uuid,
    ticket: String,
}

impl FromRequestParts<Arc<App>> for Member {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let named = Path::<(Uuid, String)>::from_request_parts(parts, app).await;
        named
            .map(|Path((incident, ticket))| Member { incident, ticket })
            .map_err(|_| no_member())
    }
}

/// How an incident is closed; no body at all is a closing without a word.
struct Closing(IncidentClosingBody);

impl FromRequest<Arc<App>> for Closing {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let headers = request.headers();
        let length = headers.get(header::CONTENT_LENGTH).map(|length| length.as_bytes());
        let is_empty = length.is_none_or(|length| length == b"0") && !headers.contains_key(header::TRANSFER_ENCODING);
        if is_empty {
            return Ok(Closing(IncidentClosingBody::default()));
        }
        Body::from_request(request, app).await.map(|Body(body)| Closing(body))
    }
}

/// The references with the field each stands in.
///
/// **Errors:** none, or more than an incident has.
fn numbered(tickets: Vec<TicketReference>) -> Result<Vec<(String, TicketReference)>, Problem> {
    desk::check_incident_tickets(tickets.len()).map_err(|fault: FieldError| Problem::invalid([fault]))?;
    let field = |(at, ticket)| (format!("tickets[{at}]"), ticket);
    Ok(tickets.into_iter().enumerate().map(field).collect())
}

/// The ids of the tickets named.
///
/// **Errors:** 422, naming every one that does not exist.
async fn ids(app: &App, references: Vec<(String, TicketReference)>) -> Result<Vec<Uuid>, Problem> {
    let mut ids = Vec::with_capacity(references.len());
    let mut faults = Vec::new();
    for (field, reference) in references {
        match named(app, &reference.into_text()).await.map_err(store_problem)? {
            Some(ticket) => ids.push(ticket.id),
            None => faults.push(BadField::new(field, "unknown", "names no ticket")),
        }
    }
    refuse_faults(faults)?;
    Ok(ids)
}

fn found(read: Result<Option<IncidentWithTickets>, StoreError>) -> Result<impl IntoResponse, Problem> {
    read.map_err(store_problem)?.map(shown).ok_or_else(not_found)
}

fn shown(incident: IncidentWithTickets) -> impl IntoResponse {
    let etag = etag(incident.incident.version);
    (etag, Json(IncidentDetailView::from(incident)))
}

fn not_found() -> Problem {
    Problem::not_found("incident")
}

fn no_member() -> Problem {
    Problem::not_found("ticket of this incident")
}
