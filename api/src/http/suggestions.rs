//! `/v1/tickets/{id}/suggestions`: answers an agent can send, with their sources, and what became of them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use desk::{ArticleVisibility, SourceKind, SourceRef, Tally, Verdict};
use serde::{Deserialize, Serialize};
use suggest::{Place, Suggestion};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::http::failure::{store_problem, suggest_problem};
use crate::http::json::Body;
use crate::http::login::Agent;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::query::{Params, Segment, flag, read, refuse_faults};
use crate::http::search_view::SpanView;
use crate::http::tickets::find;
use crate::http::words;
use crate::rephrase::NotReworded;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(judge))
}

/// How suggestions are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct SuggestionParams {
    /// Whether to reword them as one reply, where an endpoint for it is set; `false` when left out.
    #[param(value_type = Option<bool>)]
    rephrase: Option<String>,
}

/// Answers an agent can send.
#[derive(Debug, Serialize, ToSchema)]
pub struct SuggestionsView {
    /// The ticket's language, where it shows.
    language: Option<String>,
    /// The confidence below which nothing is offered, 0 to 1.
    threshold: f32,
    /// Most confident first; none where nothing is likely to answer.
    items: Vec<SuggestionView>,
    /// The suggestions that a customer may be sent as one reply: accepted replies and public articles. Null unless it
    /// was asked for and there are any.
    reply: Option<ReplyView>,
}

/// The suggestions as one reply.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplyView {
    /// What to send; `[1]` names the first suggestion as the source of the sentence before it.
    text: String,
    /// Whether it was reworded; else it is the first suggestion that a customer may be sent, as it is.
    reworded: bool,
    /// Why it was not; null where it was.
    not_reworded: Option<NotReworded>,
}

/// A stretch of a source that may answer the ticket.
#[derive(Debug, Serialize, ToSchema)]
pub struct SuggestionView {
    /// What it says, exactly as its source does; Markdown where that is an article.
    text: String,
    /// What it was taken from.
    citation: CitationView,
    /// That it answers the ticket, 0 to 1: what the texts say, moved by what agents did with the source before.
    confidence: f32,
    /// Its language, where it shows.
    language: Option<String>,
    /// What agents did with the source so far, on all tickets.
    tally: TallyView,
}

/// What a suggestion was taken from.
#[derive(Debug, Serialize, ToSchema)]
pub struct CitationView {
    /// The source, to be named in a verdict.
    source: SourceView,
    /// The article's title, or the subject of the ticket that was replied to.
    title: String,
    /// Where the text stands in the body of the article or reply.
    span: SpanView,
    /// Headings above it, outermost first; none in a reply.
    headings: Vec<String>,
    /// The version of the article; null for a reply.
    version: Option<i64>,
    /// Who may read the article; an internal one is not for customers. Null for a reply.
    #[schema(value_type = Option<words::ArticleVisibility>)]
    visibility: Option<ArticleVisibility>,
    /// The ticket the reply was sent on; null for an article.
    ticket_id: Option<Uuid>,
    /// That ticket's short number.
    ticket_number: Option<i64>,
}

/// An article or a reply.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceView {
    /// What it is.
    #[schema(value_type = words::SourceKind)]
    kind: SourceKind,
    /// Its id.
    id: Uuid,
}

/// What agents did with a source.
#[derive(Debug, Serialize, ToSchema)]
pub struct TallyView {
    /// Times it was sent as it was.
    accepted: u32,
    /// Times it was sent after changes.
    edited: u32,
    /// Times it was no answer.
    rejected: u32,
}

/// What an agent did with a suggestion.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerdictBody {
    /// The source, as the suggestion cites it.
    source: SourceView,
    /// What became of it.
    #[schema(value_type = words::Verdict)]
    verdict: Verdict,
}

