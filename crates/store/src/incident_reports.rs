//! Reading what incidents are made of: open tickets and the duplicates triage found.

use std::collections::HashMap;

use desk::{Decision, Duplicate, Report};
use sqlx::AnyConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::{StoreError, failed};
use crate::row::Columns;
use crate::sql::{Arg, Sql, select_in};
use crate::store::Store;
use crate::ticket_row::{self, COLUMNS};

impl Store {
    /// The tickets that are open or pending and were written at or after a time, the last arrived first, at most
    /// `limit`, each with the duplicates its decision names and the open incident it is in.
    ///
    /// **Errors:** the database's.
    pub async fn open_reports_since(&self, since: OffsetDateTime, limit: u32) -> Result<Vec<Report>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS} FROM tickets WHERE status IN ('open', 'pending') AND created_at >= $1 \
             ORDER BY number DESC LIMIT $2"
        );
        let sql = Sql::new(&text, [since.into(), i64::from(limit).into()]);
        let mut reader = self.database().reader().await?;
        let rows = sql.all(&mut reader).await.map_err(failed("read open tickets"))?;
        let tickets = ticket_row::read_all(&rows)?;
        let ids: Vec<Arg> = tickets.iter().map(|ticket| ticket.id.into()).collect();
        let select = "SELECT decision FROM decisions WHERE ticket_id";
        let rows = select_in(&mut reader, select, ids).await;
        let mut duplicates: HashMap<Uuid, Vec<Duplicate>> = HashMap::new();
        for row in &rows.map_err(failed("read decisions"))? {
            let decision: Decision = Columns::of(row).json("decision")?;
            duplicates
                .entry(decision.ticket_id)
                .or_default()
                .extend(decision.duplicates);
        }
        let incidents = open_incidents(&mut reader).await?;
        let report = |ticket: desk::Ticket| Report {
            incident: incidents.get(&ticket.id).copied(),
            duplicates: duplicates.remove(&ticket.id).unwrap_or_default(),
            ticket,
        };
        Ok(tickets.into_iter().map(report).collect())
    }
}

/// The open incident of each ticket that is in one, itself or with what was merged into it.
async fn open_incidents(from: &mut AnyConnection) -> Result<HashMap<Uuid, Uuid>, StoreError> {
    let text = "WITH RECURSIVE member (ticket, incident) AS \
                (SELECT ticket_id, incident_id FROM incident_tickets WHERE is_open = 1 \
                 UNION SELECT t.merged_into, m.incident FROM tickets t JOIN member m ON t.id = m.ticket \
                 WHERE t.merged_into IS NOT NULL) SELECT ticket, incident FROM member";
    let rows = Sql::new(text, []).all(from).await;
    let read = |row| {
        let mut columns = Columns::of(row);
        Ok((
            columns.id("ticket of an incident")?,
            columns.id("incident of a ticket")?,
        ))
    };
    rows.map_err(failed("read open incidents"))?.iter().map(read).collect()
}
