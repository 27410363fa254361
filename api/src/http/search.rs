//! `/v1/search`: passages that answer a question, and tickets like it, for those who may read them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use desk::{ArticleVisibility, Role};
use knowledge::Question;
use serde::Deserialize;
use triage::TriageError;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::articles::visible_to;
use crate::http::failure::{knowledge_problem, triage_problem};
use crate::http::json::Body;
use crate::http::login::{Customer, Login};
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::query::{Params, read, refuse_faults, word};
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
    answer(&app, login, params.parse()?).await
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
    answer(&app, login, body).await
}

async fn answer(app: &App, login: Login, asked: SearchBody) -> Result<Json<SearchView>, Problem> {
    let login = match asked.kind {
        Kind::Articles => login,
        Kind::Tickets | Kind::All => login.require(Role::Agent)?,
    };
    let question = question(&login, &asked)?;
    // The question is checked before anything is looked for.
    let answer = app.knowledge.find(&question).await.map_err(knowledge_problem)?;
    let tickets = match asked.kind {
        Kind::Articles => Vec::new(),
        Kind::Tickets | Kind::All => tickets(app, &asked).await.map_err(triage_problem)?,
    };
    let of_articles = (asked.kind != Kind::Tickets).then(|| (app.knowledge.note(&question, &answer), answer));
    Ok(Json(SearchView::of(asked.q, of_articles, tickets)))
}

fn question(login: &Login, asked: &SearchBody) -> Result<Question, Problem> {
    Ok(Question {
        text: asked.q.clone(),
        visibility: readable(login, asked.visibility)?,
        language: asked.language.clone(),
        tags: asked.tags.clone(),
        limit: asked.limit.unwrap_or(DEFAULT_LIMIT),
    })
}

/// What the caller may read of what they asked for; drafts only where they asked for drafts.
pub fn readable(login: &Login, asked: Option<ArticleVisibility>) -> Result<Vec<ArticleVisibility>, Problem> {
    let allowed = visible_to(login);
    match asked {
        Some(asked) if allowed.contains(&asked) => Ok(vec![asked]),
        Some(_) => {
            let message = "is not readable with this token";
            Err(Problem::invalid_field("visibility", "forbidden", message))
        }
        None => {
            let finished = |word: &&ArticleVisibility| **word != ArticleVisibility::Draft;
            Ok(allowed.iter().filter(finished).copied().collect())
        }
    }
}

async fn tickets(app: &App, asked: &SearchBody) -> Result<Vec<TicketHitView>, TriageError> {
    let limit = asked.limit.unwrap_or(DEFAULT_LIMIT);
    let found = app
        .triage
        .find_tickets(&asked.q, asked.language.as_deref(), limit)
        .await?;
    Ok(found.into_iter().map(TicketHitView::from).collect())
}

impl SearchParams {
    fn parse(self) -> Result<SearchBody, Problem> {
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
        let limit = |text: &str| {
            text.parse::<usize>()
                .map_err(|_| "must be a whole number from 1 to 50".to_owned())
        };
        let kind = read("kind", self.kind, &mut faults, kind).unwrap_or_default();
        let limit = read("limit", self.limit, &mut faults, limit);
        let words = ArticleVisibility::ALL.iter().map(|word| word.as_str());
        let visibility = read("visibility", self.visibility, &mut faults, word(words));
        refuse_faults(faults)?;
        let q = self
            .q
            .ok_or_else(|| Problem::invalid_field("q", "missing", "must be given"))?;
        let tags = self.tags.unwrap_or_default();
        let tags = tags.split(',').map(str::trim).filter(|tag| !tag.is_empty());
        Ok(SearchBody {
            q,
            kind,
            language: self.language,
            tags: tags.map(str::to_owned).collect(),
            visibility,
            limit,
        })
    }
}
