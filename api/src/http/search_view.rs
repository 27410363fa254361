//! What a search found, as the caller sees it.

use desk::{ArticleVisibility, Neighbour};
use knowledge::{Answer, Found, Span};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::decision_view::ModelRefView;
use crate::http::words;

/// What was said where nothing answers.
const SILENCE: &str = "We found nothing that answers this.";

/// What a search found.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchView {
    /// Names this search, for feedback on it; null where articles were not looked for.
    search_id: Option<Uuid>,
    /// The question as it was typed.
    q: String,
    /// The question's language, where it shows.
    language: Option<String>,
    /// Whether the knowledge base answers it; null where articles were not looked for.
    answered: Option<bool>,
    /// Calibrated probability that the knowledge base answers it, 0 to 1.
    probability: Option<f32>,
    /// The probability below which no passage is shown.
    threshold: Option<f32>,
    /// The model that made the probability; null where articles were not looked for.
    model: Option<ModelRefView>,
    /// What to say where nothing answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
    /// The passages, best first; none where nothing answers.
    passages: Vec<PassageView>,
    /// Tickets like the question, best first; none unless they were looked for.
    tickets: Vec<TicketHitView>,
}

/// A passage of an article.
#[derive(Debug, Serialize, ToSchema)]
pub struct PassageView {
    /// Changes with its content.
    passage_id: Uuid,
    /// The article it is from.
    article: ArticleRefView,
    /// The headings above it, outermost first.
    headings: Vec<String>,
    /// What it says, Markdown.
    text: String,
    /// Where it stands in the article's body of that version.
    span: SpanView,
    /// Where `text` has words of the question.
    highlights: Vec<SpanView>,
    /// What the passages are ordered by; comparable within one answer only.
    score: f32,
}

/// An article, named.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArticleRefView {
    /// Its id.
    id: Uuid,
    /// Its name in the system it comes from.
    external_id: Option<String>,
    /// What it is called.
    title: String,
    /// ISO 639-1.
    language: Option<String>,
    /// Its tags.
    tags: Vec<String>,
    /// Who may read it.
    #[schema(value_type = words::ArticleVisibility)]
    visibility: ArticleVisibility,
    /// The version the passage is from.
    version: i64,
}

/// A stretch of a text, in Unicode characters.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpanView {
    /// Where it begins.
    start: usize,
    /// Where it ends, exclusive.
    end: usize,
}

/// A ticket like the question.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketHitView {
    /// Its id.
    id: Uuid,
    /// Its short number.
    number: Option<i64>,
    /// Its subject.
    subject: String,
    /// Its category.
    category: Option<String>,
    /// What the tickets are ordered by; comparable within one answer only.
    score: f32,
    /// Cosine of the two texts' vectors, -1 to 1.
    cosine: Option<f32>,
}

impl SearchView {
    /// What was found in the knowledge base, with the name of the search, and among the tickets.
    pub fn of(q: String, of_articles: Option<(Uuid, Answer)>, tickets: Vec<TicketHitView>) -> Self {
        let (search_id, answer) = of_articles.unzip();
        let answered = answer.as_ref().map(|answer| !answer.passages.is_empty());
        SearchView {
            search_id,
            q,
            answered,
            message: (answered == Some(false)).then_some(SILENCE),
            language: answer.as_ref().and_then(|answer| answer.language.clone()),
            probability: answer.as_ref().map(|answer| answer.probability),
            threshold: answer.as_ref().map(|answer| answer.threshold),
            model: answer
                .as_ref()
                .map(|answer| ModelRefView::answerability(&answer.revision)),
            passages: answer
                .map(|answer| answer.passages.into_iter().map(PassageView::from).collect())
                .unwrap_or_default(),
            tickets,
        }
    }
}

impl From<Found> for PassageView {
    fn from(found: Found) -> Self {
        let (passage, article) = (found.passage, found.article);
        PassageView {
            passage_id: passage.id,
            article: ArticleRefView {
                id: article.id,
                external_id: article.fields.external_id,
                title: article.fields.title,
                language: article.fields.language,
                tags: article.fields.tags,
                visibility: article.fields.visibility,
                version: passage.article_version,
            },
            headings: passage.headings,
            text: passage.text,
            span: SpanView {
                start: usize::try_from(passage.start).unwrap_or_default(),
                end: usize::try_from(passage.end).unwrap_or_default(),
            },
            highlights: found.highlights.into_iter().map(SpanView::from).collect(),
            score: found.score,
        }
    }
}

impl From<store::ArticleHead> for ArticleRefView {
    fn from(article: store::ArticleHead) -> Self {
        ArticleRefView {
            id: article.id,
            external_id: article.external_id,
            title: article.title,
            language: article.language,
            tags: article.tags,
            visibility: article.visibility,
            version: article.version,
        }
    }
}

impl From<Span> for SpanView {
    fn from(span: Span) -> Self {
        SpanView {
            start: span.start,
            end: span.end,
        }
    }
}

impl From<Neighbour> for TicketHitView {
    fn from(ticket: Neighbour) -> Self {
        TicketHitView {
            id: ticket.ticket_id,
            number: ticket.number,
            subject: ticket.subject,
            category: ticket.category,
            score: ticket.score,
            cosine: ticket.cosine,
        }
    }
}
