//! The articles of the knowledge base; every edit is kept beside them.

use desk::article::{read_date, write_date};
use desk::{Actor, Article, ArticlePatch, ArticleVersion, ArticleVisibility, EventKind, NewArticle, SubjectKind};
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use time::Date;
use uuid::Uuid;

use crate::database::Dialect;
use crate::error::{StoreError, failed};
use crate::noun::{self, Noun, Shared};
use crate::page::{Page, PageRequest};
use crate::row::{Columns, json};
use crate::sql::{Arg, Sql};
use crate::store::Store;

const VERSION_COLUMNS: &str = "article_id, version, fields, actor, created_at";
const INTO_VERSIONS: &str = "INSERT INTO article_versions (article_id, version, fields, actor, created_at)";

/// Which articles a list has; what is left out does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ArticleFilter {
    /// Who may read it: one of these; all where empty.
    pub visibility: Vec<ArticleVisibility>,
    /// The language.
    pub language: Option<String>,
    /// A tag it has.
    pub tag: Option<String>,
    /// Its name in the system it comes from.
    pub external_id: Option<String>,
    /// Whether it is put away.
    pub archived: Option<bool>,
    /// Its review date is before this day.
    #[serde(skip)]
    pub review_before: Option<Date>,
}

impl ArticleFilter {
    fn restrict(&self, sql: &mut Sql, dialect: Dialect) {
        if !self.visibility.is_empty() {
            sql.push(" AND visibility IN ")
                .tuple(self.visibility.iter().map(|word| word.as_str().into()));
        }
        if let Some(tag) = self.tag.as_deref() {
            sql.push(" AND ").arg(tag).push(" IN ").push(dialect.tags());
        }
        let equal = [
            (" AND language = ", self.language.as_deref().map(Arg::from)),
            (" AND external_id = ", self.external_id.as_deref().map(Arg::from)),
            (
                " AND archived = ",
                self.archived.map(|archived| i64::from(archived).into()),
            ),
            (
                " AND review_date < ",
                self.review_before.map(|day| write_date(day).into()),
            ),
        ];
        for (text, value) in equal {
            if let Some(value) = value {
                sql.push(text).arg(value);
            }
        }
    }
}

impl Noun for Article {
    type Fields = NewArticle;
    const TABLE: &'static str = "articles";
    const COLUMNS: &'static [&'static str] = &[
        "external_id",
        "title",
        "body",
        "language",
        "tags",
        "visibility",
        "author",
        "review_date",
        "archived",
    ];
    const UNIQUE: &'static str = "external_id";
    const SUBJECT: SubjectKind = SubjectKind::Article;
    const CREATED: EventKind = EventKind::ArticleCreated;
    const CHANGED: EventKind = EventKind::ArticleChanged;

    fn values(fields: &NewArticle) -> Result<Vec<Arg>, StoreError> {
        Ok(vec![
            (&fields.external_id).into(),
            fields.title.as_str().into(),
            fields.body.as_str().into(),
            (&fields.language).into(),
            json("article tags", &fields.tags)?.into(),
            fields.visibility.as_str().into(),
            (&fields.author).into(),
            fields.review_date.map(write_date).into(),
            i64::from(fields.archived).into(),
        ])
    }

    fn read(columns: &mut Columns<'_>) -> Result<NewArticle, StoreError> {
        Ok(NewArticle {
            external_id: columns.maybe_text("article external id")?,
            title: columns.text("article title")?,
            body: columns.text("article body")?,
            language: columns.maybe_text("article language")?,
            tags: columns.json("article tags")?,
            visibility: columns.word("article visibility")?,
            author: columns.maybe_text("article author")?,
            review_date: review_date(columns)?,
            archived: columns.int("article archived")? != 0,
        })
    }

    fn with(fields: NewArticle, shared: Shared) -> Self {
        Article {
            id: shared.id,
            fields,
            version: shared.version,
            created_at: shared.created_at,
            updated_at: shared.updated_at,
        }
    }

    fn id(&self) -> Uuid {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn history(article: &Self, actor: &Actor) -> Result<Vec<(&'static str, Vec<Arg>)>, StoreError> {
        let row = vec![
            article.id.into(),
            article.version.into(),
            json("article version", &article.fields)?.into(),
            json("article actor", actor)?.into(),
            article.updated_at.into(),
        ];
        Ok(vec![(INTO_VERSIONS, row)])
    }
}

impl Store {
    /// Creates an article; its first version is kept.
    ///
    /// **Errors:** `Invalid`, `Taken`, or the database's.
    pub async fn create_article(&self, article: NewArticle, actor: &Actor) -> Result<Article, StoreError> {
        let fields = article.validate().map_err(StoreError::Invalid)?;
        self.create_noun(fields, actor).await
    }

    /// The article with this id.
    ///
    /// **Errors:** the database's.
    pub async fn get_article(&self, id: Uuid) -> Result<Option<Article>, StoreError> {
        self.get_noun(id).await
    }

    /// The article with this external id.
    ///
    /// **Errors:** the database's.
    pub async fn find_article(&self, external_id: &str) -> Result<Option<Article>, StoreError> {
        self.find_noun("external_id", external_id).await
    }

