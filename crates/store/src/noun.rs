//! What accounts, contacts, teams and agents have in common: rows with an id and
//! a version that are created, read, listed and changed with an event each.

use desk::{Actor, EventKind, Subject, SubjectKind};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::database::commit;
use crate::error::{StoreError, failed, is_unique_violation};
use crate::guards::{check_reference, check_version};
use crate::page::{Page, PageRequest};
use crate::row::Columns;
use crate::sql::{Arg, Sql, insert_rows};
use crate::store::Store;
use crate::{events, micros};

/// The columns every noun has, after its own.
const SHARED: &str = "id, version, created_at, updated_at";

/// The columns every noun has.
pub(crate) struct Shared {
    pub(crate) id: Uuid,
    pub(crate) version: i64,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) updated_at: OffsetDateTime,
}

/// A kind of row that callers create and change.
pub(crate) trait Noun: Sized + Send {
    /// What a caller gives to create one.
    type Fields: Send + Sync;
    const TABLE: &'static str;
    /// Its own columns, in the order of `values`.
    const COLUMNS: &'static [&'static str];
    /// The field that no two of them may share.
    const UNIQUE: &'static str;
    const SUBJECT: SubjectKind;
    const CREATED: EventKind;
    const CHANGED: EventKind;

    fn values(fields: &Self::Fields) -> Result<Vec<Arg>, StoreError>;
    fn read(columns: &mut Columns<'_>) -> Result<Self::Fields, StoreError>;
    fn with(fields: Self::Fields, shared: Shared) -> Self;
    fn id(&self) -> Uuid;
    fn version(&self) -> i64;
    /// Rows kept beside each creation and change: the table with its columns as `INSERT INTO t (a, b)`, and the values.
    fn history(_noun: &Self, _actor: &Actor) -> Result<Vec<(&'static str, Vec<Arg>)>, StoreError> {
        Ok(Vec::new())
    }
    /// The rows these fields refer to: table, field and id.
    fn references(_fields: &Self::Fields) -> Vec<(&'static str, &'static str, Option<Uuid>)> {
        Vec::new()
    }
}

