//! The database under a desk, past the desk.

use sqlx::{AnyConnection, AssertSqlSafe, Connection};

/// Runs a statement.
pub async fn run_sql(url: &str, statement: &str) {
    let mut connection = connect(url).await;
    let done = sqlx::query(AssertSqlSafe(statement.to_owned()))
        .execute(&mut connection)
        .await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    connection.close().await.expect("closed");
}

/// The rows of a query with one column of text.
pub async fn texts(url: &str, query: &str) -> Vec<String> {
    let mut connection = connect(url).await;
    let rows = sqlx::query_as::<_, (String,)>(AssertSqlSafe(query.to_owned()));
    let rows = rows.fetch_all(&mut connection).await;
    connection.close().await.expect("closed");
    rows.unwrap_or_else(|error| panic!("{query}: {error}"))
        .into_iter()
        .map(|(text,)| text)
        .collect()
}

async fn connect(url: &str) -> AnyConnection {
    sqlx::any::install_default_drivers();
    AnyConnection::connect(url).await.expect("a database")
}
