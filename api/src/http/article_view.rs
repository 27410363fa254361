//! An article as the caller sees it.

use desk::{Article, ArticleVersion, ArticleVisibility};
use knowledge::markdown;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::problem::Problem;
use crate::http::words;

/// An article.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArticleView {
    /// UUIDv7.
    id: Uuid,
    /// Its name in the system it comes from.
    external_id: Option<String>,
    /// What it answers, in one line.
    title: String,
    /// Markdown, as it was written.
    body: String,
    /// The body as HTML that a page can show as it is: no script, no handler, no foreign style.
    html: String,
    /// ISO 639-1.
    language: Option<String>,
    /// Words to find it by.
    tags: Vec<String>,
    /// Who may read it.
    #[schema(value_type = words::ArticleVisibility)]
    visibility: ArticleVisibility,
    /// Who answers for it.
    author: Option<String>,
    /// When someone must look whether it still holds.
    review_date: Option<String>,
    /// Whether it is put away.
    archived: bool,
    /// Counts the edits; the ETag.
    version: i64,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
}

/// One edit of an article.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArticleVersionView {
    /// Which edit, from 1.
    version: i64,
    /// What it was called.
    title: String,
    /// Markdown, as it was.
    body: String,
    /// ISO 639-1.
    language: Option<String>,
    /// Its tags.
    tags: Vec<String>,
    /// Who could read it.
    #[schema(value_type = words::ArticleVisibility)]
    visibility: ArticleVisibility,
    /// Whether it was put away.
    archived: bool,
    /// Who made the edit.
    edited_by: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl ArticleView {
    /// The article, rendered; a long one takes its time, so see [`rendered`].
    pub fn of(article: Article) -> Self {
        let fields = article.fields;
        ArticleView {
            id: article.id,
            html: markdown::to_html(&fields.body),
            external_id: fields.external_id,
            title: fields.title,
            body: fields.body,
            language: fields.language,
            tags: fields.tags,
            visibility: fields.visibility,
            author: fields.author,
            review_date: fields.review_date.map(desk::article::write_date),
            archived: fields.archived,
            version: article.version,
            created_at: article.created_at,
            updated_at: article.updated_at,
        }
    }
}

/// What is made of articles, made where nobody waits for the thread.
pub async fn rendered<T: Send + 'static>(render: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let rendered = tokio::task::spawn_blocking(render).await;
    rendered.map_err(|error| Problem::internal().because(error))
}

impl From<ArticleVersion> for ArticleVersionView {
    fn from(kept: ArticleVersion) -> Self {
        ArticleVersionView {
            version: kept.version,
            title: kept.fields.title,
            body: kept.fields.body,
            language: kept.fields.language,
            tags: kept.fields.tags,
            visibility: kept.fields.visibility,
            archived: kept.fields.archived,
            edited_by: kept.actor.name,
            created_at: kept.created_at,
        }
    }
}
