//! The audit: written with what it tells of, read in order, never changed.

use std::collections::BTreeMap;

use desk::{Actor, Event, EventKind, Subject};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::{StoreError, failed};
use crate::page::{Page, PageRequest};
use crate::row::{Columns, json};
use crate::sql::{Arg, Sql, insert_rows};
use crate::store::Store;

const COLUMNS: &str = "id, created_at, actor, kind, subject_kind, subject_id, data";

/// What somebody does at one time, of which several events tell.
#[derive(Clone, Copy)]
pub(crate) struct Act<'a> {
    pub(crate) actor: &'a Actor,
    pub(crate) now: OffsetDateTime,
}

impl Act<'_> {
    /// An event of this act; `data` are details by name.
    pub(crate) fn event<const N: usize>(self, kind: EventKind, subject: Subject, data: [(&str, String); N]) -> Event {
        event(self.now, self.actor, kind, subject, data)
    }
}

/// An event that happens now; `data` are details by name.
pub(crate) fn event<const N: usize>(
    at: OffsetDateTime,
    actor: &Actor,
    kind: EventKind,
    subject: Subject,
    data: [(&str, String); N],
) -> Event {
    Event {
        id: Uuid::now_v7(),
        created_at: at,
        actor: actor.clone(),
        kind,
        subject,
        data: data
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<BTreeMap<_, _>>(),
    }
}

pub(crate) async fn insert(to: &mut AnyConnection, events: &[Event]) -> Result<(), StoreError> {
    let rows = events.iter().map(values).collect::<Result<_, _>>()?;
    let into = format!("INSERT INTO events ({COLUMNS})");
    insert_rows(to, &into, rows).await.map_err(failed("store events"))
}

fn values(event: &Event) -> Result<Vec<Arg>, StoreError> {
    Ok(vec![
        event.id.into(),
        event.created_at.into(),
        json("event actor", &event.actor)?.into(),
        event.kind.as_str().into(),
        event.subject.kind.as_str().into(),
        event.subject.id.into(),
        json("event data", &event.data)?.into(),
    ])
}

fn read(row: &AnyRow) -> Result<Event, StoreError> {
    let mut columns = Columns::of(row);
    Ok(Event {
        id: columns.id("event id")?,
        created_at: columns.time("event time")?,
        actor: columns.json("event actor")?,
        kind: columns.word("event kind")?,
        subject: Subject {
            kind: columns.word("event subject")?,
            id: columns.id("event subject id")?,
        },
        data: columns.json("event data")?,
    })
}

impl Store {
    /// The events of one subject, oldest first.
    ///
    /// **Errors:** `ForeignCursor`, or the database's.
    pub async fn list_events(&self, subject: Subject, page: &PageRequest) -> Result<Page<Event>, StoreError> {
        let list = format!("events of {}", subject.id);
        let mut sql = Sql::new(&format!("SELECT {COLUMNS} FROM events WHERE subject_id = "), []);
        sql.arg(subject.id);
        if let Some(after) = self.position(page, &list)? {
            sql.push(" AND id > ").arg(after);
        }
        sql.push(" ORDER BY id LIMIT ").arg(page.rows() + 1);
        let mut reader = self.database().reader().await?;
        let rows = sql.all(&mut reader).await.map_err(failed("list events"))?;
        let events = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(self.page(events, page, &list, |event: &Event| event.id.to_string()))
    }
}
