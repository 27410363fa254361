//! `/v1/articles`: what the knowledge base says, and who may read it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use desk::field::{MAX_NAME_CHARS, MAX_TAG_CHARS};
use desk::{Article, ArticlePatch, ArticleVisibility, NewArticle, Role};
use serde::Deserialize;
use store::ArticleFilter;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::article_view::{ArticleView, rendered};
use crate::http::etag::{IfMatch, etag};
use crate::http::failure::{knowledge_problem, store_problem};
use crate::http::json::Body;
use crate::http::login::{Agent, Customer, Login};
use crate::http::patch::present;
use crate::http::problem::{BadField, Problem, ProblemDocument};
use crate::http::query::{
    Id, List, PageParams, Params, at_most, flag, language, read as read_param, refuse_faults, word,
};
use crate::http::words;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(read, update))
}

/// An article to write.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ArticleBody {
    /// Its name in the system it comes from, unique.
    external_id: Option<String>,
    /// What it answers, in one line.
    #[schema(example = "Close the day and deal with a cash difference")]
    title: String,
    /// Markdown.
    #[schema(example = "## Steps\n\n1. Count the drawer.")]
    body: String,
    /// ISO 639-1; detected where it is left out.
    language: Option<String>,
    /// Words to find it by.
    #[serde(default)]
    tags: Vec<String>,
    /// Who may read it; a draft when left out.
    #[schema(value_type = Option<words::ArticleVisibility>)]
    visibility: Option<ArticleVisibility>,
    /// Who answers for it.
    author: Option<String>,
    /// When someone must look whether it still holds.
    #[schema(example = "2027-11-01")]
    review_date: Option<String>,
}

/// A change to an article; what is left out stays, `null` clears.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ArticleChange {
    /// New name in the system it comes from.
    #[serde(deserialize_with = "present")]
    external_id: Option<Option<String>>,
    /// New title.
    title: Option<String>,
    /// New text, Markdown.
    body: Option<String>,
    /// New language.
    #[serde(deserialize_with = "present")]
    language: Option<Option<String>>,
    /// The tags it has from now on.
    tags: Option<Vec<String>>,
    /// Who may read it from now on.
    #[schema(value_type = Option<words::ArticleVisibility>)]
    visibility: Option<ArticleVisibility>,
    /// Who answers for it from now on.
    #[serde(deserialize_with = "present")]
    author: Option<Option<String>>,
    /// When someone must look at it.
    #[serde(deserialize_with = "present")]
    review_date: Option<Option<String>>,
    /// Puts it away, so that nobody finds it, or takes it out again.
    archived: Option<bool>,
}

/// Filters of a list of articles; all given ones must hold.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ArticleParams {
    /// Who may read it.
    #[param(value_type = Option<words::ArticleVisibility>)]
    visibility: Option<String>,
    /// Its language.
    language: Option<String>,
    /// A tag it has.
    tag: Option<String>,
    /// Its name in the system it comes from.
    external_id: Option<String>,
    /// Whether it is put away; those that are not when left out.
    #[param(value_type = Option<bool>)]
    archived: Option<String>,
    /// Rows wanted, 1 to 200; 50 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Writes an article.
///
/// It is kept before it is answered, and found a moment later; the answer waits for that, at most
/// `knowledge.deadline_ms`.
#[utoipa::path(post, operation_id = "create_article", path = "/articles", tag = "knowledge", request_body = ArticleBody,
    responses((status = 201, body = ArticleView), (status = 409, body = ProblemDocument), (status = 413, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
async fn create(
    State(app): State<Arc<App>>,
    Agent(login): Agent,
    Body(body): Body<ArticleBody>,
) -> Result<impl IntoResponse, Problem> {
    let created = app
        .knowledge
        .create(body.into_article()?, &login.actor())
        .await
        .map_err(knowledge_problem)?;
    let etag = etag(created.version);
    let view = rendered(|| ArticleView::of(created)).await?;
    Ok((StatusCode::CREATED, etag, Json(view)))
}

/// Lists articles in the order of their creation; a customer's token sees the public ones.
#[utoipa::path(get, operation_id = "list_articles", path = "/articles", tag = "knowledge", params(ArticleParams),
    responses((status = 200, body = List<ArticleView>), (status = 422, body = ProblemDocument)))]
async fn list(
    State(app): State<Arc<App>>,
    Customer(login): Customer,
    Params(params): Params<ArticleParams>,
) -> Result<Json<List<ArticleView>>, Problem> {
    let (filter, page) = params.parse(&login)?;
    let page = app.store().list_articles(&filter, &page).await.map_err(store_problem)?;
    rendered(|| List::of(page, ArticleView::of)).await.map(Json)
}

