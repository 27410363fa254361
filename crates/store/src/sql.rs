//! SQL text with `$N` parameters, as both databases take it.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{AnyConnection, AssertSqlSafe};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::micros;

/// Rows of one statement, largest first: few sizes, so that statements stay prepared, and every small one, so that a handful
/// of rows takes one statement, for each is a way to the database and back.
const CHUNKS: [usize; 11] = [64, 32, 16, 8, 7, 6, 5, 4, 3, 2, 1];
/// Values of one list, largest first; a list is filled up, so that fewer sizes do.
const LISTS: [usize; 7] = [64, 32, 16, 8, 4, 2, 1];

/// One value of a statement.
#[derive(Debug, Clone)]
pub(crate) enum Arg {
    Text(Option<String>),
    Int(Option<i64>),
    Bytes(Vec<u8>),
}

/// A statement and its values.
#[derive(Debug, Default)]
pub(crate) struct Sql {
    text: String,
    args: Vec<Arg>,
}

impl Sql {
    /// A statement whose text already holds `$1`, `$2`… for these values.
    pub(crate) fn new(text: &str, args: impl IntoIterator<Item = Arg>) -> Self {
        Sql {
            text: text.to_owned(),
            args: args.into_iter().collect(),
        }
    }

    /// Adds text; never anything a caller sent.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds the next placeholder and its value.
    pub(crate) fn arg(&mut self, value: impl Into<Arg>) -> &mut Self {
        self.args.push(value.into());
        self.text.push('$');
        self.text.push_str(&self.args.len().to_string());
        self
    }

    /// Adds `($1, $2, …)`.
    pub(crate) fn tuple(&mut self, values: impl IntoIterator<Item = Arg>) -> &mut Self {
        for (at, value) in values.into_iter().enumerate() {
            self.push(if at == 0 { "(" } else { ", " }).arg(value);
        }
        self.push(")")
    }

    /// Adds `VALUES ($1, $2), ($3, $4)…`.
    pub(crate) fn values(&mut self, rows: Vec<Vec<Arg>>) -> &mut Self {
        for (at, row) in rows.into_iter().enumerate() {
            self.push(if at == 0 { "VALUES " } else { ", " }).tuple(row);
        }
        self
    }

    /// Runs the statement and gives back the rows it changed.
    pub(crate) async fn execute(self, to: &mut AnyConnection) -> Result<u64, sqlx::Error> {
        Ok(self.query().execute(to).await?.rows_affected())
    }

    /// Runs the statement and gives back its rows.
    pub(crate) async fn all(self, from: &mut AnyConnection) -> Result<Vec<AnyRow>, sqlx::Error> {
        self.query().fetch_all(from).await
    }

    /// Runs the statement and gives back its row, if there is one.
    pub(crate) async fn optional(self, from: &mut AnyConnection) -> Result<Option<AnyRow>, sqlx::Error> {
        self.query().fetch_optional(from).await
    }

    fn query(self) -> Query<'static, sqlx::Any, AnyArguments> {
        // Text is joined from literals of this crate; every value is bound.
        let query = sqlx::query(AssertSqlSafe(self.text));
        self.args.into_iter().fold(query, |query, arg| match arg {
            Arg::Text(text) => query.bind(text),
            Arg::Int(int) => query.bind(int),
            Arg::Bytes(bytes) => query.bind(bytes),
        })
    }
}

/// Inserts rows, many to a statement. `into` reads `INSERT INTO t (a, b)`.
pub(crate) async fn insert_rows(to: &mut AnyConnection, into: &str, rows: Vec<Vec<Arg>>) -> Result<(), sqlx::Error> {
    for values in tables(rows) {
        let mut sql = Sql::new(into, []);
        sql.push(" ").values(values);
        sql.execute(to).await?;
    }
    Ok(())
}

/// The rows cut into as many as one statement takes.
pub(crate) fn tables(rows: Vec<Vec<Arg>>) -> impl Iterator<Item = Vec<Vec<Arg>>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let size = chunk_size(rows.len());
        let table: Vec<_> = rows.by_ref().take(size).collect();
        Some(table).filter(|table| !table.is_empty())
    })
}

/// The rows of `select … IN` for each of these values; `select` ends before the list.
pub(crate) async fn select_in(
    from: &mut AnyConnection,
    select: &str,
    values: Vec<Arg>,
) -> Result<Vec<AnyRow>, sqlx::Error> {
    let mut rows = Vec::new();
    for chunk in values.chunks(LISTS[0]) {
        let mut sql = Sql::new(select, []);
        sql.push(" IN ").tuple(padded(chunk));
        rows.append(&mut sql.all(from).await?);
    }
    Ok(rows)
}

/// The values, the last one repeated up to the next size of a list.
fn padded(chunk: &[Arg]) -> impl Iterator<Item = Arg> {
    let fits = |&size: &usize| size >= chunk.len();
    let size = LISTS.into_iter().rev().find(fits).unwrap_or(chunk.len());
    let last = chunk.last().cloned();
    let rest = std::iter::repeat_n(last, size - chunk.len()).flatten();
    chunk.iter().cloned().chain(rest)
}

fn chunk_size(rows: usize) -> usize {
    CHUNKS.into_iter().find(|&size| size <= rows).unwrap_or(1)
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Arg::Text(Some(text.to_owned()))
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Arg::Text(Some(text))
    }
}

impl From<Option<&str>> for Arg {
    fn from(text: Option<&str>) -> Self {
        Arg::Text(text.map(str::to_owned))
    }
}

impl From<Option<String>> for Arg {
    fn from(text: Option<String>) -> Self {
        Arg::Text(text)
    }
}

impl From<&Option<String>> for Arg {
    fn from(text: &Option<String>) -> Self {
        Arg::Text(text.clone())
    }
}

impl From<Vec<u8>> for Arg {
    fn from(bytes: Vec<u8>) -> Self {
        Arg::Bytes(bytes)
    }
}

impl From<Uuid> for Arg {
    fn from(id: Uuid) -> Self {
        Arg::Text(Some(id.to_string()))
    }
}

impl From<Option<Uuid>> for Arg {
    fn from(id: Option<Uuid>) -> Self {
        Arg::Text(id.map(|id| id.to_string()))
    }
}

impl From<i64> for Arg {
    fn from(int: i64) -> Self {
        Arg::Int(Some(int))
    }
}

impl From<i32> for Arg {
    fn from(int: i32) -> Self {
        Arg::Int(Some(int.into()))
    }
}

impl From<OffsetDateTime> for Arg {
    fn from(time: OffsetDateTime) -> Self {
        Arg::Int(Some(micros::of(time)))
    }
}

impl From<Option<OffsetDateTime>> for Arg {
    fn from(time: Option<OffsetDateTime>) -> Self {
        Arg::Int(time.map(micros::of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_count_up() {
        let mut sql = Sql::new("SELECT 1 WHERE a = ", []);
        sql.arg("x").push(" AND b IN ").tuple([1_i64.into(), 2_i64.into()]);
        assert_eq!(sql.text, "SELECT 1 WHERE a = $1 AND b IN ($2, $3)");
        assert_eq!(sql.args.len(), 3);
    }

    #[test]
    fn lists_come_in_few_sizes() {
        let sizes = |n: usize| padded(&vec![Arg::from(1_i64); n]).count();
        assert_eq!([1, 3, 8, 9, 64].map(sizes), [1, 4, 8, 16, 64]);
        assert_eq!([1, 7, 9, 63, 64, 200].map(chunk_size), [1, 7, 8, 32, 64, 64]);
    }
}
