//! What was looked for, counted by day, and what was said of the answers.

use std::collections::BTreeMap;

use desk::article::write_date;
use desk::{InsightKind, SearchFeedback, SearchInsight, SearchOutcome, SearchRecord};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::database::commit;
use crate::error::{StoreError, failed};
use crate::micros;
use crate::page::{Page, PageRequest};
use crate::row::{Columns, json};
use crate::sql::{Arg, Sql, insert_rows, tables};
use crate::store::Store;

/// How a probability is kept: whole millionths. **Persisted.**
const MILLION: f32 = 1_000_000.0;

const INTO_SEARCHES: &str = "INSERT INTO searches (id, query, language, outcome, probability_ppm, created_at)";
const INTO_DAYS: &str = "INSERT INTO search_days (day, query, language, zero_results, low_confidence, helped, not_helped, \
     best_probability_ppm, last_seen)";
const ADDED_TO_DAYS: &str = " ON CONFLICT (day, query, language) DO UPDATE SET \
     zero_results = search_days.zero_results + excluded.zero_results, \
     low_confidence = search_days.low_confidence + excluded.low_confidence, \
     helped = search_days.helped + excluded.helped, \
     not_helped = search_days.not_helped + excluded.not_helped, \
     best_probability_ppm = CASE WHEN excluded.best_probability_ppm > search_days.best_probability_ppm \
         THEN excluded.best_probability_ppm ELSE search_days.best_probability_ppm END, \
     last_seen = CASE WHEN excluded.last_seen > search_days.last_seen \
         THEN excluded.last_seen ELSE search_days.last_seen END";
const SUMS: &str = "SELECT query, language, CAST(SUM(zero_results) AS BIGINT) AS zero_results, \
     CAST(SUM(low_confidence) AS BIGINT) AS low_confidence, CAST(SUM(helped) AS BIGINT) AS helped, \
     CAST(SUM(not_helped) AS BIGINT) AS not_helped, MAX(best_probability_ppm) AS best_probability_ppm, \
     MAX(last_seen) AS last_seen";

/// Which queries a list of insights has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InsightFilter<'f> {
    /// Days from this one on.
    pub since: Date,
    /// Why a query deserves attention; any reason where it is left out.
    pub kind: Option<InsightKind>,
    /// The language of the query.
    pub language: Option<&'f str>,
}

/// What is added to a query's day.
#[derive(Debug, Clone, Copy)]
struct Added {
    zero_results: i64,
    low_confidence: i64,
    helped: i64,
    not_helped: i64,
    best_probability_ppm: i64,
    last_seen: OffsetDateTime,
}

/// Day, query and language; the empty text stands for an unknown language.
type Key = (String, String, String);

impl Store {
    /// Keeps searches, and counts those that were not answered.
    ///
    /// **Errors:** the database's; nothing is kept then.
    pub async fn record_searches(&self, searches: &[SearchRecord]) -> Result<(), StoreError> {
        let mut transaction = self.database().begin().await?;
        let rows = searches.iter().map(values).collect();
        insert_rows(&mut transaction, INTO_SEARCHES, rows)
            .await
            .map_err(failed("keep searches"))?;
        let mut days = BTreeMap::new();
        let unanswered = searches
            .iter()
            .filter(|search| search.outcome != SearchOutcome::Answered);
        for search in unanswered.filter(|search| search.is_open) {
            let added = Added::unanswered(search);
            days.entry(key(search.created_at, &search.query, search.language.as_deref()))
                .and_modify(|day: &mut Added| *day = day.and(added))
                .or_insert(added);
        }
        add_to_days(&mut transaction, days).await?;
        commit(transaction).await
    }

    /// Whether a search is still kept.
    ///
    /// **Errors:** the database's.
    pub async fn is_search_known(&self, id: Uuid) -> Result<bool, StoreError> {
        let mut reader = self.database().reader().await?;
        let row = Sql::new("SELECT id FROM searches WHERE id = $1", [id.into()])
            .optional(&mut reader)
            .await;
        Ok(row.map_err(failed("find a search"))?.is_some())
    }