/// Reads an article as Markdown and as safe HTML; a customer's token finds public ones alone.
#[utoipa::path(get, operation_id = "read_article", path = "/articles/{id}", tag = "knowledge", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = ArticleView), (status = 404, body = ProblemDocument)))]
async fn read(
    State(app): State<Arc<App>>,
    Customer(login): Customer,
    Id(id): Id,
) -> Result<impl IntoResponse, Problem> {
    let article = app.store().get_article(id).await.map_err(store_problem)?;
    let article = article
        .filter(|article| may_read(&login, article))
        .ok_or_else(not_found)?;
    let etag = etag(article.version);
    Ok((etag, Json(rendered(|| ArticleView::of(article)).await?)))
}

/// Changes an article; the version before is kept.
#[utoipa::path(patch, operation_id = "update_article", path = "/articles/{id}", tag = "knowledge", request_body = ArticleChange,
    params(("id" = uuid::Uuid, Path), ("If-Match" = String, Header, description = "The ETag the change was made from.")),
    responses((status = 200, body = ArticleView), (status = 404, body = ProblemDocument),
        (status = 412, body = ProblemDocument), (status = 422, body = ProblemDocument), (status = 428, body = ProblemDocument)))]
async fn update(
    State(app): State<Arc<App>>,
    Agent(login): Agent,
    Id(id): Id,
    IfMatch(version): IfMatch,
    Body(change): Body<ArticleChange>,
) -> Result<impl IntoResponse, Problem> {
    let patch = change.into_patch()?;
    let changed = app.knowledge.update(id, version, patch, &login.actor()).await;
    let article = changed.map_err(knowledge_problem)?.ok_or_else(not_found)?;
    let etag = etag(article.version);
    Ok((etag, Json(rendered(|| ArticleView::of(article)).await?)))
}

/// What a caller may be shown.
pub fn visible_to(login: &Login) -> &'static [ArticleVisibility] {
    if login.covers(Role::Agent) {
        ArticleVisibility::ALL
    } else {
        &[ArticleVisibility::Public]
    }
}

/// There is no such article, or none that this caller may know of.
pub fn not_found() -> Problem {
    Problem::not_found("article")
}

fn may_read(login: &Login, article: &Article) -> bool {
    let kept_from_customers = article.fields.archived && !login.covers(Role::Agent);
    visible_to(login).contains(&article.fields.visibility) && !kept_from_customers
}

impl ArticleParams {
    fn parse(self, login: &Login) -> Result<(ArticleFilter, store::PageRequest), Problem> {
        let mut faults: Vec<BadField> = Vec::new();
        let asked: Option<ArticleVisibility> = read_param("visibility", self.visibility, &mut faults, word);
        let language = read_param("language", self.language, &mut faults, language);
        let tag = read_param("tag", self.tag, &mut faults, at_most(MAX_TAG_CHARS));
        let external_id = read_param("external_id", self.external_id, &mut faults, at_most(MAX_NAME_CHARS));
        let archived = read_param("archived", self.archived, &mut faults, flag);
        let page = PageParams {
            limit: self.limit,
            cursor: self.cursor,
        }
        .page(&mut faults);
        refuse_faults(faults)?;
        let allowed = visible_to(login);
        let shown = allowed.iter().filter(|word| asked.is_none_or(|asked| asked == **word));
        let visibility: Vec<_> = shown.copied().collect();
        if visibility.is_empty() {
            let message = "is not readable with this token";
            return Err(Problem::invalid_field("visibility", "forbidden", message));
        }
        let filter = ArticleFilter {
            visibility,
            language,
            tag,
            external_id,
            archived: Some(archived.unwrap_or(false) && login.covers(Role::Agent)),
            review_before: None,
        };
        Ok((filter, page))
    }
}

impl ArticleBody {
    fn into_article(self) -> Result<NewArticle, Problem> {
        Ok(NewArticle {
            external_id: self.external_id,
            title: self.title,
            body: self.body,
            language: self.language,
            tags: self.tags,
            visibility: self.visibility.unwrap_or(ArticleVisibility::Draft),
            author: self.author,
            review_date: self.review_date.as_deref().map(date).transpose()?,
            archived: false,
        })
    }
}

impl ArticleChange {
    fn into_patch(self) -> Result<ArticlePatch, Problem> {
        let review_date = match self.review_date {
            Some(Some(text)) => Some(Some(date(&text)?)),
            Some(None) => Some(None),
            None => None,
        };
        Ok(ArticlePatch {
            external_id: self.external_id,
            title: self.title,
            body: self.body,
            language: self.language,
            tags: self.tags,
            visibility: self.visibility,
            author: self.author,
            review_date,
            archived: self.archived,
        })
    }
}

fn date(text: &str) -> Result<time::Date, Problem> {
    desk::article::read_date(text)
        .ok_or_else(|| Problem::invalid_field("review_date", "malformed", "is not a date such as 2027-01-31"))
}
