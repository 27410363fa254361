//! `/healthz`, `/readyz` and `/metrics`: for those who run the desk. No token is asked, and nothing of a ticket is said.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
}

/// What a desk that can take tickets lacks otherwise.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// Whether the index answers; without it tickets are accepted and come through later.
    index: bool,
}

/// Says that the process runs.
#[utoipa::path(get, operation_id = "healthz", path = "/healthz", tag = "operation", security(()), responses((status = 200, body = String)))]
async fn healthz() -> &'static str {
    "ok"
}

/// Says whether tickets can be accepted: 503 while the database is out of reach.
#[utoipa::path(get, operation_id = "readyz", path = "/readyz", tag = "operation", security(()),
    responses((status = 200, body = Readiness), (status = 503, body = crate::http::problem::ProblemDocument)))]
async fn readyz(State(app): State<Arc<App>>) -> Result<Json<Readiness>, crate::http::problem::Problem> {
    let (store, index) = tokio::join!(app.store().ping(), app.triage.index_answers());
    store.map_err(crate::http::failure::store_problem)?;
    Ok(Json(Readiness { index }))
}

/// Figures in the text format of Prometheus.
#[utoipa::path(get, operation_id = "metrics", path = "/metrics", tag = "operation", security(()), responses((status = 200, body = String)))]
async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let text = app.figures().await;
    (
        StatusCode::OK,
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
}
