//! `/v1/articles/{id}/versions`: every edit, what it changed, and the way back.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::response::IntoResponse;
use knowledge::{Change, Line};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::http::article_view::{ArticleVersionView, ArticleView, rendered};
use crate::http::articles::not_found;
use crate::http::etag::{IfMatch, etag};
use crate::http::failure::{knowledge_problem, store_problem};
use crate::http::login::Agent;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::query::{Id, List, PageParams, Params, read, refuse_faults};

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(compare))
        .routes(routes!(restore))
}

/// Which two versions to compare.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct DiffParams {
    /// The earlier version.
    #[param(value_type = i64, required = true)]
    from: Option<String>,
    /// The later version; the current one when left out.
    #[param(value_type = Option<i64>)]
    to: Option<String>,
}

/// What changed between two versions.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiffView {
    /// The earlier version.
    from: i64,
    /// The later version.
    to: i64,
    /// The earlier title, where it is another.
    title_before: Option<String>,
    /// The later title, where it is another.
    title_after: Option<String>,
    /// The body line by line.
    lines: Vec<LineView>,
}

/// A line of a comparison.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineView {
    /// `same`, `added` or `removed`.
    change: &'static str,
    /// The line.
    text: String,
}

/// Lists the versions of an article, first one first.
#[utoipa::path(get, operation_id = "list_article_versions", path = "/articles/{id}/versions", tag = "knowledge",
    params(("id" = Uuid, Path), PageParams),
    responses((status = 200, body = List<ArticleVersionView>), (status = 404, body = ProblemDocument)))]
async fn list(
    State(app): State<Arc<App>>,
    _: Agent,
    Id(id): Id,
    Params(params): Params<PageParams>,
) -> Result<Json<List<ArticleVersionView>>, Problem> {
    let page = params.page_alone()?;
    let page = app
        .store()
        .list_article_versions(id, &page)
        .await
        .map_err(store_problem)?;
    if page.items.is_empty() {
        app.store()
            .get_article(id)
            .await
            .map_err(store_problem)?
            .ok_or_else(not_found)?;
    }
    Ok(Json(List::of(page, ArticleVersionView::from)))
}

/// Compares two versions of an article line by line.
#[utoipa::path(get, operation_id = "compare_article_versions", path = "/articles/{id}/diff", tag = "knowledge",
    params(("id" = Uuid, Path), DiffParams),
    responses((status = 200, body = DiffView), (status = 404, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
async fn compare(
    State(app): State<Arc<App>>,
    _: Agent,
    Id(id): Id,
    Params(params): Params<DiffParams>,
) -> Result<Json<DiffView>, Problem> {
    let mut faults = Vec::new();
    let number = |text: &str| {
        text.parse::<i64>()
            .map_err(|_| "is not the number of a version".to_owned())
    };
    let from = read("from", params.from, &mut faults, number);
    let to = read("to", params.to, &mut faults, number);
    refuse_faults(faults)?;
    let from = from.ok_or_else(|| Problem::invalid_field("from", "missing", "must be given"))?;
    let current = app
        .store()
        .get_article(id)
        .await
        .map_err(store_problem)?
        .ok_or_else(not_found)?;
    let to = to.unwrap_or(current.version);
    let before = kept(&app, id, from).await?;
    let after = kept(&app, id, to).await?;
    let renamed = before.fields.title != after.fields.title;
    Ok(Json(DiffView {
        from,
        to,
        lines: knowledge::diff(&before.fields, &after.fields)
            .into_iter()
            .map(LineView::from)
            .collect(),
        title_before: renamed.then_some(before.fields.title),
        title_after: renamed.then_some(after.fields.title),
    }))
}

/// Puts back what an article said in an earlier version, as a new version.
#[utoipa::path(post, operation_id = "restore_article_version", path = "/articles/{id}/versions/{version}/restore", tag = "knowledge",
    params(("id" = Uuid, Path), ("version" = i64, Path), ("If-Match" = String, Header, description = "The ETag of the current version.")),
    responses((status = 200, body = ArticleView), (status = 404, body = ProblemDocument),
        (status = 412, body = ProblemDocument), (status = 428, body = ProblemDocument)))]
async fn restore(
    State(app): State<Arc<App>>,
    Agent(login): Agent,
    Edit { id, version: earlier }: Edit,
    IfMatch(version): IfMatch,
) -> Result<impl IntoResponse, Problem> {
    let restored = app.knowledge.restore(id, version, earlier, &login.actor()).await;
    let article = restored.map_err(knowledge_problem)?.ok_or_else(not_found)?;
    let etag = etag(article.version);
    Ok((etag, Json(rendered(|| ArticleView::of(article)).await?)))
}

/// One edit of an article, named in a path.
struct Edit {
    id: Uuid,
    version: i64,
}

impl FromRequestParts<Arc<App>> for Edit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let named = Path::<(Uuid, i64)>::from_request_parts(parts, app).await;
        named
            .map(|Path((id, version))| Edit { id, version })
            .map_err(|_| not_found())
    }
}

async fn kept(app: &App, id: Uuid, version: i64) -> Result<desk::ArticleVersion, Problem> {
    let kept = app
        .store()
        .get_article_version(id, version)
        .await
        .map_err(store_problem)?;
    kept.ok_or_else(|| Problem::not_found("version of this article"))
}

impl From<Line> for LineView {
    fn from(line: Line) -> Self {
        LineView {
            change: match line.change {
                Change::Same => "same",
                Change::Added => "added",
                Change::Removed => "removed",
            },
            text: line.text,
        }
    }
}