    /// The articles of a filter, oldest first.
    ///
    /// **Errors:** `ForeignCursor` for a cursor of another filter, or the database's.
    pub async fn list_articles(&self, filter: &ArticleFilter, page: &PageRequest) -> Result<Page<Article>, StoreError> {
        let list = format!("articles {} {:?}", json("filter", filter)?, filter.review_before);
        let mut sql = Sql::new(
            &format!("SELECT {} FROM articles WHERE id > ", noun::columns::<Article>()),
            [],
        );
        sql.arg(self.position(page, &list)?.unwrap_or_default());
        filter.restrict(&mut sql, self.database().dialect);
        sql.push(" ORDER BY id LIMIT ").arg(page.rows() + 1);
        let mut reader = self.database().reader().await?;
        let rows = sql.all(&mut reader).await.map_err(failed("list articles"))?;
        let articles = rows.iter().map(noun::read::<Article>).collect::<Result<_, _>>()?;
        Ok(self.page(articles, page, &list, |article: &Article| article.id.to_string()))
    }

    /// Up to `limit` articles after this one in the order of their creation: for walking through all of them.
    ///
    /// **Errors:** the database's.
    pub async fn articles_after(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<Article>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        self.read_articles(
            "WHERE id > $1 ORDER BY id LIMIT $2",
            [after.into(), i64::from(limit).into()],
        )
        .await
    }

    /// Up to `limit` articles whose latest version is not in the search index.
    ///
    /// **Errors:** the database's.
    pub async fn articles_to_index(&self, limit: u32) -> Result<Vec<Article>, StoreError> {
        let which = "WHERE indexed_version < version ORDER BY id LIMIT $1";
        self.read_articles(which, [i64::from(limit).into()]).await
    }

    /// Changes an article and gives it back, the version before kept; none when there is no such article.
    ///
    /// **Errors:** `Stale`, `Invalid`, `Taken`, or the database's.
    pub async fn update_article(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
        patch: ArticlePatch,
        actor: &Actor,
    ) -> Result<Option<Article>, StoreError> {
        let change = |article: &Article| patch.applied_to(&article.fields).map_err(StoreError::Invalid);
        self.update_noun(id, expected_version, change, actor).await
    }

    /// Puts other fields in the place of an article's, as an import or a restored version does.
    ///
    /// **Errors:** `Stale`, `Invalid`, `Taken`, or the database's.
    pub async fn replace_article(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
        fields: NewArticle,
        actor: &Actor,
    ) -> Result<Option<Article>, StoreError> {
        let change = |_: &Article| fields.validate().map_err(StoreError::Invalid);
        self.update_noun(id, expected_version, change, actor).await
    }

    /// The versions of an article, first one first.
    ///
    /// **Errors:** `ForeignCursor`, or the database's.
    pub async fn list_article_versions(
        &self,
        id: Uuid,
        page: &PageRequest,
    ) -> Result<Page<ArticleVersion>, StoreError> {
        let list = format!("versions of {id}");
        let after: i64 = match self.position(page, &list)? {
            Some(position) => position.parse().map_err(|_| StoreError::ForeignCursor)?,
            None => 0,
        };
        let text = format!(
            "SELECT {VERSION_COLUMNS} FROM article_versions WHERE article_id = $1 AND version > $2 ORDER BY version LIMIT $3"
        );
        let sql = Sql::new(&text, [id.into(), after.into(), (page.rows() + 1).into()]);
        let mut reader = self.database().reader().await?;
        let rows = sql.all(&mut reader).await.map_err(failed("list versions"))?;
        let versions = rows.iter().map(read_version).collect::<Result<_, _>>()?;
        Ok(self.page(versions, page, &list, |version: &ArticleVersion| {
            version.version.to_string()
        }))
    }

    /// One version of an article.
    ///
    /// **Errors:** the database's.
    pub async fn get_article_version(&self, id: Uuid, version: i64) -> Result<Option<ArticleVersion>, StoreError> {
        let text = format!("SELECT {VERSION_COLUMNS} FROM article_versions WHERE article_id = $1 AND version = $2");
        let mut reader = self.database().reader().await?;
        let row = Sql::new(&text, [id.into(), version.into()]).optional(&mut reader).await;
        row.map_err(failed("read a version"))?
            .as_ref()
            .map(read_version)
            .transpose()
    }

    pub(crate) async fn read_articles<const N: usize>(
        &self,
        which: &str,
        args: [Arg; N],
    ) -> Result<Vec<Article>, StoreError> {
        let text = format!("SELECT {} FROM articles {which}", noun::columns::<Article>());
        let mut reader = self.database().reader().await?;
        let rows = Sql::new(&text, args).all(&mut reader).await;
        let rows = rows.map_err(failed("read articles"))?;
        rows.iter().map(noun::read::<Article>).collect()
    }
}

fn read_version(row: &AnyRow) -> Result<ArticleVersion, StoreError> {
    let mut columns = Columns::of(row);
    Ok(ArticleVersion {
        article_id: columns.id("version's article")?,
        version: columns.int("version number")?,
        fields: columns.json("version fields")?,
        actor: columns.json("version actor")?,
        created_at: columns.time("version time")?,
    })
}

fn review_date(columns: &mut Columns<'_>) -> Result<Option<Date>, StoreError> {
    let what = "article review date";
    let read = |text: String| read_date(&text).ok_or_else(|| StoreError::corrupt(what, "is no date"));
    columns.maybe_text(what)?.map(read).transpose()
}
