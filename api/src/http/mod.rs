//! The desk over HTTP: one file a resource, and around them what every request has.

mod accounts;
mod agents;
mod article_versions;
mod article_view;
mod articles;
mod asked;
mod connections;
mod contacts;
mod decision_view;
mod docs;
mod duplicates;
mod embeddings;
mod envelope;
mod etag;
mod events;
mod failure;
mod health;
mod incident_suggestions;
mod incident_view;
mod incidents;
mod instant;
mod json;
mod knowledge;
mod limits;
mod login;
mod merges;
mod messages;
mod models;
mod patch;
mod problem;
mod query;
mod search;
mod search_insights;
mod search_view;
mod server;
mod shadow_view;
mod submission;
mod suggestions;
mod teams;
mod ticket_body;
mod ticket_list;
mod ticket_view;
mod tickets;
mod triage;
mod unread;
mod words;

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::IntoResponse;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as OpenApiDocument;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

use crate::app::App;
use crate::config::HttpSettings;

pub use limits::RateLimits;
pub use problem::{BadField, PROBLEM_JSON, Problem, ProblemDocument};
pub use server::{Server, ServerError};

/// The whole service over a desk.
pub fn router(app: Arc<App>, config: &HttpSettings) -> Router {
    let (routes, document) = routes().split_for_parts();
    routes
        .merge(SwaggerUi::new("/docs").url("/openapi.json", document))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .with_state(app)
        .layer(DefaultBodyLimit::max(config.max_body_bytes))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            config.timeout(),
        ))
        .layer(CatchPanicLayer::custom(|_: Box<dyn Any + Send>| {
            Problem::internal().into_response()
        }))
        .layer(middleware::from_fn(envelope::envelop))
        .layer(middleware::map_request(unread::read_rest))
}

/// The OpenAPI document of the service.
pub fn openapi() -> OpenApiDocument {
    routes().into_openapi()
}

fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(docs::Document::openapi())
        .merge(health::routes())
        .nest("/v1", resources())
}

fn resources() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .merge(tickets::routes())
        .merge(messages::routes())
        .merge(duplicates::routes())
        .merge(merges::routes())
        .merge(incident_suggestions::routes())
        .merge(incidents::routes())
        .merge(suggestions::routes())
        .merge(events::routes())
        .merge(triage::routes())
        .merge(accounts::routes())
        .merge(contacts::routes())
        .merge(teams::routes())
        .merge(agents::routes())
        .merge(embeddings::routes())
        .merge(articles::routes())
        .merge(article_versions::routes())
        .merge(search::routes())
        .merge(instant::routes())
        .merge(search_insights::routes())
        .merge(knowledge::routes())
        .merge(models::routes())
}
