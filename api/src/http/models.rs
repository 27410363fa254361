//! `/v1/models`: versions of the heads, which one is active, and what this server serves.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use desk::model_version::{active_version, check_reason};
use desk::{Activation, HeadRole, ModelOrigin, ModelVersion};
use serde::{Deserialize, Serialize};
use store::StoreError;
use time::OffsetDateTime;
use triage::Drift;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::failure::{store_problem, unshown_problem};
use crate::http::json::Body;
use crate::http::login::Admin;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::query::Segment;
use crate::http::shadow_view::ShadowView;
use crate::http::words;
use crate::learning::{self, LearningError, Refusal};

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read))
        .routes(routes!(activate))
        .routes(routes!(rollback))
        .routes(routes!(try_out, end_trial))
}

/// The heads of the desk.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelList {
    /// One entry a head.
    items: Vec<ModelView>,
}

/// A head: its versions, the active one and the one this server serves.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelView {
    /// What it decides.
    #[schema(value_type = words::HeadRole)]
    head: HeadRole,
    /// The version in force for every server.
    active: i64,
    /// The version this server decides with.
    serving: i64,
    /// Name of the model that serves.
    name: String,
    /// Its revision, as decisions keep it.
    revision: String,
    /// Why this server does not serve the active version; null while it does.
    refused: Option<RefusalView>,
    /// How far the latest tickets of this server have moved from what the serving version was trained on.
    drift: DriftView,
    /// The version that is tried out beside the active one; null while none is.
    shadow: Option<ShadowView>,
    /// Why this server cannot try it out; null while it can.
    shadow_refused: Option<RefusalView>,
    /// Every version, from the first.
    versions: Vec<VersionView>,
    /// What was made active, oldest first.
    activations: Vec<ActivationView>,
}

/// How far tickets have moved from what a head was trained on.
#[derive(Debug, Serialize, ToSchema)]
pub struct DriftView {
    /// The latest tickets it was measured on, at most 1,000: those that the serving version has decided since this server
    /// started.
    tickets: usize,
    /// Population stability index of the predicted labels: above .1 look, above .25 act. Null below 65 tickets.
    labels_psi: Option<f64>,
    /// The index that so few tickets reach by chance one time in twenty: a smaller one says nothing. Null likewise.
    labels_psi_by_chance: Option<f64>,
    /// Distance of the tickets' mean vector from the training's: 1 less the cosine, 0 where nothing has moved. Null likewise.
    vectors_distance: Option<f32>,
}

/// Why the active version is not served.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusalView {
    /// The version that cannot be used.
    version: i64,
    /// Why.
    reason: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    since: OffsetDateTime,
}

/// One version of a head.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionView {
    /// Its number.
    version: i64,
    /// Its revision, from its manifest.
    revision: String,
    /// Where it comes from.
    #[schema(value_type = words::ModelOrigin)]
    origin: ModelOrigin,
    /// Why it was made.
    note: String,
    /// When the desk came to know it.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

/// A change of the active version.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActivationView {
    /// The version made active.
    version: i64,
    /// The version that was active before.
    replaced: i64,
    /// Whether it went back.
    is_rollback: bool,
    /// Why.
    reason: String,
    /// Who did it.
    actor: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

/// The version to make active.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivateBody {
    /// Its number.
    #[schema(example = 2)]
    version: i64,
    /// Why; kept in the audit. At most 1,000 characters.
    #[serde(default)]
    reason: String,
}

/// The version to try out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShadowBody {
    /// Its number.
    #[schema(example = 2)]
    version: i64,
}

/// Lists the heads with their versions.
#[utoipa::path(get, operation_id = "list_models", path = "/models", tag = "models",
    responses((status = 200, body = ModelList)))]
async fn list(State(app): State<Arc<App>>, _: Admin) -> Result<Json<ModelList>, Problem> {
    let mut items = Vec::new();
    for &head in HeadRole::ALL {
        items.push(view(&app, head).await.map_err(store_problem)?);
    }
    Ok(Json(ModelList { items }))
}

/// Reads one head with its versions.
#[utoipa::path(get, operation_id = "read_model", path = "/models/{head}", tag = "models",
    params(("head" = words::HeadRole, Path)),
    responses((status = 200, body = ModelView), (status = 404, body = ProblemDocument)))]
async fn read(State(app): State<Arc<App>>, _: Admin, Segment(head): Segment) -> Result<Json<ModelView>, Problem> {
    let view = view(&app, role(&head)?).await;
    view.map(Json).map_err(store_problem)
}

