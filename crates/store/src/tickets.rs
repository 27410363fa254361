//! Reading tickets: one, many, a filtered list, all in order.

use desk::{Channel, Priority, Ticket, TriageState, WorkStatus};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::{StoreError, failed};
use crate::page::{Page, PageRequest};
use crate::row::json;
use crate::sql::{Arg, Sql};
use crate::store::Store;
use crate::ticket_row::{self, COLUMNS};

/// Which tickets a list has; what is left out does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TicketFilter {
    /// How far triage has come.
    pub state: Option<TriageState>,
    /// How far people have come.
    pub status: Option<WorkStatus>,
    /// The category label.
    pub category: Option<String>,
    /// The priority.
    pub priority: Option<Priority>,
    /// The team.
    pub team_id: Option<Uuid>,
    /// The agent.
    pub agent_id: Option<Uuid>,
    /// The client.
    pub account_id: Option<Uuid>,
    /// The person who wrote it.
    pub contact_id: Option<Uuid>,
    /// The detected language.
    pub language: Option<String>,
    /// The way it came in.
    pub channel: Option<Channel>,
    /// A tag it has.
    pub tag: Option<String>,
    /// The ticket it was merged into.
    pub merged_into: Option<Uuid>,
    /// Its id in the system it comes from.
    pub external_id: Option<String>,
    /// Written at or after this time.
    #[serde(with = "time::serde::rfc3339::option")]
    pub created_from: Option<OffsetDateTime>,
    /// Written before this time.
    #[serde(with = "time::serde::rfc3339::option")]
    pub created_before: Option<OffsetDateTime>,
}

impl TicketFilter {
    /// Condition and value of each restriction but the tag's; the value comes after the text.
    fn conditions(&self) -> Vec<(&'static str, Arg)> {
        let conditions = [
            ("state = ", self.state.map(|v| v.as_str().into())),
            ("status = ", self.status.map(|v| v.as_str().into())),
            ("category = ", self.category.as_deref().map(Arg::from)),
            ("priority = ", self.priority.map(|v| v.as_str().into())),
            ("team_id = ", self.team_id.map(Arg::from)),
            ("agent_id = ", self.agent_id.map(Arg::from)),
            ("account_id = ", self.account_id.map(Arg::from)),
            ("contact_id = ", self.contact_id.map(Arg::from)),
            ("language = ", self.language.as_deref().map(Arg::from)),
            ("channel = ", self.channel.map(|v| v.as_str().into())),
            ("merged_into = ", self.merged_into.map(Arg::from)),
            ("external_id = ", self.external_id.as_deref().map(Arg::from)),
            ("created_at >= ", self.created_from.map(Arg::from)),
            ("created_at < ", self.created_before.map(Arg::from)),
        ];
        conditions
            .into_iter()
            .filter_map(|(text, value)| Some((text, value?)))
            .collect()
    }
}

impl Store {
    /// The ticket with this id.
    ///
    /// **Errors:** the database's.
    pub async fn get_ticket(&self, id: Uuid) -> Result<Option<Ticket>, StoreError> {
        let mut reader = self.database().reader().await?;
        ticket_row::get(&mut reader, id).await
    }

    /// The tickets with these ids; those that do not exist are left out.
    ///
    /// **Errors:** the database's.
    pub async fn get_tickets(&self, ids: &[Uuid]) -> Result<Vec<Ticket>, StoreError> {
        let mut reader = self.database().reader().await?;
        ticket_row::get_all(&mut reader, ids.iter().copied().map(Arg::from).collect()).await
    }

    /// The tickets of a filter, last arrived first.
    ///
    /// **Errors:** `ForeignCursor` for a cursor of another filter, or the database's.
    pub async fn list_tickets(&self, filter: &TicketFilter, page: &PageRequest) -> Result<Page<Ticket>, StoreError> {
        let list = format!("tickets {}", json("filter", filter)?);
        let mut sql = Sql::new(&format!("SELECT {COLUMNS} FROM tickets WHERE "), []);
        for (condition, value) in filter.conditions() {
            sql.push(condition).arg(value).push(" AND ");
        }
        if let Some(tag) = filter.tag.as_deref() {
            let tags = self.database().dialect.tags();
            sql.arg(tag).push(" IN ").push(tags).push(" AND ");
        }
        sql.push("number < ").arg(self.number_before(page, &list)?);
        sql.push(" ORDER BY number DESC LIMIT ").arg(page.rows() + 1);
        let mut reader = self.database().reader().await?;
        let rows = sql.all(&mut reader).await.map_err(failed("list tickets"))?;
        let tickets = ticket_row::read_all(&rows)?;
        Ok(self.page(tickets, page, &list, |ticket: &Ticket| ticket.number.to_string()))
    }

    /// Up to `limit` tickets with a number above `after`, in the order of arrival:
    /// for walking through all of them.
    ///
    /// **Errors:** the database's.
    pub async fn tickets_after(&self, after: i64, limit: u32) -> Result<Vec<Ticket>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM tickets WHERE number > $1 ORDER BY number LIMIT $2");
        let sql = Sql::new(&text, [after.into(), i64::from(limit).into()]);
        let mut reader = self.database().reader().await?;
        let rows = sql.all(&mut reader).await.map_err(failed("walk through tickets"))?;
        ticket_row::read_all(&rows)
    }

    /// As [`Store::tickets_after`], of the tickets that triage or a person changed at or after `since` and that are no
    /// longer waiting for triage.
    ///
    /// **Errors:** the database's.
    pub async fn decided_since(
        &self,
        since: OffsetDateTime,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Ticket>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS} FROM tickets WHERE number > $1 AND updated_at >= $2 AND state <> 'received' \
             ORDER BY number LIMIT $3"
        );
        let sql = Sql::new(&text, [after.into(), since.into(), i64::from(limit).into()]);
        let mut reader = self.database().reader().await?;
        let rows = sql
            .all(&mut reader)
            .await
            .map_err(failed("walk through decided tickets"))?;
        ticket_row::read_all(&rows)
    }

    /// The tickets that were solved or closed and not changed again since a time, the latest first, at most `limit`;
    /// those merged into another are left out.
    ///
    /// **Errors:** the database's.
    pub async fn solved_since(&self, since: OffsetDateTime, limit: u32) -> Result<Vec<Ticket>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS} FROM tickets WHERE status IN ('solved', 'closed') AND merged_into IS NULL AND updated_at >= $1 \
             ORDER BY updated_at DESC LIMIT $2"
        );
        let sql = Sql::new(&text, [since.into(), i64::from(limit).into()]);
        let mut reader = self.database().reader().await?;
        let rows = sql.all(&mut reader).await.map_err(failed("read solved tickets"))?;
        ticket_row::read_all(&rows)
    }

    fn number_before(&self, page: &PageRequest, list: &str) -> Result<i64, StoreError> {
        match self.position(page, list)? {
            Some(position) => position.parse().map_err(|_| StoreError::ForeignCursor),
            None => Ok(i64::MAX),
        }
    }
}
