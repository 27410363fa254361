//! Working on an incident: its tickets come and go, and are solved and opened together.

use desk::{Actor, EventKind, Incident, IncidentState, IncidentWithTickets, Subject, Ticket, ValidMessage, WorkStatus};
use sqlx::AnyConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::database::commit;
use crate::error::{StoreError, failed};
use crate::events::Act;
use crate::guards::check_version;
use crate::incidents::{self, members, record_on_both, refused, taken_or};
use crate::merges::{self, FAMILY};
use crate::row::Columns;
use crate::sql::Sql;
use crate::store::Store;
use crate::{events, incident_replies, micros, ticket_row};

impl Store {
    /// Puts tickets into an open incident; none when there is no such incident.
    ///
    /// **Errors:** `Stale`, `Invalid` for a closed incident, no tickets, too many, unknown ones or those of another
    /// open incident, or the database's.
    pub async fn add_incident_tickets(
        &self,
        id: Uuid,
        tickets: &[Uuid],
        expected_version: Option<i64>,
        actor: &Actor,
    ) -> Result<Option<IncidentWithTickets>, StoreError> {
        desk::check_incident_tickets(tickets.len()).map_err(refused)?;
        let mut transaction = self.database().begin().await?;
        let Some(incident) = open(&mut transaction, id, expected_version).await? else {
            return Ok(None);
        };
        let now = micros::now();
        save(&mut transaction, &incident, now).await?;
        let named = incidents::named(tickets, None);
        let standing = incidents::standing(&mut transaction, &named).await?;
        incidents::enlist(&mut transaction, id, &named, standing, Act { actor, now }).await?;
        let changed = reread(&mut transaction, id).await?;
        commit(transaction).await?;
        Ok(changed)
    }

    /// Takes a ticket out of an open incident; none when there is no such incident or the ticket is not in it.
    ///
    /// **Errors:** `Stale`, `Invalid` for a closed incident, or the database's.
    pub async fn remove_incident_ticket(
        &self,
        id: Uuid,
        ticket: Uuid,
        expected_version: Option<i64>,
        actor: &Actor,
    ) -> Result<Option<IncidentWithTickets>, StoreError> {
        let mut transaction = self.database().begin().await?;
        let Some(mut incident) = open(&mut transaction, id, expected_version).await? else {
            return Ok(None);
        };
        let Some(ticket) = ticket_row::get(&mut transaction, ticket).await? else {
            return Ok(None);
        };
        let ticket = merges::survivor(&mut transaction, ticket).await?;
        let parent = incidents::with_tickets(&mut transaction, incident.clone())
            .await?
            .incident
            .parent_id;
        incident.parent_id = incident.parent_id.filter(|_| parent != Some(ticket.id));
        let now = micros::now();
        save(&mut transaction, &incident, now).await?;
        if !discharge(&mut transaction, id, ticket.id).await? {
            return Ok(None);
        }
        let act = Act { actor, now };
        record_on_both(&mut transaction, EventKind::IncidentTicketRemoved, id, &ticket, act).await?;
        let changed = reread(&mut transaction, id).await?;
        commit(transaction).await?;
        Ok(changed)
    }

    /// Closes an incident: its tickets that are open or pending are solved with it, after a last word to all where one
    /// is given. None when there is no such incident.
    ///
    /// **Errors:** `Stale`, `Invalid` for one that is closed, or for a last word to nobody, or the database's.
    pub async fn close_incident(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
        last_word: Option<&ValidMessage>,
        actor: &Actor,
    ) -> Result<Option<IncidentWithTickets>, StoreError> {
        let mut transaction = self.database().begin().await?;
        let Some(mut incident) = open(&mut transaction, id, expected_version).await? else {
            return Ok(None);
        };
        let now = micros::now();
        let act = Act { actor, now };
        incident.state = IncidentState::Closed;
        incident.closed_at = Some(now);
        save(&mut transaction, &incident, now).await?;
        let tickets = members(&mut transaction, id).await?;
        if let Some(message) = last_word {
            incident_replies::say(&mut transaction, id, &tickets, message, act).await?;
        }
        for ticket in in_lock_order(tickets) {
            let is_unsolved = matches!(ticket.status, WorkStatus::Open | WorkStatus::Pending);
            if is_unsolved && set_status(&mut transaction, id, &ticket, WorkStatus::Solved, act).await? {
                remember_status(&mut transaction, id, &ticket).await?;
            }
        }
        set_open(&mut transaction, id, false).await?;
        tell(&mut transaction, EventKind::IncidentClosed, id, act).await?;
        let changed = reread(&mut transaction, id).await?;
        commit(transaction).await?;
        Ok(changed)
    }

    /// Opens a closed incident again: the tickets its closing solved, and that still are, have the status they had
    /// before. None when there is no such incident.
    ///
    /// **Errors:** `Stale`, `Invalid` for one that is open, or whose tickets are in another open incident by now, or
    /// the database's.
    pub async fn reopen_incident(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
        actor: &Actor,
    ) -> Result<Option<IncidentWithTickets>, StoreError> {
        let mut transaction = self.database().begin().await?;
        let Some(mut incident) = incidents::get(&mut transaction, id).await? else {
            return Ok(None);
        };
        check_version(expected_version, incident.version)?;
        desk::check_incident_closed(&incident).map_err(refused)?;
        let now = micros::now();
        let act = Act { actor, now };
        incident.state = IncidentState::Open;
        incident.closed_at = None;
        save(&mut transaction, &incident, now).await?;
        let tickets = members(&mut transaction, id).await?;
        incidents::check_free(&mut transaction, id, &tickets).await?;
        for ticket in in_lock_order(tickets) {
            let before = status_before(&mut transaction, id, ticket.id).await?;
            if let Some(before) = before.filter(|_| ticket.status == WorkStatus::Solved) {
                set_status(&mut transaction, id, &ticket, before, act).await?;
            }
        }
        set_open(&mut transaction, id, true).await?;
        tell(&mut transaction, EventKind::IncidentReopened, id, act).await?;
        let changed = reread(&mut transaction, id).await?;
        commit(transaction).await?;
        Ok(changed)
    }
}

