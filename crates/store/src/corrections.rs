//! What people put right, in the order they did: the truth that models learn from.

use desk::Correction;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::error::{StoreError, failed};
use crate::page::{Page, PageRequest};
use crate::row::{Columns, json};
use crate::sql::{Arg, Sql, insert_rows};
use crate::store::Store;

const COLUMNS: &str = "id, ticket_id, field, before, after, actor, created_at";

pub(crate) async fn insert(to: &mut AnyConnection, corrections: &[Correction]) -> Result<(), StoreError> {
    let rows = corrections.iter().map(values).collect::<Result<_, _>>()?;
    let into = format!("INSERT INTO corrections ({COLUMNS})");
    insert_rows(to, &into, rows).await.map_err(failed("store corrections"))
}

fn values(correction: &Correction) -> Result<Vec<Arg>, StoreError> {
    Ok(vec![
        correction.id.into(),
        correction.ticket_id.into(),
        correction.field.as_str().into(),
        (&correction.before).into(),
        correction.after.as_str().into(),
        json("correction actor", &correction.actor)?.into(),
        correction.created_at.into(),
    ])
}

fn read(row: &AnyRow) -> Result<Correction, StoreError> {
    let mut columns = Columns::of(row);
    Ok(Correction {
        id: columns.id("correction id")?,
        ticket_id: columns.id("correction ticket")?,
        field: columns.word("correction field")?,
        before: columns.maybe_text("correction before")?,
        after: columns.text("correction after")?,
        actor: columns.json("correction actor")?,
        created_at: columns.time("correction time")?,
    })
}

impl Store {
    /// Corrections of one ticket, or of all, oldest first.
    ///
    /// **Errors:** `ForeignCursor`, or the database's.
    pub async fn list_corrections(
        &self,
        ticket_id: Option<Uuid>,
        page: &PageRequest,
    ) -> Result<Page<Correction>, StoreError> {
        let list = format!("corrections of {ticket_id:?}");
        let mut sql = Sql::new(&format!("SELECT {COLUMNS} FROM corrections WHERE "), []);
        if let Some(ticket_id) = ticket_id {
            sql.push("ticket_id = ").arg(ticket_id).push(" AND ");
        }
        sql.push("id > ").arg(self.position(page, &list)?.unwrap_or_default());
        sql.push(" ORDER BY id LIMIT ").arg(page.rows() + 1);
        let mut reader = self.database().reader().await?;
        let rows = sql.all(&mut reader).await.map_err(failed("list corrections"))?;
        let corrections = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(self.page(corrections, page, &list, |correction: &Correction| {
            correction.id.to_string()
        }))
    }
}
