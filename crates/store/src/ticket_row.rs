//! A ticket as a row, and back.

use desk::Ticket;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::error::{StoreError, failed};
use crate::row::{Columns, json};
use crate::sql::{Arg, Sql, insert_rows, select_in};

/// The columns of a ticket in the order of [`read`] and [`values`].
pub(crate) const COLUMNS: &str = "id, number, source, external_id, channel, subject, body, account_id, contact_id, \
     requester_email, requester_name, tags, language, state, status, category, priority, team_id, agent_id, \
     version, attempts, last_error, next_attempt_at, created_at, updated_at, triaged_at, merged_into";

/// The ticket in a row of [`COLUMNS`].
pub(crate) fn read(row: &AnyRow) -> Result<Ticket, StoreError> {
    let mut columns = Columns::of(row);
    Ok(Ticket {
        id: columns.id("ticket id")?,
        number: columns.int("ticket number")?,
        source: columns.text("ticket source")?,
        external_id: columns.maybe_text("ticket external id")?,
        channel: columns.word("ticket channel")?,
        subject: columns.text("ticket subject")?,
        body: columns.text("ticket body")?,
        account_id: columns.maybe_id("ticket account")?,
        contact_id: columns.maybe_id("ticket contact")?,
        requester_email: columns.maybe_text("ticket requester email")?,
        requester_name: columns.maybe_text("ticket requester name")?,
        tags: columns.json("ticket tags")?,
        language: columns.maybe_text("ticket language")?,
        state: columns.word("ticket state")?,
        status: columns.word("ticket status")?,
        category: columns.maybe_text("ticket category")?,
        priority: columns.maybe_word("ticket priority")?,
        team_id: columns.maybe_id("ticket team")?,
        agent_id: columns.maybe_id("ticket agent")?,
        version: columns.int("ticket version")?,
        attempts: columns.small("ticket attempts")?,
        last_error: columns.maybe_text("ticket last error")?,
        next_attempt_at: columns.maybe_time("ticket next attempt")?,
        created_at: columns.time("ticket creation")?,
        updated_at: columns.time("ticket update")?,
        triaged_at: columns.maybe_time("ticket triage")?,
        merged_into: columns.maybe_id("ticket merged into")?,
    })
}

pub(crate) fn read_all(rows: &[AnyRow]) -> Result<Vec<Ticket>, StoreError> {
    rows.iter().map(read).collect()
}

/// The values of a ticket in the order of [`COLUMNS`].
pub(crate) fn values(ticket: &Ticket) -> Result<Vec<Arg>, StoreError> {
    Ok(vec![
        ticket.id.into(),
        ticket.number.into(),
        ticket.source.as_str().into(),
        (&ticket.external_id).into(),
        ticket.channel.as_str().into(),
        ticket.subject.as_str().into(),
        ticket.body.as_str().into(),
        ticket.account_id.into(),
        ticket.contact_id.into(),
        (&ticket.requester_email).into(),
        (&ticket.requester_name).into(),
        json("ticket tags", &ticket.tags)?.into(),
        (&ticket.language).into(),
        ticket.state.as_str().into(),
        ticket.status.as_str().into(),
        (&ticket.category).into(),
        ticket.priority.map(|priority| priority.as_str()).into(),
        ticket.team_id.into(),
        ticket.agent_id.into(),
        ticket.version.into(),
        ticket.attempts.into(),
        (&ticket.last_error).into(),
        ticket.next_attempt_at.into(),
        ticket.created_at.into(),
        ticket.updated_at.into(),
        ticket.triaged_at.into(),
        ticket.merged_into.into(),
    ])
}

pub(crate) async fn insert(to: &mut AnyConnection, tickets: &[Ticket]) -> Result<(), StoreError> {
    let rows = tickets.iter().map(values).collect::<Result<_, _>>()?;
    let into = format!("INSERT INTO tickets ({COLUMNS})");
    insert_rows(to, &into, rows).await.map_err(failed("store tickets"))
}

/// The ticket with this id, if there is one.
pub(crate) async fn get(from: &mut AnyConnection, id: Uuid) -> Result<Option<Ticket>, StoreError> {
    let select = format!("SELECT {COLUMNS} FROM tickets WHERE id = $1");
    let row = Sql::new(&select, [id.into()])
        .optional(from)
        .await
        .map_err(failed("read a ticket"))?;
    row.as_ref().map(read).transpose()
}

/// The tickets with these ids, in no order.
pub(crate) async fn get_all(from: &mut AnyConnection, ids: Vec<Arg>) -> Result<Vec<Ticket>, StoreError> {
    let select = format!("SELECT {COLUMNS} FROM tickets WHERE id");
    let rows = select_in(from, &select, ids).await.map_err(failed("read tickets"))?;
    read_all(&rows)
}