    /// Keeps what someone says of an answer, in the place of what they said of it before; whether its search is still
    /// kept. Nothing is changed where it is not.
    ///
    /// **Errors:** the database's.
    pub async fn record_feedback(&self, feedback: &SearchFeedback) -> Result<bool, StoreError> {
        let mut transaction = self.database().begin().await?;
        let text = "SELECT query, language, created_at FROM searches WHERE id = $1";
        let row = Sql::new(text, [feedback.search_id.into()])
            .optional(&mut transaction)
            .await;
        let Some(row) = row.map_err(failed("find a search"))? else {
            return Ok(false);
        };
        let mut columns = Columns::of(&row);
        let (query, language) = (columns.text("query")?, columns.text("query language")?);
        let asked_at = columns.time("search time")?;
        let (helped, not_helped) = put_verdict(&mut transaction, feedback).await?;
        let added = Added {
            zero_results: 0,
            low_confidence: 0,
            helped,
            not_helped,
            best_probability_ppm: 0,
            last_seen: micros::now(),
        };
        let days = BTreeMap::from([(key(asked_at, &query, Some(&language)), added)]);
        add_to_days(&mut transaction, days).await?;
        commit(transaction).await?;
        Ok(true)
    }

    /// Queries that deserve attention, those that deserve it most often first. What is asked while somebody turns the
    /// pages may move a query from one page to another.
    ///
    /// **Errors:** `ForeignCursor` for a cursor of another filter, or the database's.
    pub async fn list_search_insights(
        &self,
        filter: &InsightFilter<'_>,
        page: &PageRequest,
    ) -> Result<Page<SearchInsight>, StoreError> {
        let list = format!("search insights {:?} {:?}", filter.kind, filter.language);
        let mut sql = insights(filter);
        if let Some(position) = self.position(page, &list)? {
            let after: (i64, String, String) =
                serde_json::from_str(&position).map_err(|_| StoreError::ForeignCursor)?;
            after_position(&mut sql, after);
        }
        sql.push(" ORDER BY counted DESC, query, language LIMIT ")
            .arg(page.rows() + 1);
        let mut reader = self.database().reader().await?;
        let rows = sql.all(&mut reader).await.map_err(failed("list search insights"))?;
        let insights: Vec<SearchInsight> = rows.iter().map(read_insight).collect::<Result<_, _>>()?;
        Ok(self.page(insights, page, &list, position_of))
    }

    /// Forgets searches asked before a time, and what was counted and said before a day.
    ///
    /// **Errors:** the database's.
    pub async fn forget_searches(&self, asked_before: OffsetDateTime, before: Date) -> Result<(), StoreError> {
        let mut transaction = self.database().begin().await?;
        let statements = [
            ("DELETE FROM searches WHERE created_at < $1", Arg::from(asked_before)),
            ("DELETE FROM search_days WHERE day < $1", write_date(before).into()),
            (
                "DELETE FROM search_feedback WHERE created_at < $1",
                before.midnight().assume_utc().into(),
            ),
        ];
        for (text, before) in statements {
            let deleted = Sql::new(text, [before]).execute(&mut transaction).await;
            deleted.map_err(failed("forget searches"))?;
        }
        commit(transaction).await
    }
}

impl Added {
    fn unanswered(search: &SearchRecord) -> Self {
        Added {
            zero_results: i64::from(search.outcome == SearchOutcome::ZeroResult),
            low_confidence: i64::from(search.outcome == SearchOutcome::LowConfidence),
            helped: 0,
            not_helped: 0,
            best_probability_ppm: millionths(search.probability),
            last_seen: search.created_at,
        }
    }

    fn and(self, other: Self) -> Self {
        Added {
            zero_results: self.zero_results + other.zero_results,
            low_confidence: self.low_confidence + other.low_confidence,
            helped: self.helped + other.helped,
            not_helped: self.not_helped + other.not_helped,
            best_probability_ppm: self.best_probability_ppm.max(other.best_probability_ppm),
            last_seen: self.last_seen.max(other.last_seen),
        }
    }
}

fn key(asked_at: OffsetDateTime, query: &str, language: Option<&str>) -> Key {
    let day = write_date(asked_at.date());
    (day, query.to_owned(), language.unwrap_or_default().to_owned())
}

