//! Incidents as rows: made, read, listed; and the tickets in them, where a merged one counts as its survivor.

use desk::{Actor, EventKind, FieldCode, FieldError, Incident, IncidentState, IncidentWithTickets, Subject, Ticket};
use desk::{MAX_INCIDENT_TICKETS, NewIncident};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::commit;
use crate::error::{StoreError, failed, is_unique_violation};
use crate::events::Act;
use crate::merges::{self, FAMILY};
use crate::page::{Page, PageRequest};
use crate::row::{Columns, json};
use crate::sql::{Arg, Sql, insert_rows};
use crate::store::Store;
use crate::{events, micros, ticket_row};

const COLUMNS: &str = "id, title, state, parent_id, version, created_by, created_at, updated_at, closed_at";

impl Store {
    /// Makes an incident of tickets.
    ///
    /// **Errors:** `Invalid` for bad fields, a ticket that does not exist or is in another open incident, or the
    /// database's.
    pub async fn create_incident(
        &self,
        incident: NewIncident,
        actor: &Actor,
    ) -> Result<IncidentWithTickets, StoreError> {
        let fields = incident.validate().map_err(StoreError::Invalid)?;
        let mut transaction = self.database().begin().await?;
        let named = named(&fields.tickets, fields.parent_id);
        let tickets = standing(&mut transaction, &named).await?;
        let now = micros::now();
        let act = Act { actor, now };
        let incident = Incident {
            id: Uuid::now_v7(),
            title: fields.title,
            state: IncidentState::Open,
            parent_id: fields.parent_id.and(tickets.last().map(|parent| parent.id)),
            version: 1,
            created_by: actor.clone(),
            created_at: now,
            updated_at: now,
            closed_at: None,
        };
        let into = format!("INSERT INTO incidents ({COLUMNS})");
        let stored = insert_rows(&mut transaction, &into, vec![values(&incident)?]).await;
        stored.map_err(failed("store an incident"))?;
        let subject = Subject::incident(incident.id);
        let created = act.event(EventKind::IncidentCreated, subject, []);
        events::insert(&mut transaction, &[created]).await?;
        enlist(&mut transaction, incident.id, &named, tickets, act).await?;
        let incident = with_tickets(&mut transaction, incident).await?;
        commit(transaction).await?;
        Ok(incident)
    }

    /// The incident with this id and its tickets.
    ///
    /// **Errors:** the database's.
    pub async fn get_incident(&self, id: Uuid) -> Result<Option<IncidentWithTickets>, StoreError> {
        let mut reader = self.database().reader().await?;
        match get(&mut reader, id).await? {
            Some(incident) => with_tickets(&mut reader, incident).await.map(Some),
            None => Ok(None),
        }
    }

    /// The incidents in a state, or all of them, last made first.
    ///
    /// **Errors:** `ForeignCursor` for a cursor of another state, or the database's.
    pub async fn list_incidents(
        &self,
        state: Option<IncidentState>,
        page: &PageRequest,
    ) -> Result<Page<Incident>, StoreError> {
        let list = format!("incidents {}", state.map_or("all", IncidentState::as_str));
        let mut sql = Sql::new(&format!("SELECT {COLUMNS} FROM incidents WHERE id > ''"), []);
        if let Some(state) = state {
            sql.push(" AND state = ").arg(state.as_str());
        }
        if let Some(before) = self.position(page, &list)? {
            sql.push(" AND id < ").arg(before);
        }
        sql.push(" ORDER BY id DESC LIMIT ").arg(page.rows() + 1);
        let mut reader = self.database().reader().await?;
        let rows = sql.all(&mut reader).await.map_err(failed("list incidents"))?;
        let incidents = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(self.page(incidents, page, &list, |incident: &Incident| incident.id.to_string()))
    }
}

/// A ticket as the caller named it: the field, for what is said against it, and its id.
pub(crate) type Named = (String, Uuid);

