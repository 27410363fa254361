//! What is said of an article without its text, and which articles changed lately.

use desk::{Article, ArticleVisibility};
use sqlx::any::AnyRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::{StoreError, failed};
use crate::noun;
use crate::row::Columns;
use crate::sql::{Arg, Sql, select_in};
use crate::store::Store;

const COLUMNS: &str = "id, external_id, title, language, tags, visibility, archived, version";

/// An article without its text, as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct ArticleHead {
    /// The article.
    pub id: Uuid,
    /// Its name in the system it comes from.
    pub external_id: Option<String>,
    /// What it answers, in one line.
    pub title: String,
    /// ISO 639-1.
    pub language: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Who may read it.
    pub visibility: ArticleVisibility,
    /// Whether it is put away.
    pub archived: bool,
    /// Counts the edits.
    pub version: i64,
}

impl From<Article> for ArticleHead {
    fn from(article: Article) -> Self {
        ArticleHead {
            id: article.id,
            external_id: article.fields.external_id,
            title: article.fields.title,
            language: article.fields.language,
            tags: article.fields.tags,
            visibility: article.fields.visibility,
            archived: article.fields.archived,
            version: article.version,
        }
    }
}

impl Store {
    /// The articles with these ids, in no order; those that are not there are left out.
    ///
    /// **Errors:** the database's.
    pub async fn get_articles(&self, ids: &[Uuid]) -> Result<Vec<Article>, StoreError> {
        let select = format!("SELECT {} FROM articles WHERE id", noun::columns::<Article>());
        let rows = self.rows_with_ids(&select, ids).await?;
        rows.iter().map(noun::read::<Article>).collect()
    }

    /// The same without their texts.
    ///
    /// **Errors:** the database's.
    pub async fn get_article_heads(&self, ids: &[Uuid]) -> Result<Vec<ArticleHead>, StoreError> {
        let select = format!("SELECT {COLUMNS} FROM articles WHERE id");
        let rows = self.rows_with_ids(&select, ids).await?;
        rows.iter().map(read_head).collect()
    }

    /// Ids and versions of the articles changed at this time or later.
    ///
    /// **Errors:** the database's.
    pub async fn articles_changed_since(&self, since: OffsetDateTime) -> Result<Vec<(Uuid, i64)>, StoreError> {
        let text = "SELECT id, version FROM articles WHERE updated_at >= $1 ORDER BY updated_at, id";
        let mut reader = self.database().reader().await?;
        let rows = Sql::new(text, [since.into()]).all(&mut reader).await;
        let rows = rows.map_err(failed("read which articles changed"))?;
        rows.iter().map(read_change).collect()
    }

    async fn rows_with_ids(&self, select: &str, ids: &[Uuid]) -> Result<Vec<AnyRow>, StoreError> {
        let mut reader = self.database().reader().await?;
        let ids = ids.iter().copied().map(Arg::from).collect();
        let rows = select_in(&mut reader, select, ids).await;
        rows.map_err(failed("read articles"))
    }
}

fn read_head(row: &AnyRow) -> Result<ArticleHead, StoreError> {
    let mut columns = Columns::of(row);
    Ok(ArticleHead {
        id: columns.id("article id")?,
        external_id: columns.maybe_text("article external id")?,
        title: columns.text("article title")?,
        language: columns.maybe_text("article language")?,
        tags: columns.json("article tags")?,
        visibility: columns.word("article visibility")?,
        archived: columns.int("article archived")? != 0,
        version: columns.int("article version")?,
    })
}

fn read_change(row: &AnyRow) -> Result<(Uuid, i64), StoreError> {
    let mut columns = Columns::of(row);
    Ok((columns.id("article id")?, columns.int("article version")?))
}
