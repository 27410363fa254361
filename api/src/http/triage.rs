//! `/v1/triage`: what the desk would decide, without storing anything.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use desk::NewTicket;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::decision_view::DecisionView;
use crate::http::failure::triage_problem;
use crate::http::json::Body;
use crate::http::login::Intake;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::ticket_view::Named;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(assess))
}

/// A text to assess.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssessBody {
    /// One line saying what it is about.
    subject: Option<String>,
    /// What the customer wrote.
    #[schema(example = "¿Cómo exporto las ventas del mes a una hoja de cálculo?")]
    body: String,
}

/// What the desk would decide.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssessmentView {
    /// What it is about; null where a person must say.
    category: Option<String>,
    /// How soon it needs someone; null where a person must say.
    priority: Option<String>,
    /// Detected language.
    language: Option<String>,
    /// The team that would answer it.
    team: Option<Named>,
    /// The agent who would answer it.
    agent: Option<Named>,
    /// The whole decision.
    decision: DecisionView,
}

/// Assesses a text without storing it.
#[utoipa::path(post, operation_id = "assess", path = "/triage", tag = "triage", request_body = AssessBody,
    responses((status = 200, body = AssessmentView), (status = 422, body = ProblemDocument),
        (status = 429, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
async fn assess(
    State(app): State<Arc<App>>,
    _: Intake,
    Body(body): Body<AssessBody>,
) -> Result<Json<AssessmentView>, Problem> {
    let ticket = NewTicket {
        subject: body.subject,
        ..NewTicket::from_body(body.body)
    };
    let ticket = ticket.validate().map_err(Problem::invalid)?;
    let decision = app.triage.dry_run(&ticket).await.map_err(triage_problem)?;
    let team = decision.routing.team.as_ref();
    let winner = decision.routing.winner.as_ref();
    Ok(Json(AssessmentView {
        category: decision.category_label().map(str::to_owned),
        priority: decision.priority_label().map(|priority| priority.to_string()),
        language: decision.language.clone(),
        team: team.map(|team| Named {
            id: team.id,
            name: Some(team.name.clone()),
        }),
        agent: winner.map(|agent| Named {
            id: agent.agent_id,
            name: Some(agent.name.clone()),
        }),
        decision: decision.into(),
    }))
}