/// The tickets as the caller named them, the parent last.
pub(crate) fn named(tickets: &[Uuid], parent: Option<Uuid>) -> Vec<Named> {
    let ticket = |(at, id): (usize, &Uuid)| (format!("tickets[{at}]"), *id);
    let parent = parent.map(|id| ("parent".to_owned(), id));
    tickets.iter().enumerate().map(ticket).chain(parent).collect()
}

/// The tickets named, each as the one in whose conversation it is read, in the same order.
///
/// **Errors:** `Invalid`, naming every one that does not exist.
pub(crate) async fn standing(from: &mut AnyConnection, named: &[Named]) -> Result<Vec<Ticket>, StoreError> {
    let mut tickets = Vec::with_capacity(named.len());
    let mut faults = Vec::new();
    for (field, id) in named {
        match ticket_row::get(from, *id).await? {
            Some(ticket) => tickets.push(merges::survivor(from, ticket).await?),
            None => faults.push(FieldError::new(field, FieldCode::Unknown, "names no ticket")),
        }
    }
    if faults.is_empty() {
        Ok(tickets)
    } else {
        Err(StoreError::Invalid(faults))
    }
}

/// Puts tickets into an incident; those that are in it already stay as they are.
///
/// **Errors:** `Invalid` for tickets of another open incident, or for too many of them.
pub(crate) async fn enlist(
    to: &mut AnyConnection,
    incident: Uuid,
    named: &[Named],
    tickets: Vec<Ticket>,
    act: Act<'_>,
) -> Result<(), StoreError> {
    let mut faults = Vec::new();
    let mut joining: Vec<Ticket> = Vec::new();
    for ((field, _), ticket) in named.iter().zip(tickets) {
        match open_incident_of(to, ticket.id).await? {
            Some(other) if other != incident => faults.push(elsewhere(field)),
            None if joining.iter().all(|joined| joined.id != ticket.id) => joining.push(ticket),
            _ => {}
        }
    }
    if !faults.is_empty() {
        return Err(StoreError::Invalid(faults));
    }
    let count = members(to, incident).await?.len() + joining.len();
    if count > MAX_INCIDENT_TICKETS {
        let message = format!("would make {count} tickets, at most {MAX_INCIDENT_TICKETS} are in one incident");
        return Err(refused(FieldError::new("tickets", FieldCode::TooLong, message)));
    }
    join(to, incident, &joining, act).await
}

/// Refuses to have tickets in an incident that are in another open one.
pub(crate) async fn check_free(from: &mut AnyConnection, incident: Uuid, tickets: &[Ticket]) -> Result<(), StoreError> {
    for ticket in tickets {
        let other = open_incident_of(from, ticket.id).await?;
        if other.is_some_and(|other| other != incident) {
            let message = format!("ticket {} is in another open incident", ticket.number);
            return Err(refused(FieldError::new("id", FieldCode::Refused, message)));
        }
    }
    Ok(())
}

async fn join(to: &mut AnyConnection, incident: Uuid, joining: &[Ticket], act: Act<'_>) -> Result<(), StoreError> {
    let row = |ticket: &Ticket| vec![incident.into(), ticket.id.into(), 1_i64.into(), act.now.into()];
    let into = "INSERT INTO incident_tickets (incident_id, ticket_id, is_open, added_at)";
    insert_rows(to, into, joining.iter().map(row).collect())
        .await
        .map_err(taken_or("put tickets into an incident"))?;
    for ticket in joining {
        record_on_both(to, EventKind::IncidentTicketAdded, incident, ticket, act).await?;
    }
    Ok(())
}

/// One event on the incident, naming the ticket, and one on the ticket, naming the incident.
pub(crate) async fn record_on_both(
    to: &mut AnyConnection,
    kind: EventKind,
    incident: Uuid,
    ticket: &Ticket,
    act: Act<'_>,
) -> Result<(), StoreError> {
    let on_incident = [("ticket", ticket.id.to_string()), ("number", ticket.number.to_string())];
    let on_ticket = [("incident", incident.to_string())];
    let events = [
        act.event(kind, Subject::incident(incident), on_incident),
        act.event(kind, Subject::ticket(ticket.id), on_ticket),
    ];
    events::insert(to, &events).await
}

