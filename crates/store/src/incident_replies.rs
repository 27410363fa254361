//! One reply to every ticket of an incident: all of its messages or none, once per idempotency key.

use desk::{Actor, EventKind, Subject, Ticket, ValidMessage};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::database::commit;
use crate::error::{StoreError, failed, is_unique_violation};
use crate::events::Act;
use crate::idempotency::IdempotencyKey;
use crate::incidents::{self, members, refused};
use crate::row::{Columns, json};
use crate::sql::{Arg, Sql, insert_rows};
use crate::store::Store;
use crate::{events, messages, micros};

const COLUMNS: &str = "id, incident_id, messages, created_at, body_hash, token_id, idempotency_key";

/// What was said to everyone in an incident.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentReply {
    /// UUIDv7.
    pub id: Uuid,
    /// The incident.
    pub incident_id: Uuid,
    /// Each ticket that was answered and the message on it.
    pub messages: Vec<(Uuid, Uuid)>,
    /// When.
    pub created_at: OffsetDateTime,
    /// Whether the same idempotency key had said it before.
    pub replayed: bool,
}

impl Store {
    /// Adds a message to every ticket of an open incident; none when there is no such incident. The same key with the
    /// same body gives the reply that it made first.
    ///
    /// **Errors:** `Invalid` for a closed incident or one without tickets, `IdempotencyConflict`, or the database's.
    pub async fn reply_to_incident(
        &self,
        id: Uuid,
        message: &ValidMessage,
        key: Option<&IdempotencyKey>,
        actor: &Actor,
    ) -> Result<Option<IncidentReply>, StoreError> {
        let mut transaction = self.database().begin().await?;
        lock(&mut transaction, id).await?;
        let Some(incident) = incidents::get(&mut transaction, id).await? else {
            return Ok(None);
        };
        if let Some(before) = said_before(&mut transaction, id, key).await? {
            return Ok(Some(before));
        }
        desk::check_incident_open(&incident).map_err(refused)?;
        let tickets = members(&mut transaction, id).await?;
        let act = Act {
            actor,
            now: micros::now(),
        };
        let reply = say(&mut transaction, id, &tickets, message, act).await?;
        keep(&mut transaction, &reply, key).await?;
        commit(transaction).await?;
        Ok(Some(reply))
    }
}

/// Says something on every ticket, within the caller's transaction.
///
/// **Errors:** `Invalid` where there is no ticket, or the database's.
pub(crate) async fn say(
    to: &mut AnyConnection,
    incident: Uuid,
    tickets: &[Ticket],
    message: &ValidMessage,
    act: Act<'_>,
) -> Result<IncidentReply, StoreError> {
    desk::check_incident_tickets(tickets.len()).map_err(refused)?;
    let said: Vec<_> = tickets
        .iter()
        .map(|ticket| messages::stored(ticket.id, message, act.now))
        .collect();
    messages::insert(to, &said).await?;
    let reply = IncidentReply {
        id: Uuid::now_v7(),
        incident_id: incident,
        messages: said.iter().map(|message| (message.ticket_id, message.id)).collect(),
        created_at: act.now,
        replayed: false,
    };
    let of_incident = [("reply", reply.id.to_string()), ("tickets", said.len().to_string())];
    let subject = Subject::incident(incident);
    let mut events = vec![act.event(EventKind::IncidentReplied, subject, of_incident)];
    events.extend(said.iter().map(|message| {
        let data = [
            ("message", message.id.to_string()),
            ("author", message.author.kind.to_string()),
            ("incident", incident.to_string()),
        ];
        act.event(EventKind::MessageAdded, Subject::ticket(message.ticket_id), data)
    }));
    events::insert(to, &events).await?;
    Ok(reply)
}

/// Holds the incident's row, so that the same request in two processes is one reply, and none goes out after closing.
async fn lock(to: &mut AnyConnection, incident: Uuid) -> Result<(), StoreError> {
    let sql = Sql::new(
        "UPDATE incidents SET version = version WHERE id = $1",
        [incident.into()],
    );
    sql.execute(to).await.map_err(failed("hold an incident")).map(drop)
}

async fn said_before(
    from: &mut AnyConnection,
    incident: Uuid,
    key: Option<&IdempotencyKey>,
) -> Result<Option<IncidentReply>, StoreError> {
    let Some(key) = key else { return Ok(None) };
    let text = format!("SELECT {COLUMNS} FROM incident_replies WHERE token_id = $1 AND idempotency_key = $2");
    let sql = Sql::new(&text, [key.token_id.into(), key.key.as_str().into()]);
    let row = sql.optional(from).await.map_err(failed("look up a reply"))?;
    let Some((reply, body_hash)) = row.as_ref().map(read).transpose()? else {
        return Ok(None);
    };
    let same = reply.incident_id == incident && body_hash.as_deref() == Some(key.body_hash.as_str());
    if same {
        Ok(Some(reply))
    } else {
        Err(StoreError::IdempotencyConflict)
    }
}

async fn keep(to: &mut AnyConnection, reply: &IncidentReply, key: Option<&IdempotencyKey>) -> Result<(), StoreError> {
    let row: Vec<Arg> = vec![
        reply.id.into(),
        reply.incident_id.into(),
        json("incident reply", &reply.messages)?.into(),
        reply.created_at.into(),
        key.map(|key| key.body_hash.as_str()).into(),
        key.map(|key| key.token_id).into(),
        key.map(|key| key.key.as_str()).into(),
    ];
    let into = format!("INSERT INTO incident_replies ({COLUMNS})");
    insert_rows(to, &into, vec![row]).await.map_err(|error| {
        match is_unique_violation(&error) {
            // The key was given to a reply in another incident at the same time.
            true => StoreError::IdempotencyConflict,
            false => failed("keep a reply")(error),
        }
    })
}

fn read(row: &AnyRow) -> Result<(IncidentReply, Option<String>), StoreError> {
    let mut columns = Columns::of(row);
    let reply = IncidentReply {
        id: columns.id("reply id")?,
        incident_id: columns.id("reply incident")?,
        messages: columns.json("reply messages")?,
        created_at: columns.time("reply time")?,
        replayed: true,
    };
    Ok((reply, columns.maybe_text("reply body hash")?))
}