impl Store {
    pub(crate) async fn create_noun<N: Noun>(&self, fields: N::Fields, actor: &Actor) -> Result<N, StoreError> {
        let mut transaction = self.database().begin().await?;
        check_references::<N>(&mut transaction, &fields).await?;
        let now = micros::now();
        let shared = Shared {
            id: Uuid::now_v7(),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let mut row = N::values(&fields)?;
        row.extend([shared.id.into(), shared.version.into(), now.into(), now.into()]);
        let into = format!("INSERT INTO {} ({})", N::TABLE, columns::<N>());
        insert_rows(&mut transaction, &into, vec![row])
            .await
            .map_err(taken_or::<N>("store a row"))?;
        let noun = N::with(fields, shared);
        keep_history(&mut transaction, &noun, actor).await?;
        tell::<N>(&mut transaction, noun.id(), N::CREATED, now, actor).await?;
        commit(transaction).await?;
        Ok(noun)
    }

    pub(crate) async fn get_noun<N: Noun>(&self, id: Uuid) -> Result<Option<N>, StoreError> {
        let mut reader = self.database().reader().await?;
        get::<N>(&mut reader, id).await
    }

    pub(crate) async fn find_noun<N: Noun>(&self, column: &str, value: &str) -> Result<Option<N>, StoreError> {
        let text = format!("SELECT {} FROM {} WHERE {column} = $1", columns::<N>(), N::TABLE);
        let mut reader = self.database().reader().await?;
        let row = Sql::new(&text, [value.into()])
            .optional(&mut reader)
            .await
            .map_err(failed("find a row"))?;
        row.as_ref().map(read::<N>).transpose()
    }

    pub(crate) async fn list_noun<N: Noun>(&self, page: &PageRequest) -> Result<Page<N>, StoreError> {
        let after = self.position(page, N::TABLE)?.unwrap_or_default();
        let text = format!(
            "SELECT {} FROM {} WHERE id > $1 ORDER BY id LIMIT $2",
            columns::<N>(),
            N::TABLE
        );
        let sql = Sql::new(&text, [after.into(), (page.rows() + 1).into()]);
        let mut reader = self.database().reader().await?;
        let rows = sql.all(&mut reader).await.map_err(failed("list rows"))?;
        let nouns = rows.iter().map(read::<N>).collect::<Result<_, _>>()?;
        Ok(self.page(nouns, page, N::TABLE, |noun: &N| noun.id().to_string()))
    }

    /// Changes a row to the fields that `change` makes of it.
    pub(crate) async fn update_noun<N: Noun>(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
        change: impl FnOnce(&N) -> Result<N::Fields, StoreError>,
        actor: &Actor,
    ) -> Result<Option<N>, StoreError> {
        let mut transaction = self.database().begin().await?;
        let Some(before) = get::<N>(&mut transaction, id).await? else {
            return Ok(None);
        };
        check_version(expected_version, before.version())?;
        let fields = change(&before)?;
        check_references::<N>(&mut transaction, &fields).await?;
        let now = micros::now();
        let row = update_sql::<N>(&before, &fields, now)?.optional(&mut transaction).await;
        let Some(row) = row.map_err(taken_or::<N>("change a row"))? else {
            return Err(StoreError::overtaken(before.version()));
        };
        let after = read::<N>(&row)?;
        keep_history(&mut transaction, &after, actor).await?;
        tell::<N>(&mut transaction, id, N::CHANGED, now, actor).await?;
        commit(transaction).await?;
        Ok(Some(after))
    }
}

async fn keep_history<N: Noun>(to: &mut AnyConnection, noun: &N, actor: &Actor) -> Result<(), StoreError> {
    for (into, row) in N::history(noun, actor)? {
        insert_rows(to, into, vec![row])
            .await
            .map_err(failed("keep a version"))?;
    }
    Ok(())
}

pub(crate) async fn get<N: Noun>(from: &mut AnyConnection, id: Uuid) -> Result<Option<N>, StoreError> {
    let text = format!("SELECT {} FROM {} WHERE id = $1", columns::<N>(), N::TABLE);
    let row = Sql::new(&text, [id.into()])
        .optional(from)
        .await
        .map_err(failed("read a row"))?;
    row.as_ref().map(read::<N>).transpose()
}

pub(crate) fn columns<N: Noun>() -> String {
    format!("{}, {SHARED}", N::COLUMNS.join(", "))
}

pub(crate) fn read<N: Noun>(row: &AnyRow) -> Result<N, StoreError> {
    let mut columns = Columns::of(row);
    let fields = N::read(&mut columns)?;
    let shared = Shared {
        id: columns.id("row id")?,
        version: columns.int("row version")?,
        created_at: columns.time("row creation")?,
        updated_at: columns.time("row update")?,
    };
    Ok(N::with(fields, shared))
}

fn update_sql<N: Noun>(before: &N, fields: &N::Fields, now: OffsetDateTime) -> Result<Sql, StoreError> {
    let mut sql = Sql::new(
        &format!("UPDATE {} SET version = version + 1, updated_at = ", N::TABLE),
        [],
    );
    sql.arg(now);
    for (column, value) in N::COLUMNS.iter().zip(N::values(fields)?) {
        sql.push(", ").push(column).push(" = ").arg(value);
    }
    sql.push(" WHERE id = ").arg(before.id());
    sql.push(" AND version = ").arg(before.version());
    sql.push(" RETURNING ").push(&columns::<N>());
    Ok(sql)
}

async fn check_references<N: Noun>(from: &mut AnyConnection, fields: &N::Fields) -> Result<(), StoreError> {
    for (table, field, id) in N::references(fields) {
        check_reference(from, table, field, id).await?;
    }
    Ok(())
}

async fn tell<N: Noun>(
    to: &mut AnyConnection,
    id: Uuid,
    kind: EventKind,
    now: OffsetDateTime,
    actor: &Actor,
) -> Result<(), StoreError> {
    let subject = Subject { kind: N::SUBJECT, id };
    events::insert(to, &[events::event(now, actor, kind, subject, [])]).await
}

fn taken_or<N: Noun>(act: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| {
        if is_unique_violation(&error) {
            StoreError::Taken { field: N::UNIQUE }
        } else {
            failed(act)(error)
        }
    }
}