/// Adds to the days of queries, in the order of their keys, so that two processes never wait for each other. A query
/// that was nothing but personal data is not counted.
async fn add_to_days(to: &mut AnyConnection, days: BTreeMap<Key, Added>) -> Result<(), StoreError> {
    let counted = days.into_iter().filter(|((_, query, _), _)| !query.is_empty());
    let row = |((day, query, language), added): (Key, Added)| {
        vec![
            day.into(),
            query.into(),
            language.into(),
            added.zero_results.into(),
            added.low_confidence.into(),
            added.helped.into(),
            added.not_helped.into(),
            added.best_probability_ppm.into(),
            added.last_seen.into(),
        ]
    };
    for rows in tables(counted.map(row).collect()) {
        let mut sql = Sql::new(INTO_DAYS, []);
        sql.push(" ").values(rows).push(ADDED_TO_DAYS);
        sql.execute(to).await.map_err(failed("count searches"))?;
    }
    Ok(())
}

/// Keeps a verdict; by how much the numbers of those helped and not helped change.
async fn put_verdict(to: &mut AnyConnection, feedback: &SearchFeedback) -> Result<(i64, i64), StoreError> {
    let none_or = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let helped = i64::from(feedback.helped);
    let values: Vec<Arg> = vec![
        feedback.search_id.into(),
        none_or(feedback.article_id).into(),
        none_or(feedback.passage_id).into(),
        helped.into(),
        micros::now().into(),
    ];
    let insert = "INSERT INTO search_feedback (search_id, article_id, passage_id, helped, created_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (search_id, article_id, passage_id) DO NOTHING";
    let update = "UPDATE search_feedback SET helped = $4, created_at = $5 \
         WHERE search_id = $1 AND article_id = $2 AND passage_id = $3 AND helped <> $4";
    let run = failed("keep feedback");
    if Sql::new(insert, values.clone()).execute(to).await.map_err(&run)? > 0 {
        return Ok((helped, 1 - helped));
    }
    let changed = Sql::new(update, values).execute(to).await.map_err(&run)? > 0;
    let turned = if feedback.helped { (1, -1) } else { (-1, 1) };
    Ok(if changed { turned } else { (0, 0) })
}

fn insights(filter: &InsightFilter<'_>) -> Sql {
    let counted = match filter.kind {
        Some(InsightKind::ZeroResult) => "zero_results",
        Some(InsightKind::LowConfidence) => "low_confidence",
        Some(InsightKind::NotHelped) => "not_helped",
        None => "zero_results + low_confidence + not_helped",
    };
    let mut sql = Sql::new("SELECT * FROM (", []);
    sql.push(SUMS)
        .push(", CAST(SUM(")
        .push(counted)
        .push(") AS BIGINT) AS counted");
    sql.push(" FROM search_days WHERE day >= ")
        .arg(write_date(filter.since));
    if let Some(language) = filter.language {
        sql.push(" AND language = ").arg(language);
    }
    sql.push(" GROUP BY query, language) AS queries WHERE counted > 0");
    sql
}

fn after_position(sql: &mut Sql, (counted, query, language): (i64, String, String)) {
    sql.push(" AND (counted < ")
        .arg(counted)
        .push(" OR (counted = ")
        .arg(counted);
    sql.push(" AND (query > ")
        .arg(query.as_str())
        .push(" OR (query = ")
        .arg(query);
    sql.push(" AND language > ").arg(language).push("))))");
}

fn position_of(insight: &SearchInsight) -> String {
    let position = (
        insight.count,
        &insight.query,
        insight.language.as_deref().unwrap_or_default(),
    );
    // A number and two texts always can be written.
    json("position", &position).unwrap_or_default()
}

fn values(search: &SearchRecord) -> Vec<Arg> {
    vec![
        search.id.into(),
        search.query.as_str().into(),
        search.language.as_deref().unwrap_or_default().into(),
        search.outcome.as_str().into(),
        millionths(search.probability).into(),
        search.created_at.into(),
    ]
}

fn read_insight(row: &AnyRow) -> Result<SearchInsight, StoreError> {
    let mut columns = Columns::of(row);
    let (query, language) = (columns.text("query")?, columns.text("query language")?);
    Ok(SearchInsight {
        query,
        language: Some(language).filter(|code| !code.is_empty()),
        zero_results: columns.int("zero results")?,
        low_confidence: columns.int("low confidence")?,
        helped: columns.int("helped")?,
        not_helped: columns.int("not helped")?,
        best_probability: columns.int("best probability")? as f32 / MILLION,
        last_seen: columns.time("last seen")?,
        count: columns.int("count")?,
    })
}

fn millionths(probability: f32) -> i64 {
    (probability * MILLION).round() as i64
}
