//! `/v1/knowledge/gaps` and `/v1/knowledge/stale`: what the knowledge base lacks, and what in it may no longer hold.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use desk::article::write_date;
use desk::{NewArticle, Ticket};
use serde::{Deserialize, Serialize};
use store::StaleArticle;
use suggest::Gap;
use time::Duration;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::http::failure::{store_problem, suggest_problem};
use crate::http::login::Agent;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::query::{Params, read, refuse_faults, whole_number};

/// Days looked back when the caller names no number.
const DEFAULT_DAYS: i64 = 30;
const MAX_DAYS: i64 = 366;
/// Solved tickets looked at when the caller names no number.
const DEFAULT_TICKETS: u32 = 300;
const MAX_TICKETS: u32 = 1_000;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(gaps)).routes(routes!(stale))
}

/// How far gaps are looked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct GapParams {
    /// Days looked back, 1 to 366; 30 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 366)]
    days: Option<String>,
    /// Solved tickets looked at, the latest first, 1 to 1,000; 300 when left out. Each takes some milliseconds.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1_000)]
    tickets: Option<String>,
}

/// What the knowledge base lacks.
#[derive(Debug, Serialize, ToSchema)]
pub struct GapsView {
    /// The dearest first: how often a matter came times how long it took.
    items: Vec<GapView>,
}

/// A matter that customers write about and no article answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct GapView {
    /// How many solved tickets there are of it.
    tickets_count: usize,
    /// How long they took on average, from submission to the last change. Units: hours.
    mean_hours: f64,
    /// How long they took together. Units: hours.
    hours: f64,
    /// The tickets, the most typical first.
    tickets: Vec<GapTicketView>,
    /// An article drafted from their accepted replies; null where nobody replied.
    draft: Option<DraftView>,
}

/// A ticket of a gap.
#[derive(Debug, Serialize, ToSchema)]
pub struct GapTicketView {
    /// Its id.
    id: Uuid,
    /// Its short number.
    number: i64,
    /// Its subject.
    subject: String,
}

/// An article that could be written, as `POST /v1/articles` takes it.
#[derive(Debug, Serialize, ToSchema)]
pub struct DraftView {
    /// What the most typical ticket asks.
    title: String,
    /// Markdown: what customers ask, and what agents answered, word for word.
    body: String,
    /// ISO 639-1.
    language: Option<String>,
    /// The category of the tickets.
    tags: Vec<String>,
}

/// Articles that may no longer hold.
#[derive(Debug, Serialize, ToSchema)]
pub struct StaleView {
    /// The one with the most signs first.
    items: Vec<StaleArticleView>,
}

/// An article that may no longer hold, and why.
#[derive(Debug, Serialize, ToSchema)]
pub struct StaleArticleView {
    /// Its id.
    id: Uuid,
    /// What it is called.
    title: String,
    /// Its version.
    version: i64,
    /// Whether its review date has passed.
    review_due: bool,
    /// When it was to be reviewed.
    #[schema(example = "2027-11-01")]
    review_date: Option<String>,
    /// Times agents said since its last change that it is no answer.
    rejected: i64,
    /// Tickets it had answered since its last change that customers opened again.
    reopened: i64,
}

/// Groups solved tickets that no article answers, with a drafted article each.
#[utoipa::path(get, operation_id = "list_knowledge_gaps", path = "/knowledge/gaps", tag = "knowledge", params(GapParams),
    responses((status = 200, body = GapsView), (status = 422, body = ProblemDocument),
        (status = 429, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
async fn gaps(
    State(app): State<Arc<App>>,
    _: Agent,
    Params(params): Params<GapParams>,
) -> Result<Json<GapsView>, Problem> {
    let (days, tickets) = params.parse()?;
    let since = store::now() - Duration::days(days);
    let gaps = app.suggest.gaps(since, tickets).await.map_err(suggest_problem)?;
    Ok(Json(GapsView {
        items: gaps.into_iter().map(GapView::from).collect(),
    }))
}

/// Lists articles that may no longer hold: their review date has passed, agents reject them, or tickets they had
/// answered were opened again.
#[utoipa::path(get, operation_id = "list_stale_articles", path = "/knowledge/stale", tag = "knowledge",
    responses((status = 200, body = StaleView)))]
async fn stale(State(app): State<Arc<App>>, _: Agent) -> Result<Json<StaleView>, Problem> {
    let today = store::now().date();
    let stale = app.store().stale_articles(today).await.map_err(store_problem)?;
    Ok(Json(StaleView {
        items: stale.into_iter().map(StaleArticleView::from).collect(),
    }))
}

impl GapParams {
    fn parse(self) -> Result<(i64, u32), Problem> {
        let mut faults = Vec::new();
        let days = read("days", self.days, &mut faults, whole_number(1..=MAX_DAYS));
        let tickets = read("tickets", self.tickets, &mut faults, whole_number(1..=MAX_TICKETS));
        refuse_faults(faults)?;
        Ok((days.unwrap_or(DEFAULT_DAYS), tickets.unwrap_or(DEFAULT_TICKETS)))
    }
}

impl From<Gap> for GapView {
    fn from(gap: Gap) -> Self {
        GapView {
            tickets_count: gap.tickets.len(),
            mean_hours: gap.mean_hours,
            hours: gap.hours(),
            tickets: gap.tickets.into_iter().map(GapTicketView::from).collect(),
            draft: gap.draft.map(DraftView::from),
        }
    }
}

impl From<Ticket> for GapTicketView {
    fn from(ticket: Ticket) -> Self {
        GapTicketView {
            id: ticket.id,
            number: ticket.number,
            subject: ticket.subject,
        }
    }
}

impl From<NewArticle> for DraftView {
    fn from(article: NewArticle) -> Self {
        DraftView {
            title: article.title,
            body: article.body,
            language: article.language,
            tags: article.tags,
        }
    }
}

impl From<StaleArticle> for StaleArticleView {
    fn from(stale: StaleArticle) -> Self {
        StaleArticleView {
            id: stale.article.id,
            title: stale.article.fields.title,
            version: stale.article.version,
            review_due: stale.is_review_due,
            review_date: stale.article.fields.review_date.map(write_date),
            rejected: stale.rejected,
            reopened: stale.reopened,
        }
    }
}
