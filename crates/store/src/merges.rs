//! Merging tickets and taking them apart again. No row moves: a merged ticket points to its survivor and keeps what it
//! was, so that taking it apart gives exactly that back.

use desk::{Actor, EventKind, FieldCode, FieldError, Subject, Ticket};
use sqlx::AnyConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::database::commit;
use crate::error::{StoreError, failed};
use crate::guards::check_version;
use crate::sql::Sql;
use crate::store::Store;
use crate::ticket_row::COLUMNS;
use crate::{change_count, events, micros, ticket_row};

/// `family (member)`: the ticket `$1` and those merged into it, directly or over others.
pub(crate) const FAMILY: &str = "WITH RECURSIVE family (member) AS (SELECT id FROM tickets WHERE id = $1 \
     UNION SELECT t.id FROM tickets t JOIN family f ON t.merged_into = f.member)";

impl Store {
    /// Merges a ticket into another: it closes and is read in the other's conversation. Gives it back as it is then;
    /// none when there is no such ticket.
    ///
    /// **Errors:** `Stale`, `Unknown` survivor, `Invalid` by the rules of [`desk::check_merge`], or the database's.
    pub async fn merge_ticket(
        &self,
        id: Uuid,
        into: Uuid,
        expected_version: Option<i64>,
        actor: &Actor,
    ) -> Result<Option<Ticket>, StoreError> {
        let mut transaction = self.database().begin().await?;
        let Some(ticket) = ticket_row::get(&mut transaction, id).await? else {
            return Ok(None);
        };
        let unknown = || StoreError::Unknown {
            field: "into",
            id: into.to_string(),
        };
        let survivor = ticket_row::get(&mut transaction, into).await?.ok_or_else(unknown)?;
        check_version(expected_version, ticket.version)?;
        desk::check_merge(&ticket, &survivor).map_err(StoreError::Invalid)?;
        let now = micros::now();
        let close = close_sql(&ticket, into, now);
        change_both(&mut transaction, (&ticket, close), (into, absorb_sql(into, now))).await?;
        let kinds = [EventKind::TicketMerged, EventKind::TicketAbsorbed];
        tell(&mut transaction, kinds, &ticket, &survivor, actor, now).await?;
        change_count::count(&mut transaction).await?;
        let merged = ticket_row::get(&mut transaction, id).await?;
        let committed = commit(transaction).await;
        self.changes().change();
        committed.map(|()| merged)
    }

    /// Takes a merged ticket out again: it has the status it had before, and all else was never touched. Gives it back
    /// as it is then; none when there is no such ticket.
    ///
    /// **Errors:** `Stale`, `Invalid` for a ticket that is not merged, or the database's.
    pub async fn unmerge_ticket(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
        actor: &Actor,
    ) -> Result<Option<Ticket>, StoreError> {
        let mut transaction = self.database().begin().await?;
        let Some(ticket) = ticket_row::get(&mut transaction, id).await? else {
            return Ok(None);
        };
        check_version(expected_version, ticket.version)?;
        let from = ticket.merged_into.ok_or_else(not_merged)?;
        let survivor = ticket_row::get(&mut transaction, from).await?;
        let survivor = survivor.ok_or_else(|| StoreError::corrupt("ticket merged into", "names no ticket"))?;
        let now = micros::now();
        let reopen = restore_sql(&ticket, now);
        change_both(&mut transaction, (&ticket, reopen), (from, release_sql(from, now))).await?;
        let kinds = [EventKind::TicketUnmerged, EventKind::TicketReleased];
        tell(&mut transaction, kinds, &ticket, &survivor, actor, now).await?;
        change_count::count(&mut transaction).await?;
        let alone = ticket_row::get(&mut transaction, id).await?;
        let committed = commit(transaction).await;
        self.changes().change();
        committed.map(|()| alone)
    }