/// Makes a version active; no request is lost and no restart needed. A version that cannot be used is refused.
#[utoipa::path(post, operation_id = "activate_model", path = "/models/{head}/activate", tag = "models",
    params(("head" = words::HeadRole, Path)), request_body = ActivateBody,
    responses((status = 200, body = ModelView), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
async fn activate(
    State(app): State<Arc<App>>,
    Admin(login): Admin,
    Segment(head): Segment,
    Body(body): Body<ActivateBody>,
) -> Result<Json<ModelView>, Problem> {
    let head = role(&head)?;
    check_reason(&body.reason).map_err(Problem::invalid)?;
    learning::activate(
        app.store(),
        &app.shelf,
        head,
        body.version,
        &body.reason,
        &login.actor(),
    )
    .await
    .map_err(learning_problem)?;
    followed(&app, head).await
}

/// Makes the version active that the present one replaced.
#[utoipa::path(post, operation_id = "rollback_model", path = "/models/{head}/rollback", tag = "models",
    params(("head" = words::HeadRole, Path)),
    responses((status = 200, body = ModelView), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
async fn rollback(
    State(app): State<Arc<App>>,
    Admin(login): Admin,
    Segment(head): Segment,
) -> Result<Json<ModelView>, Problem> {
    let head = role(&head)?;
    learning::rollback(app.store(), &app.shelf, head, "", &login.actor())
        .await
        .map_err(learning_problem)?;
    followed(&app, head).await
}

/// Tries a version out: it assesses every ticket beside the active one, decides nothing, and `shadow` says how it does.
#[utoipa::path(post, operation_id = "shadow_model", path = "/models/{head}/shadow", tag = "models",
    params(("head" = words::HeadRole, Path)), request_body = ShadowBody,
    responses((status = 200, body = ModelView), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
async fn try_out(
    State(app): State<Arc<App>>,
    Admin(login): Admin,
    Segment(head): Segment,
    Body(body): Body<ShadowBody>,
) -> Result<Json<ModelView>, Problem> {
    let head = role(&head)?;
    learning::try_out(app.store(), &app.shelf, head, body.version, &login.actor())
        .await
        .map_err(learning_problem)?;
    followed(&app, head).await
}

/// Tries no version of the head out any longer; what is known of one stays known.
#[utoipa::path(delete, operation_id = "end_shadow_model", path = "/models/{head}/shadow", tag = "models",
    params(("head" = words::HeadRole, Path)),
    responses((status = 200, body = ModelView), (status = 404, body = ProblemDocument)))]
async fn end_trial(
    State(app): State<Arc<App>>,
    Admin(login): Admin,
    Segment(head): Segment,
) -> Result<Json<ModelView>, Problem> {
    let head = role(&head)?;
    let ended = app.store().end_challenge(head, &login.actor()).await;
    ended.map_err(store_problem)?;
    followed(&app, head).await
}

/// The head after this server has followed the change.
async fn followed(app: &App, head: HeadRole) -> Result<Json<ModelView>, Problem> {
    learning::follow(app).await.map_err(unshown_problem)?;
    view(app, head).await.map(Json).map_err(unshown_problem)
}

async fn view(app: &App, head: HeadRole) -> Result<ModelView, StoreError> {
    let versions = app.store().list_model_versions(head).await?;
    let log = app.store().list_activations(head).await?;
    let shadow = learning::shadow(app.store(), head).await?;
    let models = app.triage.models();
    let serving = models.head(head);
    Ok(ModelView {
        head,
        active: active_version(&log),
        serving: serving.version,
        name: serving.name().to_owned(),
        revision: serving.revision().to_owned(),
        refused: app.refusals.of(head).map(RefusalView::from),
        drift: app.triage.drift(head).into(),
        shadow: shadow.map(ShadowView::from),
        shadow_refused: app.challenger_refusals.of(head).map(RefusalView::from),
        versions: versions.into_iter().map(VersionView::from).collect(),
        activations: log.into_iter().map(ActivationView::from).collect(),
    })
}

fn role(head: &str) -> Result<HeadRole, Problem> {
    head.parse().map_err(|_| Problem::not_found("head"))
}

fn learning_problem(error: LearningError) -> Problem {
    match error {
        LearningError::NoVersion { .. } => Problem::invalid_field("version", "unknown", "is no version of this head"),
        LearningError::NothingBefore { .. } => Problem::new(StatusCode::CONFLICT, "nothing-before", error.to_string()),
        LearningError::InForce { .. } => Problem::new(StatusCode::CONFLICT, "in-force", error.to_string()),
        LearningError::Unusable { .. } | LearningError::Add { .. } | LearningError::Known { .. } => {
            let detail = "The version cannot be used, so the active one stays. The log says what is wrong with it.";
            Problem::new(StatusCode::CONFLICT, "unusable-model", detail).because(error)
        }
        LearningError::Store(error) => store_problem(error),
        error @ LearningError::Interrupted(_) => Problem::internal().because(error),
    }
}

impl From<Drift> for DriftView {
    fn from(drift: Drift) -> Self {
        DriftView {
            tickets: drift.tickets,
            labels_psi: drift.labels,
            labels_psi_by_chance: drift.labels_by_chance,
            vectors_distance: drift.vectors,
        }
    }
}

impl From<Refusal> for RefusalView {
    fn from(refusal: Refusal) -> Self {
        RefusalView {
            version: refusal.version,
            reason: refusal.reason,
            since: refusal.since,
        }
    }
}

impl From<ModelVersion> for VersionView {
    fn from(version: ModelVersion) -> Self {
        VersionView {
            version: version.version,
            revision: version.revision,
            origin: version.origin,
            note: version.note,
            created_at: version.created_at,
        }
    }
}

impl From<Activation> for ActivationView {
    fn from(activation: Activation) -> Self {
        ActivationView {
            version: activation.version,
            replaced: activation.replaced,
            is_rollback: activation.is_rollback,
            reason: activation.reason,
            actor: activation.actor.name,
            created_at: activation.created_at,
        }
    }
}