/// The open incident a ticket is in, itself or with what was merged into it.
async fn open_incident_of(from: &mut AnyConnection, ticket: Uuid) -> Result<Option<Uuid>, StoreError> {
    let text = format!(
        "{FAMILY} SELECT incident_id FROM incident_tickets WHERE is_open = 1 AND ticket_id IN (SELECT member FROM family)"
    );
    let row = Sql::new(&text, [ticket.into()]).optional(from).await;
    let row = row.map_err(failed("look up a ticket's incident"))?;
    row.map(|row| Columns::of(&row).id("incident of a ticket")).transpose()
}

/// The tickets in an incident as they stand, each once, in the order of their numbers.
pub(crate) async fn members(from: &mut AnyConnection, incident: Uuid) -> Result<Vec<Ticket>, StoreError> {
    let text = format!(
        "SELECT {} FROM tickets WHERE id IN (SELECT ticket_id FROM incident_tickets WHERE incident_id = $1)",
        ticket_row::COLUMNS
    );
    let rows = Sql::new(&text, [incident.into()]).all(from).await;
    let mut standing = Vec::new();
    for ticket in ticket_row::read_all(&rows.map_err(failed("read the tickets of an incident"))?)? {
        standing.push(merges::survivor(from, ticket).await?);
    }
    standing.sort_by_key(|ticket| ticket.number);
    standing.dedup_by_key(|ticket| ticket.id);
    Ok(standing)
}

pub(crate) async fn with_tickets(
    from: &mut AnyConnection,
    mut incident: Incident,
) -> Result<IncidentWithTickets, StoreError> {
    let tickets = members(from, incident.id).await?;
    if let Some(parent) = incident.parent_id {
        let parent = ticket_row::get(from, parent).await?;
        let parent = parent.ok_or_else(|| StoreError::corrupt("incident parent", "names no ticket"))?;
        incident.parent_id = Some(merges::survivor(from, parent).await?.id);
    }
    Ok(IncidentWithTickets { incident, tickets })
}

pub(crate) async fn get(from: &mut AnyConnection, id: Uuid) -> Result<Option<Incident>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM incidents WHERE id = $1");
    let row = Sql::new(&text, [id.into()]).optional(from).await;
    let row = row.map_err(failed("read an incident"))?;
    row.as_ref().map(read).transpose()
}

pub(crate) fn refused(fault: FieldError) -> StoreError {
    StoreError::Invalid(vec![fault])
}

/// Only another process comes to take a ticket between the look and the write.
pub(crate) fn taken_or(act: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| match is_unique_violation(&error) {
        true => refused(elsewhere("tickets")),
        false => failed(act)(error),
    }
}

fn elsewhere(field: &str) -> FieldError {
    FieldError::new(field, FieldCode::Refused, "is in another open incident")
}

fn values(incident: &Incident) -> Result<Vec<Arg>, StoreError> {
    Ok(vec![
        incident.id.into(),
        incident.title.as_str().into(),
        incident.state.as_str().into(),
        incident.parent_id.into(),
        incident.version.into(),
        json("incident maker", &incident.created_by)?.into(),
        incident.created_at.into(),
        incident.updated_at.into(),
        incident.closed_at.into(),
    ])
}

fn read(row: &AnyRow) -> Result<Incident, StoreError> {
    let mut columns = Columns::of(row);
    Ok(Incident {
        id: columns.id("incident id")?,
        title: columns.text("incident title")?,
        state: columns.word("incident state")?,
        parent_id: columns.maybe_id("incident parent")?,
        version: columns.int("incident version")?,
        created_by: columns.json("incident maker")?,
        created_at: columns.time("incident creation")?,
        updated_at: columns.time("incident update")?,
        closed_at: columns.maybe_time("incident closing")?,
    })
}
