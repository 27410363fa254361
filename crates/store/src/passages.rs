//! The passages that articles are cut into, as the search index holds them.

use std::collections::HashMap;

use desk::{Article, Passage};
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::commit;
use crate::error::{StoreError, failed};
use crate::noun;
use crate::row::{Columns, json};
use crate::sql::{Arg, Sql, insert_rows, select_in};
use crate::store::Store;

/// Articles of one statement.
const ARTICLES_AT_ONCE: usize = 64;

const COLUMNS: &str = "id, article_id, article_version, position, headings, visibility, start_char, end_char, text";

impl Store {
    /// Notes that exactly these passages of a version of an article are in the search index; whether that version is
    /// still the latest. Nothing is changed where it is not.
    ///
    /// **Errors:** the database's.
    pub async fn record_passages(
        &self,
        article_id: Uuid,
        version: i64,
        passages: &[Passage],
    ) -> Result<bool, StoreError> {
        let mut transaction = self.database().begin().await?;
        let text = "UPDATE articles SET indexed_version = $1 WHERE id = $2 AND version = $1";
        let latest = Sql::new(text, [version.into(), article_id.into()])
            .execute(&mut transaction)
            .await
            .map_err(failed("note an indexed version"))?;
        if latest == 0 {
            return Ok(false);
        }
        Sql::new("DELETE FROM passages WHERE article_id = $1", [article_id.into()])
            .execute(&mut transaction)
            .await
            .map_err(failed("remove passages"))?;
        let rows = passages.iter().map(values).collect::<Result<_, _>>()?;
        insert_rows(&mut transaction, &format!("INSERT INTO passages ({COLUMNS})"), rows)
            .await
            .map_err(failed("store passages"))?;
        commit(transaction).await?;
        Ok(true)
    }

    /// Lets these articles wait for the search index again, whatever version of theirs it has.
    ///
    /// **Errors:** the database's.
    pub async fn index_again(&self, articles: &[Uuid]) -> Result<(), StoreError> {
        if articles.is_empty() {
            return Ok(());
        }
        let mut transaction = self.database().begin().await?;
        for ids in articles.chunks(ARTICLES_AT_ONCE) {
            let mut sql = Sql::new("UPDATE articles SET indexed_version = 0 WHERE id IN ", []);
            sql.tuple(ids.iter().copied().map(Arg::from));
            let waiting = sql.execute(&mut transaction).await;
            waiting.map_err(failed("let articles wait for the index"))?;
        }
        commit(transaction).await
    }

    /// The passages of an article in their order, as the search index has them.
    ///
    /// **Errors:** the database's.
    pub async fn passages_of(&self, article_id: Uuid) -> Result<Vec<Passage>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM passages WHERE article_id = $1 ORDER BY position");
        let mut reader = self.database().reader().await?;
        let rows = Sql::new(&text, [article_id.into()]).all(&mut reader).await;
        rows.map_err(failed("read passages"))?.iter().map(read).collect()
    }

    /// The passages with these ids and their articles; those that are gone are left out.
    ///
    /// **Errors:** the database's.
    pub async fn get_passages(&self, ids: &[Uuid]) -> Result<Vec<(Passage, Article)>, StoreError> {
        let mut reader = self.database().reader().await?;
        let select = format!("SELECT {COLUMNS} FROM passages WHERE id");
        let rows = select_in(&mut reader, &select, ids.iter().copied().map(Arg::from).collect()).await;
        let passages = rows
            .map_err(failed("read passages"))?
            .iter()
            .map(read)
            .collect::<Result<Vec<_>, _>>()?;
        let articles = passages.iter().map(|passage| passage.article_id.into()).collect();
        let select = format!("SELECT {} FROM articles WHERE id", noun::columns::<Article>());
        let rows = select_in(&mut reader, &select, articles).await;
        let articles = rows
            .map_err(failed("read articles"))?
            .iter()
            .map(|row| noun::read::<Article>(row).map(|article| (article.id, article)))
            .collect::<Result<HashMap<_, _>, _>>()?;
        let with_article = |passage: Passage| {
            let article = articles.get(&passage.article_id)?.clone();
            Some((passage, article))
        };
        Ok(passages.into_iter().filter_map(with_article).collect())
    }

    /// How many passages the search index must hold; those of articles that wait for it may be half there.
    ///
    /// **Errors:** the database's.
    pub async fn count_passages(&self) -> Result<i64, StoreError> {
        let text = "SELECT COUNT(*) FROM passages \
                    WHERE article_id NOT IN (SELECT id FROM articles WHERE indexed_version < version)";
        let mut reader = self.database().reader().await?;
        let row = Sql::new(text, [])
            .optional(&mut reader)
            .await
            .map_err(failed("count passages"))?;
        row.map_or(Ok(0), |row| Columns::of(&row).int("passage count"))
    }
}

fn values(passage: &Passage) -> Result<Vec<Arg>, StoreError> {
    Ok(vec![
        passage.id.into(),
        passage.article_id.into(),
        passage.article_version.into(),
        passage.position.into(),
        json("passage headings", &passage.headings)?.into(),
        passage.visibility.as_str().into(),
        passage.start.into(),
        passage.end.into(),
        passage.text.as_str().into(),
    ])
}

fn read(row: &AnyRow) -> Result<Passage, StoreError> {
    let mut columns = Columns::of(row);
    Ok(Passage {
        id: columns.id("passage id")?,
        article_id: columns.id("passage article")?,
        article_version: columns.int("passage version")?,
        position: columns.int("passage position")?,
        headings: columns.json("passage headings")?,
        visibility: columns.word("passage visibility")?,
        start: columns.int("passage start")?,
        end: columns.int("passage end")?,
        text: columns.text("passage text")?,
    })
}
