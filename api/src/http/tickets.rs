//! `/v1/tickets`: submit, read, list and change tickets.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use desk::{Decision, Role, Ticket};
use store::{StoreError, TicketFilter};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::{App, Names};
use crate::http::etag::{IfMatch, etag};
use crate::http::failure::{store_problem, triage_problem};
use crate::http::json::Body;
use crate::http::login::{Agent, Intake, Login};
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::query::{List, Params, Segment};
use crate::http::submission::Submission;
use crate::http::ticket_body::{TicketBody, TicketChange};
use crate::http::ticket_list::TicketParams;
use crate::http::ticket_view::TicketView;

/// Says that an idempotency key or external id had stored the ticket before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(submit, list))
        .routes(routes!(read, update))
}

/// Submits a ticket and answers it triaged.
///
/// The ticket is durable before anything else happens. The answer waits for its triage, at most
/// `triage.deadline_ms`; after that it comes back in state `received` and is triaged all the same.
/// The same `Idempotency-Key` with the same body gives the same ticket, with status 200.
#[utoipa::path(post, operation_id = "submit_ticket", path = "/tickets", tag = "tickets", request_body = TicketBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "Your name for this request; sending it twice stores one ticket.")),
    responses((status = 201, body = TicketView), (status = 200, body = TicketView, description = "Had been stored before."),
        (status = 400, body = ProblemDocument), (status = 413, body = ProblemDocument),
        (status = 422, body = ProblemDocument), (status = 429, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
async fn submit(
    State(app): State<Arc<App>>,
    Intake(login): Intake,
    submission: Submission,
) -> Result<impl IntoResponse, Problem> {
    let key = submission.key(&login)?;
    let submitted = app
        .triage
        .submit(submission.ticket()?, key, &login.actor())
        .await
        .map_err(triage_problem)?;
    let status = if submitted.replayed {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    let replayed = replayed(submitted.replayed);
    let etag = etag(submitted.ticket.version);
    let view = match submitted.decision {
        Some(decision) => {
            let names = if_readable(app.names().await);
            TicketView::of(submitted.ticket, Some(decision), &names)
        }
        None => stored_view(&app, submitted.ticket).await,
    };
    Ok((status, etag, replayed, Json(view)))
}

/// Lists tickets, newest first.
#[utoipa::path(get, operation_id = "list_tickets", path = "/tickets", tag = "tickets", params(TicketParams),
    responses((status = 200, body = List<TicketView>), (status = 422, body = ProblemDocument)))]
async fn list(
    State(app): State<Arc<App>>,
    _: Agent,
    Params(params): Params<TicketParams>,
) -> Result<Json<List<TicketView>>, Problem> {
    let (filter, page): (TicketFilter, _) = params.parse(&app.taxonomy)?;
    let page = app.store().list_tickets(&filter, &page).await.map_err(store_problem)?;
    let names = app.names().await.map_err(store_problem)?;
    Ok(Json(List::of(page, |ticket| TicketView::of(ticket, None, &names))))
}

/// Reads a ticket with its decision, by id or by number.
///
/// A token with the role intake reads by the id it was given, not by number.
#[utoipa::path(get, operation_id = "read_ticket", path = "/tickets/{id}", tag = "tickets",
    params(("id" = String, Path, description = "The id, or the short number.")),
    responses((status = 200, body = TicketView), (status = 404, body = ProblemDocument)))]
async fn read(
    State(app): State<Arc<App>>,
    Intake(login): Intake,
    Segment(reference): Segment,
) -> Result<impl IntoResponse, Problem> {
    let ticket = find(&app, login, &reference).await?;
    let around = Around::read(&app, ticket.id).await.map_err(store_problem)?;
    Ok((etag(ticket.version), Json(around.view(ticket))))
}

/// Changes a ticket; a changed category, priority or team is kept as a correction.
#[utoipa::path(patch, operation_id = "update_ticket", path = "/tickets/{id}", tag = "tickets", request_body = TicketChange,
    params(("id" = String, Path, description = "The id, or the short number."),
        ("If-Match" = String, Header, description = "The ETag the change was made from.")),
    responses((status = 200, body = TicketView), (status = 404, body = ProblemDocument),
        (status = 412, body = ProblemDocument), (status = 422, body = ProblemDocument), (status = 428, body = ProblemDocument)))]
async fn update(
    State(app): State<Arc<App>>,
    Agent(login): Agent,
    Segment(reference): Segment,
    IfMatch(version): IfMatch,
    Body(change): Body<TicketChange>,
) -> Result<impl IntoResponse, Problem> {
    let actor = login.actor();
    let id = find(&app, login, &reference).await?.id;
    let patch = change.into_patch().validate(&app.taxonomy).map_err(Problem::invalid)?;
    let changed = app
        .store()
        .patch_ticket(id, Some(version), &patch, &actor)
        .await
        .map_err(store_problem)?;
    let ticket = changed.ok_or_else(not_found)?;
    Ok((etag(ticket.version), Json(stored_view(&app, ticket).await)))
}

/// The ticket a path names, by id or number.
///
/// **Errors:** 404; 403 for a number asked with the role intake, which could count through them.
pub async fn find(app: &App, login: Login, reference: &str) -> Result<Ticket, Problem> {
    if reference.parse::<i64>().is_ok() {
        login.require(Role::Agent)?;
    }
    named(app, reference)
        .await
        .map_err(store_problem)?
        .ok_or_else(not_found)
}

/// The ticket with this id or number, if there is one.
pub async fn named(app: &App, reference: &str) -> Result<Option<Ticket>, StoreError> {
    match (reference.parse::<Uuid>(), reference.parse::<i64>()) {
        (Ok(id), _) => app.store().get_ticket(id).await,
        (_, Ok(number)) => by_number(app, number).await,
        _ => Ok(None),
    }
}

async fn by_number(app: &App, number: i64) -> Result<Option<Ticket>, StoreError> {
    let from_there = app.store().tickets_after(number.saturating_sub(1), 1).await?;
    Ok(from_there.into_iter().find(|ticket| ticket.number == number))
}

/// What is shown with a ticket.
#[derive(Default)]
struct Around {
    decision: Option<Decision>,
    merged: Vec<Ticket>,
    names: Arc<Names>,
}

impl Around {
    async fn read(app: &App, ticket: Uuid) -> Result<Self, StoreError> {
        Ok(Around {
            decision: app.store().latest_decision(ticket).await?,
            merged: app.store().merged_tickets(ticket).await?,
            names: app.names().await?,
        })
    }

    fn view(self, ticket: Ticket) -> TicketView {
        TicketView::of(ticket, self.decision, &self.names).with_merged(&self.merged)
    }
}

/// A ticket that was just stored or changed, with its decision as far as that can be read.
pub async fn stored_view(app: &App, ticket: Ticket) -> TicketView {
    if_readable(Around::read(app, ticket.id).await).view(ticket)
}

/// What was read to show something that is stored already; nothing where the database went away meanwhile. A failure
/// would have the caller do it again.
fn if_readable<T: Default>(read: Result<T, StoreError>) -> T {
    read.unwrap_or_else(|error| {
        let error = desk::chain(&error);
        tracing::warn!(error, "what is stored is shown without what belongs to it");
        T::default()
    })
}

/// The header that says whether an earlier request had done it.
pub fn replayed(replayed: bool) -> [(HeaderName, HeaderValue); 1] {
    [(
        REPLAYED,
        HeaderValue::from_static(if replayed { "true" } else { "false" }),
    )]
}

/// 404: there is no such ticket.
pub fn not_found() -> Problem {
    Problem::not_found("ticket")
}