    /// The tickets merged into one, directly or over others, oldest first.
    ///
    /// **Errors:** the database's.
    pub async fn merged_tickets(&self, id: Uuid) -> Result<Vec<Ticket>, StoreError> {
        let text = format!(
            "{FAMILY} SELECT {COLUMNS} FROM tickets WHERE id IN (SELECT member FROM family) AND id <> $1 ORDER BY number"
        );
        let mut reader = self.database().reader().await?;
        let rows = Sql::new(&text, [id.into()]).all(&mut reader).await;
        ticket_row::read_all(&rows.map_err(failed("read merged tickets"))?)
    }

    /// The ticket in whose conversation one is read: itself, or what it was merged into.
    ///
    /// **Errors:** the database's.
    pub async fn survivor_of(&self, ticket: Ticket) -> Result<Ticket, StoreError> {
        let mut reader = self.database().reader().await?;
        survivor(&mut reader, ticket).await
    }
}

/// The ticket in whose conversation one is read.
pub(crate) async fn survivor(from: &mut AnyConnection, mut ticket: Ticket) -> Result<Ticket, StoreError> {
    while let Some(into) = ticket.merged_into {
        let next = ticket_row::get(from, into).await?;
        ticket = next.ok_or_else(|| StoreError::corrupt("ticket merged into", "names no ticket"))?;
    }
    Ok(ticket)
}

/// Changes both rows in the order of their ids, as every other writer does, so that no two wait for each other.
async fn change_both(
    to: &mut AnyConnection,
    (ticket, change): (&Ticket, Sql),
    (survivor, touch): (Uuid, Sql),
) -> Result<(), StoreError> {
    let in_order = match ticket.id < survivor {
        true => [change, touch],
        false => [touch, change],
    };
    for sql in in_order {
        if sql.execute(to).await.map_err(failed("merge tickets"))? == 0 {
            return Err(StoreError::overtaken(ticket.version));
        }
    }
    Ok(())
}

fn close_sql(ticket: &Ticket, into: Uuid, now: OffsetDateTime) -> Sql {
    let text = "UPDATE tickets SET status_before_merge = status, status = 'closed', merged_into = $1, \
                version = version + 1, updated_at = $2 WHERE id = $3 AND version = $4";
    Sql::new(text, [into.into(), now.into(), ticket.id.into(), ticket.version.into()])
}

/// What is asked of the survivor is asked again: another process may have merged or closed it meanwhile.
fn absorb_sql(survivor: Uuid, now: OffsetDateTime) -> Sql {
    let text = "UPDATE tickets SET version = version + 1, updated_at = $1 \
                WHERE id = $2 AND merged_into IS NULL AND status <> 'closed'";
    Sql::new(text, [now.into(), survivor.into()])
}

fn restore_sql(ticket: &Ticket, now: OffsetDateTime) -> Sql {
    let text = "UPDATE tickets SET status = status_before_merge, status_before_merge = NULL, merged_into = NULL, \
                version = version + 1, updated_at = $1 WHERE id = $2 AND version = $3";
    Sql::new(text, [now.into(), ticket.id.into(), ticket.version.into()])
}

fn release_sql(survivor: Uuid, now: OffsetDateTime) -> Sql {
    let text = "UPDATE tickets SET version = version + 1, updated_at = $1 WHERE id = $2";
    Sql::new(text, [now.into(), survivor.into()])
}

/// One event on each of the two, naming the other.
async fn tell(
    to: &mut AnyConnection,
    [on_ticket, on_survivor]: [EventKind; 2],
    ticket: &Ticket,
    survivor: &Ticket,
    actor: &Actor,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let event = |kind, on: &Ticket, other: &Ticket| {
        let data = [
            ("ticket", other.id.to_string()),
            ("number", other.number.to_string()),
            ("status.before", on.status.to_string()),
        ];
        events::event(now, actor, kind, Subject::ticket(on.id), data)
    };
    let events = [event(on_ticket, ticket, survivor), event(on_survivor, survivor, ticket)];
    events::insert(to, &events).await
}

fn not_merged() -> StoreError {
    StoreError::Invalid(vec![FieldError::new("id", FieldCode::Refused, "is not merged")])
}