/// Suggests answers: what articles and accepted replies on tickets about the same matter say, cut out word for word.
///
/// Nothing is offered below the threshold, and nothing that is not in a source.
#[utoipa::path(get, operation_id = "list_ticket_suggestions", path = "/tickets/{id}/suggestions", tag = "tickets",
    params(("id" = String, Path, description = "The ticket's id, or its short number."), SuggestionParams),
    responses((status = 200, body = SuggestionsView), (status = 404, body = ProblemDocument),
        (status = 422, body = ProblemDocument), (status = 429, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
async fn list(
    State(app): State<Arc<App>>,
    Agent(login): Agent,
    Segment(reference): Segment,
    Params(params): Params<SuggestionParams>,
) -> Result<Json<SuggestionsView>, Problem> {
    let is_reply_wanted = params.parse()?;
    let ticket = find(&app, login, &reference).await?;
    let found = app.suggest.for_ticket(&ticket).await.map_err(suggest_problem)?;
    let reply = match found.items.iter().find(|item| item.is_for_customers()) {
        Some(first) if is_reply_wanted => Some(reply(&app, first, &found.items).await),
        _ => None,
    };
    Ok(Json(SuggestionsView {
        language: found.language,
        threshold: found.threshold,
        items: found.items.into_iter().map(SuggestionView::from).collect(),
        reply,
    }))
}

async fn reply(app: &App, first: &Suggestion, all: &[Suggestion]) -> ReplyView {
    match app.rephraser.reword(&app.suggest, all).await {
        Ok(text) => ReplyView {
            text,
            reworded: true,
            not_reworded: None,
        },
        Err(why) => ReplyView {
            text: first.text.clone(),
            reworded: false,
            not_reworded: Some(why),
        },
    }
}

/// Keeps what an agent did with a suggestion: its source is offered with more or less confidence from now on. A second
/// verdict on the same source and ticket replaces the first.
#[utoipa::path(post, operation_id = "judge_ticket_suggestion", path = "/tickets/{id}/suggestions/verdicts",
    tag = "tickets", request_body = VerdictBody,
    params(("id" = String, Path, description = "The ticket's id, or its short number.")),
    responses((status = 204), (status = 404, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
async fn judge(
    State(app): State<Arc<App>>,
    Agent(login): Agent,
    Segment(reference): Segment,
    Body(body): Body<VerdictBody>,
) -> Result<StatusCode, Problem> {
    let actor = login.actor();
    let ticket = find(&app, login, &reference).await?;
    let source = SourceRef {
        kind: body.source.kind,
        id: body.source.id,
    };
    let kept = app
        .store()
        .record_verdict(ticket.id, source, body.verdict, &actor)
        .await
        .map_err(store_problem)?;
    if kept {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("ticket"))
    }
}

impl SuggestionParams {
    fn parse(self) -> Result<bool, Problem> {
        let mut faults = Vec::new();
        let wanted = read("rephrase", self.rephrase, &mut faults, flag);
        refuse_faults(faults)?;
        Ok(wanted.unwrap_or(false))
    }
}

impl From<Suggestion> for SuggestionView {
    fn from(suggestion: Suggestion) -> Self {
        SuggestionView {
            confidence: suggestion.confidence,
            language: suggestion.language.clone(),
            tally: suggestion.tally.into(),
            text: suggestion.text.clone(),
            citation: suggestion.into(),
        }
    }
}

impl From<Suggestion> for CitationView {
    fn from(suggestion: Suggestion) -> Self {
        let source = SourceView {
            kind: suggestion.source.kind,
            id: suggestion.source.id,
        };
        let view = CitationView {
            source,
            title: suggestion.title,
            span: suggestion.span.into(),
            headings: Vec::new(),
            version: None,
            visibility: None,
            ticket_id: None,
            ticket_number: None,
        };
        match suggestion.place {
            Place::Article {
                version,
                headings,
                visibility,
            } => CitationView {
                headings,
                version: Some(version),
                visibility: Some(visibility),
                ..view
            },
            Place::Reply { ticket_id, number } => CitationView {
                ticket_id: Some(ticket_id),
                ticket_number: Some(number),
                ..view
            },
        }
    }
}

impl From<Tally> for TallyView {
    fn from(tally: Tally) -> Self {
        TallyView {
            accepted: tally.accepted,
            edited: tally.edited,
            rejected: tally.rejected,
        }
    }
}
