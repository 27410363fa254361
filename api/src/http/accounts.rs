//! `/v1/accounts`: the client organisations.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use desk::{Account, AccountPatch, NewAccount};
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

/// An account to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountBody {
    /// What people call it.
    #[schema(example = "Harbour Street Books")]
    name: String,
    /// Its id in the system it comes from; unique where given.
    external_id: Option<String>,
    /// Its mail domain.
    #[schema(example = "harbourstreet.example")]
    domain: Option<String>,
    /// The contract it has.
    #[schema(example = "gold")]
    tier: Option<String>,
}

/// A change to an account; what is left out stays, null clears.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AccountChange {
    /// New name.
    name: Option<String>,
    /// New mail domain.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    domain: Option<Option<String>>,
    /// New contract.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    tier: Option<Option<String>>,
}

/// A client organisation.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountView {
    /// UUIDv7.
    id: Uuid,
    /// What people call it.
    name: String,
    /// Its id in the system it comes from.
    external_id: Option<String>,
    /// Its mail domain.
    domain: Option<String>,
    /// The contract it has.
    tier: Option<String>,
    /// Counts the changes; the ETag.
    version: i64,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
}

/// Creates an account.
#[utoipa::path(post, operation_id = "create_account", path = "/accounts", tag = "accounts", request_body = AccountBody,
    responses((status = 201, body = AccountView), (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
async fn create(
    State(app): State<Arc<App>>,
    Admin(login): Admin,
    Body(body): Body<AccountBody>,
) -> Result<impl IntoResponse, Problem> {
    let account = app
        .store()
        .create_account(body.into(), &login.actor())
        .await
        .map_err(store_problem)?;
    Ok((
        StatusCode::CREATED,
        etag(account.version),
        Json(AccountView::from(account)),
    ))
}

/// Lists accounts in the order of their creation.
#[utoipa::path(get, operation_id = "list_accounts", path = "/accounts", tag = "accounts", params(PageParams),
    responses((status = 200, body = List<AccountView>), (status = 422, body = ProblemDocument)))]
async fn list(
    State(app): State<Arc<App>>,
    _: Agent,
    Params(params): Params<PageParams>,
) -> Result<Json<List<AccountView>>, Problem> {
    let page = app
        .store()
        .list_accounts(&params.page_alone()?)
        .await
        .map_err(store_problem)?;
    Ok(Json(List::of(page, AccountView::from)))
}

/// Reads an account.
#[utoipa::path(get, operation_id = "read_account", path = "/accounts/{id}", tag = "accounts", params(("id" = Uuid, Path)),
    responses((status = 200, body = AccountView), (status = 404, body = ProblemDocument)))]
async fn read(State(app): State<Arc<App>>, _: Agent, Id(id): Id) -> Result<impl IntoResponse, Problem> {
    let account = app
        .store()
        .get_account(id)
        .await
        .map_err(store_problem)?
        .ok_or_else(not_found)?;
    Ok((etag(account.version), Json(AccountView::from(account))))
}

/// Changes an account.
#[utoipa::path(patch, operation_id = "update_account", path = "/accounts/{id}", tag = "accounts", request_body = AccountChange,
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The ETag the change was made from.")),
    responses((status = 200, body = AccountView), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 412, body = ProblemDocument), (status = 428, body = ProblemDocument)))]
async fn update(
    State(app): State<Arc<App>>,
    Admin(login): Admin,
    Id(id): Id,
    IfMatch(version): IfMatch,
    Body(change): Body<AccountChange>,
) -> Result<impl IntoResponse, Problem> {
    let changed = app
        .store()
        .update_account(id, Some(version), change.into(), &login.actor())
        .await;
    let account = changed.map_err(store_problem)?.ok_or_else(not_found)?;
    Ok((etag(account.version), Json(AccountView::from(account))))
}

fn not_found() -> Problem {
    Problem::not_found("account")
}

impl From<AccountBody> for NewAccount {
    fn from(body: AccountBody) -> Self {
        NewAccount {
            name: body.name,
            external_id: body.external_id,
            domain: body.domain,
            tier: body.tier,
        }
    }
}

impl From<AccountChange> for AccountPatch {
    fn from(change: AccountChange) -> Self {
        AccountPatch {
            name: change.name,
            domain: change.domain,
            tier: change.tier,
        }
    }
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        AccountView {
            id: account.id,
            name: account.name,
            external_id: account.external_id,
            domain: account.domain,
            tier: account.tier,
            version: account.version,
            created_at: account.created_at,
            updated_at: account.updated_at,
        }
    }
}
