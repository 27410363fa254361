//! `/v1/teams`: who answers which categories.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use desk::{NewTeam, Team, TeamPatch};
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
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::query::{Id, List, PageParams, Params};

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(read, update))
}

/// A team to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamBody {
    /// Unique name.
    #[schema(example = "Billing")]
    name: String,
    /// Labels of the categories it answers.
    #[serde(default)]
    #[schema(example = json!(["billing_payment", "cancellation"]))]
    categories: Vec<String>,
}

/// A change to a team; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TeamChange {
    /// New name.
    name: Option<String>,
    /// The categories it answers from now on.
    categories: Option<Vec<String>>,
}

/// A team.
#[derive(Debug, Serialize, ToSchema)]
pub struct TeamView {
    /// UUIDv7.
    id: Uuid,
    /// Unique name.
    name: String,
    /// Labels of the categories it answers.
    categories: Vec<String>,
    /// Counts the changes; the ETag.
    version: i64,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
}

/// Creates a team.
#[utoipa::path(post, operation_id = "create_team", path = "/teams", tag = "teams", request_body = TeamBody,
    responses((status = 201, body = TeamView), (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
async fn create(
    State(app): State<Arc<App>>,
    Admin(login): Admin,
    Body(body): Body<TeamBody>,
) -> Result<impl IntoResponse, Problem> {
    check_categories(&app, &body.categories)?;
    let team = app
        .store()
        .create_team(body.into(), &login.actor())
        .await
        .map_err(store_problem)?;
    Ok((StatusCode::CREATED, etag(team.version), Json(TeamView::from(team))))
}

/// Lists teams in the order of their creation.
#[utoipa::path(get, operation_id = "list_teams", path = "/teams", tag = "teams", params(PageParams),
    responses((status = 200, body = List<TeamView>), (status = 422, body = ProblemDocument)))]
async fn list(
    State(app): State<Arc<App>>,
    _: Agent,
    Params(params): Params<PageParams>,
) -> Result<Json<List<TeamView>>, Problem> {
    let page = app
        .store()
        .list_teams(&params.page_alone()?)
        .await
        .map_err(store_problem)?;
    Ok(Json(List::of(page, TeamView::from)))
}

/// Reads a team.
#[utoipa::path(get, operation_id = "read_team", path = "/teams/{id}", tag = "teams", params(("id" = Uuid, Path)),
    responses((status = 200, body = TeamView), (status = 404, body = ProblemDocument)))]
async fn read(State(app): State<Arc<App>>, _: Agent, Id(id): Id) -> Result<impl IntoResponse, Problem> {
    let team = app
        .store()
        .get_team(id)
        .await
        .map_err(store_problem)?
        .ok_or_else(not_found)?;
    Ok((etag(team.version), Json(TeamView::from(team))))
}

/// Changes a team.
#[utoipa::path(patch, operation_id = "update_team", path = "/teams/{id}", tag = "teams", request_body = TeamChange,
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The ETag the change was made from.")),
    responses((status = 200, body = TeamView), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 412, body = ProblemDocument), (status = 422, body = ProblemDocument), (status = 428, body = ProblemDocument)))]
async fn update(
    State(app): State<Arc<App>>,
    Admin(login): Admin,
    Id(id): Id,
    IfMatch(version): IfMatch,
    Body(change): Body<TeamChange>,
) -> Result<impl IntoResponse, Problem> {
    check_categories(&app, change.categories.as_deref().unwrap_or_default())?;
    let changed = app
        .store()
        .update_team(id, Some(version), change.into(), &login.actor())
        .await;
    let team = changed.map_err(store_problem)?.ok_or_else(not_found)?;
    Ok((etag(team.version), Json(TeamView::from(team))))
}

/// Refuses categories that no ticket can ever get.
fn check_categories(app: &App, labels: &[String]) -> Result<(), Problem> {
    app.taxonomy.check_categories(labels).map_err(Problem::invalid)
}

fn not_found() -> Problem {
    Problem::not_found("team")
}

impl From<TeamBody> for NewTeam {
    fn from(body: TeamBody) -> Self {
        NewTeam {
            name: body.name,
            categories: body.categories,
        }
    }
}

impl From<TeamChange> for TeamPatch {
    fn from(change: TeamChange) -> Self {
        TeamPatch {
            name: change.name,
            categories: change.categories,
        }
    }
}

impl From<Team> for TeamView {
    fn from(team: Team) -> Self {
        TeamView {
            id: team.id,
            name: team.name,
            categories: team.categories,
            version: team.version,
            created_at: team.created_at,
            updated_at: team.updated_at,
        }
    }
}
