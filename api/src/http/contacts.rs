//! `/v1/contacts`: the people who write in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use desk::{Contact, ContactPatch, NewContact};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::http::etag::{IfMatch, etag};
use crate::http::failure::store_problem;
use crate::http::json::Body;
use crate::http::login::{Admin, Agent};
use crate::http::patch::present;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::query::{Id, List, PageParams, Params};

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(read, update))
}

/// A contact to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactBody {
    /// The client this person belongs to.
    account_id: Option<Uuid>,
    /// Name as the person writes it.
    #[schema(example = "Ines Albarran")]
    name: String,
    /// Mail address; unique where given.
    #[schema(example = "ines@harbourstreet.example")]
    email: Option<String>,
    /// Language the person prefers.
    #[schema(example = "es")]
    language: Option<String>,
}

/// A change to a contact; what is left out stays, null clears.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ContactChange {
    /// New client.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<Uuid>)]
    account_id: Option<Option<Uuid>>,
    /// New name.
    name: Option<String>,
    /// New mail address.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
    /// New preferred language.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    language: Option<Option<String>>,
}

/// A person who writes in.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContactView {
    /// UUIDv7.
    id: Uuid,
    /// The client this person belongs to.
    account_id: Option<Uuid>,
    /// Name as the person writes it.
    name: String,
    /// Mail address.
    email: Option<String>,
    /// Language the person prefers.
    language: Option<String>,
    /// Counts the changes; the ETag.
    version: i64,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
}

/// Creates a contact.
#[utoipa::path(post, operation_id = "create_contact", path = "/contacts", tag = "contacts", request_body = ContactBody,
    responses((status = 201, body = ContactView), (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
async fn create(
    State(app): State<Arc<App>>,
    Admin(login): Admin,
    Body(body): Body<ContactBody>,
) -> Result<impl IntoResponse, Problem> {
    let contact = app
        .store()
        .create_contact(body.into(), &login.actor())
        .await
        .map_err(store_problem)?;
    Ok((
        StatusCode::CREATED,
        etag(contact.version),
        Json(ContactView::from(contact)),
    ))
}

/// Lists contacts in the order of their creation.
#[utoipa::path(get, operation_id = "list_contacts", path = "/contacts", tag = "contacts", params(PageParams),
    responses((status = 200, body = List<ContactView>), (status = 422, body = ProblemDocument)))]
async fn list(
    State(app): State<Arc<App>>,
    _: Agent,
    Params(params): Params<PageParams>,
) -> Result<Json<List<ContactView>>, Problem> {
    let page = app
        .store()
        .list_contacts(&params.page_alone()?)
        .await
        .map_err(store_problem)?;
    Ok(Json(List::of(page, ContactView::from)))
}

/// Reads a contact.
#[utoipa::path(get, operation_id = "read_contact", path = "/contacts/{id}", tag = "contacts", params(("id" = Uuid, Path)),
    responses((status = 200, body = ContactView), (status = 404, body = ProblemDocument)))]
async fn read(State(app): State<Arc<App>>, _: Agent, Id(id): Id) -> Result<impl IntoResponse, Problem> {
    let contact = app
        .store()
        .get_contact(id)
        .await
        .map_err(store_problem)?
        .ok_or_else(not_found)?;
    Ok((etag(contact.version), Json(ContactView::from(contact))))
}

/// Changes a contact.
#[utoipa::path(patch, operation_id = "update_contact", path = "/contacts/{id}", tag = "contacts", request_body = ContactChange,
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The ETag the change was made from.")),
    responses((status = 200, body = ContactView), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 412, body = ProblemDocument), (status = 428, body = ProblemDocument)))]
async fn update(
    State(app): State<Arc<App>>,
    Admin(login): Admin,
    Id(id): Id,
    IfMatch(version): IfMatch,
    Body(change): Body<ContactChange>,
) -> Result<impl IntoResponse, Problem> {
    let changed = app
        .store()
        .update_contact(id, Some(version), change.into(), &login.actor())
        .await;
    let contact = changed.map_err(store_problem)?.ok_or_else(not_found)?;
    Ok((etag(contact.version), Json(ContactView::from(contact))))
}

fn not_found() -> Problem {
    Problem::not_found("contact")
}

impl From<ContactBody> for NewContact {
    fn from(body: ContactBody) -> Self {
        NewContact {
            account_id: body.account_id,
            name: body.name,
            email: body.email,
            language: body.language,
        }
    }
}

impl From<ContactChange> for ContactPatch {
    fn from(change: ContactChange) -> Self {
        ContactPatch {
            account_id: change.account_id,
            name: change.name,
            email: change.email,
            language: change.language,
        }
    }
}

impl From<Contact> for ContactView {
    fn from(contact: Contact) -> Self {
        ContactView {
            id: contact.id,
            account_id: contact.account_id,
            name: contact.name,
            email: contact.email,
            language: contact.language,
            version: contact.version,
            created_at: contact.created_at,
            updated_at: contact.updated_at,
        }
    }
}