/// The incident where it is open and of this version.
async fn open(from: &mut AnyConnection, id: Uuid, expected: Option<i64>) -> Result<Option<Incident>, StoreError> {
    let Some(incident) = incidents::get(from, id).await? else {
        return Ok(None);
    };
    check_version(expected, incident.version)?;
    desk::check_incident_open(&incident).map_err(refused)?;
    Ok(Some(incident))
}

/// Writes what may change of an incident; its version counts up. First of all writes, so that it holds the row.
async fn save(to: &mut AnyConnection, incident: &Incident, now: OffsetDateTime) -> Result<(), StoreError> {
    let text = "UPDATE incidents SET state = $1, parent_id = $2, closed_at = $3, updated_at = $4, \
                version = version + 1 WHERE id = $5 AND version = $6";
    let sql = Sql::new(
        text,
        [
            incident.state.as_str().into(),
            incident.parent_id.into(),
            incident.closed_at.into(),
            now.into(),
            incident.id.into(),
            incident.version.into(),
        ],
    );
    if sql.execute(to).await.map_err(failed("change an incident"))? == 0 {
        return Err(StoreError::overtaken(incident.version));
    }
    Ok(())
}

/// By id, as every other writer locks tickets, so that no two wait for each other.
fn in_lock_order(mut tickets: Vec<Ticket>) -> Vec<Ticket> {
    tickets.sort_by_key(|ticket| ticket.id);
    tickets
}

/// Takes a ticket, and what was merged into it, out of an incident; says whether it was in it.
async fn discharge(to: &mut AnyConnection, incident: Uuid, ticket: Uuid) -> Result<bool, StoreError> {
    let text = format!(
        "{FAMILY} DELETE FROM incident_tickets WHERE incident_id = $2 AND ticket_id IN (SELECT member FROM family)"
    );
    let sql = Sql::new(&text, [ticket.into(), incident.into()]);
    let removed = sql
        .execute(to)
        .await
        .map_err(failed("take a ticket out of an incident"))?;
    Ok(removed > 0)
}

async fn remember_status(to: &mut AnyConnection, incident: Uuid, ticket: &Ticket) -> Result<(), StoreError> {
    let text = format!(
        "{FAMILY} UPDATE incident_tickets SET status_before = $2 \
         WHERE incident_id = $3 AND ticket_id IN (SELECT member FROM family)"
    );
    let sql = Sql::new(
        &text,
        [ticket.id.into(), ticket.status.as_str().into(), incident.into()],
    );
    sql.execute(to).await.map_err(failed("keep a status")).map(drop)
}

async fn status_before(
    from: &mut AnyConnection,
    incident: Uuid,
    ticket: Uuid,
) -> Result<Option<WorkStatus>, StoreError> {
    let text = format!(
        "{FAMILY} SELECT status_before FROM incident_tickets WHERE incident_id = $2 \
         AND status_before IS NOT NULL AND ticket_id IN (SELECT member FROM family)"
    );
    let row = Sql::new(&text, [ticket.into(), incident.into()]).optional(from).await;
    let row = row.map_err(failed("read a status"))?;
    row.map(|row| Columns::of(&row).word("status before")).transpose()
}

/// Whether the ticket has the status now: one that another process has changed or merged since it was read stays as it
/// is.
async fn set_status(
    to: &mut AnyConnection,
    incident: Uuid,
    ticket: &Ticket,
    status: WorkStatus,
    act: Act<'_>,
) -> Result<bool, StoreError> {
    let text = "UPDATE tickets SET status = $1, version = version + 1, updated_at = $2 \
                WHERE id = $3 AND status = $4 AND merged_into IS NULL";
    let args = [
        status.as_str().into(),
        act.now.into(),
        ticket.id.into(),
        ticket.status.as_str().into(),
    ];
    let changed = Sql::new(text, args).execute(to).await;
    if changed.map_err(failed("change a ticket of an incident"))? == 0 {
        return Ok(false);
    }
    let data = [
        ("incident", incident.to_string()),
        ("status.before", ticket.status.to_string()),
        ("status.after", status.to_string()),
    ];
    let event = act.event(EventKind::TicketChanged, Subject::ticket(ticket.id), data);
    events::insert(to, &[event]).await?;
    Ok(true)
}

/// Whether the incident's tickets are in an open one; what an earlier closing found is forgotten on opening.
async fn set_open(to: &mut AnyConnection, incident: Uuid, is_open: bool) -> Result<(), StoreError> {
    let text = match is_open {
        true => "UPDATE incident_tickets SET is_open = 1, status_before = NULL WHERE incident_id = $1",
        false => "UPDATE incident_tickets SET is_open = 0 WHERE incident_id = $1",
    };
    let sql = Sql::new(text, [incident.into()]);
    sql.execute(to)
        .await
        .map_err(taken_or("open or close an incident"))
        .map(drop)
}

async fn tell(to: &mut AnyConnection, kind: EventKind, incident: Uuid, act: Act<'_>) -> Result<(), StoreError> {
    let event = act.event(kind, Subject::incident(incident), []);
    events::insert(to, &[event]).await
}

async fn reread(from: &mut AnyConnection, id: Uuid) -> Result<Option<IncidentWithTickets>, StoreError> {
    match incidents::get(from, id).await? {
        Some(incident) => incidents::with_tickets(from, incident).await.map(Some),
        None => Ok(None),
    }
}
