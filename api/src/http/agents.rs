//! `/v1/agents`: the people who answer tickets.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use desk::{AgentPatch, Availability, DEFAULT_CAPACITY, NewAgent};
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
use crate::http::words;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(read, update))
}

/// An agent to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentBody {
    /// Name as colleagues say it.
    #[schema(example = "Marta Quiroga")]
    name: String,
    /// Mail address; unique where given.
    email: Option<String>,
    /// The team the agent works in.
    team_id: Option<Uuid>,
    /// Category label → level, 0 (none) to 1 (expert).
    #[serde(default)]
    #[schema(example = json!({"billing_payment": 0.9}))]
    skills: BTreeMap<String, f32>,
    /// Languages the agent answers in.
    #[serde(default)]
    #[schema(example = json!(["en", "es"]))]
    languages: Vec<String>,
    /// Open tickets the agent can carry at once; 20 when left out.
    capacity: Option<i32>,
    /// Whether the agent takes new tickets now; `available` when left out.
    #[schema(value_type = Option<words::Availability>)]
    availability: Option<Availability>,
}

/// A change to an agent; what is left out stays, null clears.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AgentChange {
    /// New name.
    name: Option<String>,
    /// New mail address.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
    /// New team.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<Uuid>)]
    team_id: Option<Option<Uuid>>,
    /// The skills from now on.
    skills: Option<BTreeMap<String, f32>>,
    /// The languages from now on.
    languages: Option<Vec<String>>,
    /// New capacity.
    capacity: Option<i32>,
    /// New availability.
    #[schema(value_type = Option<words::Availability>)]
    availability: Option<Availability>,
}

/// A person who answers tickets.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentView {
    /// UUIDv7.
    id: Uuid,
    /// Name as colleagues say it.
    name: String,
    /// Mail address.
    email: Option<String>,
    /// The team the agent works in.
    team_id: Option<Uuid>,
    /// Category label → level, 0 (none) to 1 (expert).
    skills: BTreeMap<String, f32>,
    /// Languages the agent answers in.
    languages: Vec<String>,
    /// Open tickets the agent can carry at once.
    capacity: i32,
    /// Whether the agent takes new tickets now.
    #[schema(value_type = words::Availability)]
    availability: Availability,
    /// Counts the changes; the ETag.
    version: i64,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
}

/// Creates an agent.
#[utoipa::path(post, operation_id = "create_agent", path = "/agents", tag = "agents", request_body = AgentBody,
    responses((status = 201, body = AgentView), (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
async fn create(
    State(app): State<Arc<App>>,
    Admin(login): Admin,
    Body(body): Body<AgentBody>,
) -> Result<impl IntoResponse, Problem> {
    let agent = app
        .store()
        .create_agent(body.into(), &login.actor())
        .await
        .map_err(store_problem)?;
    Ok((StatusCode::CREATED, etag(agent.version), Json(AgentView::from(agent))))
}

/// Lists agents in the order of their creation.
#[utoipa::path(get, operation_id = "list_agents", path = "/agents", tag = "agents", params(PageParams),
    responses((status = 200, body = List<AgentView>), (status = 422, body = ProblemDocument)))]
async fn list(
    State(app): State<Arc<App>>,
    _: Agent,
    Params(params): Params<PageParams>,
) -> Result<Json<List<AgentView>>, Problem> {
    let page = app
        .store()
        .list_agents(&params.page_alone()?)
        .await
        .map_err(store_problem)?;
    Ok(Json(List::of(page, AgentView::from)))
}

/// Reads an agent.
#[utoipa::path(get, operation_id = "read_agent", path = "/agents/{id}", tag = "agents", params(("id" = Uuid, Path)),
    responses((status = 200, body = AgentView), (status = 404, body = ProblemDocument)))]
async fn read(State(app): State<Arc<App>>, _: Agent, Id(id): Id) -> Result<impl IntoResponse, Problem> {
    let agent = app
        .store()
        .get_agent(id)
        .await
        .map_err(store_problem)?
        .ok_or_else(not_found)?;
    Ok((etag(agent.version), Json(AgentView::from(agent))))
}

/// Changes an agent.
#[utoipa::path(patch, operation_id = "update_agent", path = "/agents/{id}", tag = "agents", request_body = AgentChange,
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The ETag the change was made from.")),
    responses((status = 200, body = AgentView), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 412, body = ProblemDocument), (status = 428, body = ProblemDocument)))]
async fn update(
    State(app): State<Arc<App>>,
    Admin(login): Admin,
    Id(id): Id,
    IfMatch(version): IfMatch,
    Body(change): Body<AgentChange>,
) -> Result<impl IntoResponse, Problem> {
    let changed = app
        .store()
        .update_agent(id, Some(version), change.into(), &login.actor())
        .await;
    let agent = changed.map_err(store_problem)?.ok_or_else(not_found)?;
    Ok((etag(agent.version), Json(AgentView::from(agent))))
}

fn not_found() -> Problem {
    Problem::not_found("agent")
}

impl From<AgentBody> for NewAgent {
    fn from(body: AgentBody) -> Self {
        NewAgent {
            name: body.name,
            email: body.email,
            team_id: body.team_id,
            skills: body.skills,
            languages: body.languages,
            capacity: body.capacity.unwrap_or(DEFAULT_CAPACITY),
            availability: body.availability.unwrap_or(Availability::Available),
        }
    }
}

impl From<AgentChange> for AgentPatch {
    fn from(change: AgentChange) -> Self {
        AgentPatch {
            name: change.name,
            email: change.email,
            team_id: change.team_id,
            skills: change.skills,
            languages: change.languages,
            capacity: change.capacity,
            availability: change.availability,
        }
    }
}

impl From<desk::Agent> for AgentView {
    fn from(agent: desk::Agent) -> Self {
        AgentView {
            id: agent.id,
            name: agent.name,
            email: agent.email,
            team_id: agent.team_id,
            skills: agent.skills,
            languages: agent.languages,
            capacity: agent.capacity,
            availability: agent.availability,
            version: agent.version,
            created_at: agent.created_at,
            updated_at: agent.updated_at,
        }
    }
}
