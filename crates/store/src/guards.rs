//! What is asked before a row is changed: whether it is still the version that the caller knows, and whether what the
//! change names exists.

use sqlx::AnyConnection;
use uuid::Uuid;

use crate::error::{StoreError, failed};
use crate::sql::Sql;

/// Refuses a change made from another version than the stored one.
pub(crate) fn check_version(expected: Option<i64>, current: i64) -> Result<(), StoreError> {
    match expected {
        Some(expected) if expected != current => Err(StoreError::Stale { expected, current }),
        _ => Ok(()),
    }
}

/// Refuses an id that names no row.
pub(crate) async fn check_reference(
    from: &mut AnyConnection,
    table: &str,
    field: &'static str,
    id: Option<Uuid>,
) -> Result<(), StoreError> {
    let Some(id) = id else { return Ok(()) };
    let sql = Sql::new(&format!("SELECT id FROM {table} WHERE id = $1"), [id.into()]);
    match sql.optional(from).await.map_err(failed("look up a reference"))? {
        Some(_) => Ok(()),
        None => Err(StoreError::Unknown {
            field,
            id: id.to_string(),
        }),
    }
}
