//! `/v1/search/insights` and `/v1/search/feedback`: what nothing answers, and what people say of the answers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use desk::{InsightKind, SearchFeedback, SearchInsight};
use serde::{Deserialize, Serialize};
use store::{InsightFilter, PageRequest};
use time::{Duration, OffsetDateTime};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::http::articles::visible_to;
use crate::http::failure::knowledge_problem;
use crate::http::json::Body;
use crate::http::login::{Agent, Customer};
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::query::{List, PageParams, Params, language, read as read_param, refuse_faults, whole_number, word};
use crate::http::words;

/// Days looked at when the caller names no number.
const DEFAULT_DAYS: u16 = 30;
/// Most days looked at.
const MAX_DAYS: u16 = 3_650;

/// The routes of these resources.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(insights)).routes(routes!(feedback))
}

/// Which queries are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct InsightParams {
    /// Why a query deserves attention; any reason when left out.
    #[param(value_type = Option<words::InsightKind>)]
    kind: Option<String>,
    /// Only queries in this language (ISO 639-1).
    language: Option<String>,
    /// How many days back, today among them, 1 to 3,650; 30 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 3650)]
    days: Option<String>,
    /// Rows wanted, 1 to 200; 50 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A query that nothing answered, or not well.
#[derive(Debug, Serialize, ToSchema)]
pub struct InsightView {
    /// The question in lower case, without addresses, long numbers, and names that something introduces.
    #[schema(example = "are gift cards refunded")]
    query: String,
    /// ISO 639-1, where it shows.
    language: Option<String>,
    /// How often it deserved attention, for the reason that was asked for.
    count: i64,
    /// How often nothing was alike at all.
    zero_results: i64,
    /// How often what was alike was too unlikely to answer it.
    low_confidence: i64,
    /// Answers to it that helped.
    helped: i64,
    /// Answers to it that did not help.
    not_helped: i64,
    /// The highest probability that anything answers it, 0 to 1.
    best_probability: f32,
    /// When it was last asked or its answer spoken of.
    #[serde(with = "time::serde::rfc3339")]
    last_seen: OffsetDateTime,
}

/// What someone says of an answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedbackBody {
    /// `search_id` of the answer.
    search_id: Uuid,
    /// The article that helped or did not; the whole answer when left out.
    article_id: Option<Uuid>,
    /// The passage of it.
    passage_id: Option<Uuid>,
    /// Whether it helped.
    helped: bool,
}

/// Lists what people looked for and did not find, most often first.
///
/// Kept are queries that nothing answered and those whose answer did not help, without personal data. Searches within
/// tags or drafts say little of the knowledge base and are not counted.
#[utoipa::path(get, operation_id = "list_search_insights", path = "/search/insights", tag = "knowledge", params(InsightParams),
    responses((status = 200, body = List<InsightView>), (status = 403, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
async fn insights(
    State(app): State<Arc<App>>,
    _: Agent,
    Params(params): Params<InsightParams>,
) -> Result<Json<List<InsightView>>, Problem> {
    let (kind, language, days, page) = params.parse()?;
    let filter = InsightFilter {
        since: (OffsetDateTime::now_utc() - Duration::days(i64::from(days) - 1)).date(),
        kind,
        language: language.as_deref(),
    };
    let listed = app
        .knowledge
        .insights(&filter, &page)
        .await
        .map_err(knowledge_problem)?;
    Ok(Json(List::of(listed, InsightView::from)))
}

/// Says whether an answer helped.
///
/// The last word on the same search, article and passage counts.
#[utoipa::path(post, operation_id = "give_search_feedback", path = "/search/feedback", tag = "knowledge", request_body = FeedbackBody,
    responses((status = 204), (status = 422, body = ProblemDocument)))]
async fn feedback(
    State(app): State<Arc<App>>,
    Customer(login): Customer,
    Body(said): Body<FeedbackBody>,
) -> Result<StatusCode, Problem> {
    let feedback = SearchFeedback {
        search_id: said.search_id,
        article_id: said.article_id,
        passage_id: said.passage_id,
        helped: said.helped,
    };
    let given = app.knowledge.give_feedback(feedback, visible_to(&login)).await;
    given.map_err(knowledge_problem)?;
    Ok(StatusCode::NO_CONTENT)
}

impl InsightParams {
    fn parse(self) -> Result<(Option<InsightKind>, Option<String>, u16, PageRequest), Problem> {
        let mut faults = Vec::new();
        let kind = read_param("kind", self.kind, &mut faults, word);
        let language = read_param("language", self.language, &mut faults, language);
        let days = read_param("days", self.days, &mut faults, whole_number(1..=MAX_DAYS));
        let page = PageParams {
            limit: self.limit,
            cursor: self.cursor,
        }
        .page(&mut faults);
        refuse_faults(faults)?;
        Ok((kind, language, days.unwrap_or(DEFAULT_DAYS), page))
    }
}

impl From<SearchInsight> for InsightView {
    fn from(insight: SearchInsight) -> Self {
        InsightView {
            query: insight.query,
            language: insight.language,
            count: insight.count,
            zero_results: insight.zero_results,
            low_confidence: insight.low_confidence,
            helped: insight.helped,
            not_helped: insight.not_helped,
            best_probability: insight.best_probability,
            last_seen: insight.last_seen,
        }
    }
}
