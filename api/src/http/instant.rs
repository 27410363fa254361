//! `/v1/search/instant`: articles for what someone has typed so far.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use knowledge::{InstantHit, Likeness};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::asked::{Asked, AskedParams};
use crate::http::failure::knowledge_problem;
use crate::http::login::Customer;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::query::Params;
use crate::http::search_view::{ArticleRefView, SpanView};
use crate::http::words;

/// Articles when the caller names no number: what a list below a search field shows.
const DEFAULT_LIMIT: usize = 8;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(instant))
}

/// What was typed so far.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct InstantParams {
    /// What was typed so far. A space at the end says that the last word is finished.
    #[param(required = true)]
    q: Option<String>,
    /// Only articles in this language (ISO 639-1).
    language: Option<String>,
    /// Only articles with all of these tags, separated by commas.
    tags: Option<String>,
    /// Only articles of this visibility; all that the token may read when left out, but no drafts.
    #[param(value_type = Option<words::ArticleVisibility>)]
    visibility: Option<String>,
    /// Articles wanted, 1 to 50; 8 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 50)]
    limit: Option<String>,
}

/// What someone may be about to ask for.
#[derive(Debug, Serialize, ToSchema)]
pub struct InstantView {
    /// What was typed.
    q: String,
    /// Articles, best first, each once.
    items: Vec<InstantHitView>,
}

/// An article that may be what someone is typing.
#[derive(Debug, Serialize, ToSchema)]
pub struct InstantHitView {
    /// The article.
    article: ArticleRefView,
    /// The heading in it; null where the whole article is meant.
    heading: Option<String>,
    /// What it has in common with what was typed: words of its title, words of the heading, or what it says.
    by: LikenessView,
    /// Where the title has what was typed.
    title_highlights: Vec<SpanView>,
    /// Where the heading has what was typed.
    heading_highlights: Vec<SpanView>,
}

/// What an article has in common with what was typed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LikenessView {
    /// Words of its title.
    Title,
    /// Words of the heading.
    Heading,
    /// What it says.
    Meaning,
}

/// Suggests articles while someone is typing.
///
/// The beginning of a word finds. Asked for with every letter; a request that is given up costs nothing further. It is
/// not counted in `/v1/search/insights`: what someone is still typing is no search.
#[utoipa::path(get, operation_id = "search_instant", path = "/search/instant", tag = "knowledge", params(InstantParams),
    responses((status = 200, body = InstantView), (status = 422, body = ProblemDocument), (status = 429, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
async fn instant(
    State(app): State<Arc<App>>,
    Customer(login): Customer,
    Params(params): Params<InstantParams>,
) -> Result<Json<InstantView>, Problem> {
    let question = params.asked()?.question(&login)?;
    let found = app.knowledge.instant(&question).await.map_err(knowledge_problem)?;
    Ok(Json(InstantView {
        q: question.text,
        items: found.into_iter().map(InstantHitView::from).collect(),
    }))
}

impl InstantParams {
    fn asked(self) -> Result<Asked, Problem> {
        let asked = AskedParams {
            q: self.q,
            language: self.language,
            tags: self.tags,
            visibility: self.visibility,
            limit: self.limit,
        };
        asked.parse(Vec::new(), DEFAULT_LIMIT)
    }
}

impl From<InstantHit> for InstantHitView {
    fn from(found: InstantHit) -> Self {
        let spans = |spans: Vec<knowledge::Span>| spans.into_iter().map(SpanView::from).collect();
        InstantHitView {
            article: ArticleRefView::from(found.article),
            heading: found.heading,
            by: match found.by {
                Likeness::Title => LikenessView::Title,
                Likeness::Heading => LikenessView::Heading,
                Likeness::Meaning => LikenessView::Meaning,
            },
            title_highlights: spans(found.title_highlights),
            heading_highlights: spans(found.heading_highlights),
        }
    }
}
