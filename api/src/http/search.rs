//! `/v1/search`: passages that answer a question, and tickets like it, for those who may read them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use desk::{ArticleVisibility, Role};
use knowledge::{Answer, Question};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::asked::{Asked, AskedParams};
use crate::http::failure::{knowledge_problem, triage_problem};
use crate::http::json::Body;
use crate::http::login::{Customer, Login};
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::query::{Params, read};
use crate::http::search_view::{SearchView, TicketHitView};
use crate::http::words;

/// Passages of an answer when the caller names no number.
const DEFAULT_LIMIT: usize = 10;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(search, search_by_body))
}

/// What is looked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct SearchParams {
    /// The question, as it was typed.
    #[param(required = true)]
    q: Option<String>,
    /// `articles` (when left out), `tickets` or `all`; tickets need a token with the role agent.
    #[param(value_type = Option<Kind>)]
    kind: Option<String>,
    /// Only articles and tickets in this language (ISO 639-1).
    language: Option<String>,
    /// Only articles with all of these tags, separated by commas.
    tags: Option<String>,
    /// Only articles of this visibility; all that the token may read when left out, but no drafts.
    #[param(value_type = Option<words::ArticleVisibility>)]
    visibility: Option<String>,
    /// Passages wanted, 1 to 50; 10 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 50)]
    limit: Option<String>,
}

/// What is looked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchBody {
    /// The question, as it was typed.
    #[schema(example = "The printer prints blank receipts")]
    q: String,
    /// What to look through; articles when left out.
    #[serde(default)]
    kind: Kind,
    /// Only articles and tickets in this language (ISO 639-1).
    language: Option<String>,
    /// Only articles with all of these tags.
    #[serde(default)]
    tags: Vec<String>,
    /// Only articles of this visibility.
    #[schema(value_type = Option<words::ArticleVisibility>)]
    visibility: Option<ArticleVisibility>,
    /// Passages wanted, 1 to 50; 10 when left out.
    limit: Option<usize>,
}

/// What to look through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The knowledge base.
    #[default]
    Articles,
    /// The tickets.
    Tickets,
    /// Both.
    All,
}

/// Answers a question from the knowledge base, or says that it does not know.
///
/// A token with the role customer finds public articles alone, whatever it asks.
#[utoipa::path(get, operation_id = "search", path = "/search", tag = "knowledge", params(SearchParams),
    responses((status = 200, body = SearchView), (status = 403, body = ProblemDocument), (status = 422, body = ProblemDocument),
        (status = 429, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
async fn search(
    State(app): State<Arc<App>>,
    Customer(login): Customer,
    Params(params): Params<SearchParams>,
) -> Result<Json<SearchView>, Problem> {
    let (kind, asked) = params.parse()?;
    answer(&app, login, kind, asked).await
}

/// The same with the question in a body, which is not written to any log on the way.
#[utoipa::path(post, operation_id = "search_by_body", path = "/search", tag = "knowledge", request_body = SearchBody,
    responses((status = 200, body = SearchView), (status = 403, body = ProblemDocument), (status = 422, body = ProblemDocument),
        (status = 429, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
async fn search_by_body(
    State(app): State<Arc<App>>,
    Customer(login): Customer,
    Body(body): Body<SearchBody>,
) -> Result<Json<SearchView>, Problem> {
    let (kind, asked) = body.asked();
    answer(&app, login, kind, asked).await
}

async fn answer(app: &App, login: Login, kind: Kind, asked: Asked) -> Result<Json<SearchView>, Problem> {
    let login = match kind {
        Kind::Articles => login,
        Kind::Tickets | Kind::All => login.require(Role::Agent)?,
    };
    let question = asked.question(&login)?;
    // The question is checked before anything is looked for.
    question.check().map_err(knowledge_problem)?;
    let (answer, tickets) = tokio::try_join!(articles(app, kind, &question), tickets(app, kind, &question))?;
    let of_articles = answer.map(|answer| (app.knowledge.note(&question, &answer), answer));
    Ok(Json(SearchView::of(asked.q, of_articles, tickets)))
}

/// What the knowledge base answers; none where it is not asked.
async fn articles(app: &App, kind: Kind, question: &Question) -> Result<Option<Answer>, Problem> {
    if kind == Kind::Tickets {
        return Ok(None);
    }
    let answer = app.knowledge.find(question).await;
    answer.map(Some).map_err(knowledge_problem)
}

async fn tickets(app: &App, kind: Kind, question: &Question) -> Result<Vec<TicketHitView>, Problem> {
    if kind == Kind::Articles {
        return Ok(Vec::new());
    }
    let language = question.language.as_deref();
    let found = app.triage.find_tickets(&question.text, language, question.limit).await;
    let found = found.map_err(triage_problem)?;
    Ok(found.into_iter().map(TicketHitView::from).collect())
}

impl SearchParams {
    fn parse(self) -> Result<(Kind, Asked), Problem> {
        let mut faults = Vec::new();
        let kinds = [
            ("articles", Kind::Articles),
            ("tickets", Kind::Tickets),
            ("all", Kind::All),
        ];
        let kind = |text: &str| {
            let named = kinds.iter().find(|(name, _)| *name == text);
            named
                .map(|(_, kind)| *kind)
                .ok_or_else(|| "is none of articles, tickets, all".to_owned())
        };
        let kind = read("kind", self.kind, &mut faults, kind).unwrap_or_default();
        let asked = AskedParams {
            q: self.q,
            language: self.language,
            tags: self.tags,
            visibility: self.visibility,
            limit: self.limit,
        };
        Ok((kind, asked.parse(faults, DEFAULT_LIMIT)?))
    }
}

impl SearchBody {
    fn asked(self) -> (Kind, Asked) {
        let asked = Asked {
            q: self.q,
            language: self.language,
            tags: self.tags,
            visibility: self.visibility,
            limit: self.limit.unwrap_or(DEFAULT_LIMIT),
        };
        (self.kind, asked)
    }
}
