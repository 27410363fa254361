//! Versions of the heads, and the log that says which one is in force for every process on this database.

use desk::model_version::{FIRST_VERSION, active_version};
use desk::{Activation, Actor, EventKind, HeadRole, ModelOrigin, ModelVersion, Subject, SubjectKind};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::commit;
use crate::error::{StoreError, failed, is_unique_violation};
use crate::row::{Columns, json};
use crate::sql::{Sql, insert_rows};
use crate::store::Store;
use crate::{ModelFile, events, micros, model_files, shadows};

const VERSION: &str = "id, head, version, revision, origin, note, created_at";
const ACTIVATION: &str = "head, serial, version, replaced, is_rollback, reason, actor, created_at";

/// A version to make known.
#[derive(Debug, Clone)]
pub struct NewModelVersion {
    /// The head it is a version of.
    pub head: HeadRole,
    /// Its number.
    pub version: i64,
    /// Its revision.
    pub revision: String,
    /// Where it comes from.
    pub origin: ModelOrigin,
    /// Why it was made, in words.
    pub note: String,
}

/// A version to make active.
#[derive(Debug, Clone, Copy)]
pub struct NewActivation<'a> {
    /// The head.
    pub head: HeadRole,
    /// The version to make active.
    pub version: i64,
    /// The version that must be active still; any when left out.
    pub replacing: Option<i64>,
    /// Whether this goes back to an earlier state.
    pub is_rollback: bool,
    /// Why, in words.
    pub reason: &'a str,
}

impl Store {
    /// Makes a version known and keeps its files, once `put_in_place` has put them where they belong here.
    ///
    /// Nobody else can make this number known meanwhile, so what lies in its place is nobody's; after a crash in between
    /// the files are there and the version is not.
    ///
    /// **Errors:** `Taken` when the head has a version of this number, those of `put_in_place`, or the database's.
    pub async fn add_model_version<E: From<StoreError>>(
        &self,
        new: NewModelVersion,
        files: &[ModelFile],
        actor: &Actor,
        put_in_place: impl FnOnce() -> Result<(), E> + Send,
    ) -> Result<ModelVersion, E> {
        let version = ModelVersion {
            id: Uuid::now_v7(),
            head: new.head,
            version: new.version,
            revision: new.revision,
            origin: new.origin,
            note: new.note,
            created_at: micros::now(),
        };
        let mut transaction = self.database().begin().await?;
        insert_version(&mut transaction, &version).await?;
        let data = [
            ("head", version.head.to_string()),
            ("version", version.version.to_string()),
            ("revision", version.revision.clone()),
            ("origin", version.origin.to_string()),
        ];
        let event = events::event(
            version.created_at,
            actor,
            EventKind::ModelAdded,
            subject(version.id),
            data,
        );
        events::insert(&mut transaction, &[event]).await?;
        model_files::insert(&mut transaction, version.head, version.version, files).await?;
        put_in_place()?;
        commit(transaction).await?;
        Ok(version)
    }

    /// Says which revision a head's first version has now: a newer program brings newer heads.
    ///
    /// **Errors:** the database's.
    pub async fn set_shipped_model(&self, head: HeadRole, revision: &str) -> Result<(), StoreError> {
        let known = self.get_model_version(head, FIRST_VERSION).await?;
        if known.is_some_and(|known| known.revision == revision) {
            return Ok(());
        }
        let text = format!(
            "INSERT INTO model_versions ({VERSION}) VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (head, version) DO UPDATE SET revision = excluded.revision"
        );
        let values = [
            Uuid::now_v7().into(),
            head.as_str().into(),
            FIRST_VERSION.into(),
            revision.into(),
            ModelOrigin::Shipped.as_str().into(),
            "came with the program".into(),
            micros::now().into(),
        ];
        let mut transaction = self.database().begin().await?;
        let set = Sql::new(&text, values).execute(&mut transaction).await;
        set.map_err(failed("store the shipped model"))?;
        commit(transaction).await
    }

    /// One version of a head.
    ///
    /// **Errors:** the database's.
    pub async fn get_model_version(&self, head: HeadRole, version: i64) -> Result<Option<ModelVersion>, StoreError> {
        let mut reader = self.database().reader().await?;
        find_version(&mut reader, head, version).await
    }

    /// Every version of a head, from the first.
    ///
    /// **Errors:** the database's.
    pub async fn list_model_versions(&self, head: HeadRole) -> Result<Vec<ModelVersion>, StoreError> {
        let text = format!("SELECT {VERSION} FROM model_versions WHERE head = $1 ORDER BY version");
        let mut reader = self.database().reader().await?;
        let rows = Sql::new(&text, [head.as_str().into()]).all(&mut reader).await;
        let rows = rows.map_err(failed("list the versions of a head"))?;
        rows.iter().map(read_version).collect()
    }

    /// The log of a head's active versions, oldest line first.
    ///
    /// **Errors:** the database's.
    pub async fn list_activations(&self, head: HeadRole) -> Result<Vec<Activation>, StoreError> {
        let mut reader = self.database().reader().await?;
        read_log(&mut reader, head).await
    }

    /// The last line of a head's log; none while the first version was never replaced.
    ///
    /// **Errors:** the database's.
    pub async fn last_activation(&self, head: HeadRole) -> Result<Option<Activation>, StoreError> {
        let text = format!("SELECT {ACTIVATION} FROM model_activations WHERE head = $1 ORDER BY serial DESC LIMIT 1");
        let mut reader = self.database().reader().await?;
        let row = Sql::new(&text, [head.as_str().into()]).optional(&mut reader).await;
        let row = row.map_err(failed("read the active version"))?;
        row.as_ref().map(read_activation).transpose()
    }

    /// Makes a version active, which is tried out no longer if it was; none when the head has no such version. Where it
    /// is active already nothing is written, and the answer says that it replaced itself.
    ///
    /// **Errors:** `Stale` when another version is active than the one to replace, `Taken` when another process changed
    /// the active version at the same moment, or the database's.
    pub async fn activate_model(
        &self,
        new: NewActivation<'_>,
        actor: &Actor,
    ) -> Result<Option<Activation>, StoreError> {
        let NewActivation { head, version, .. } = new;
        let mut transaction = self.database().begin().await?;
        let Some(known) = find_version(&mut transaction, head, version).await? else {
            return Ok(None);
        };
        let log = read_log(&mut transaction, head).await?;
        let current = active_version(&log);
        if let Some(expected) = new.replacing.filter(|expected| *expected != current) {
            return Err(StoreError::Stale { expected, current });
        }
        let activation = Activation {
            head,
            serial: log.last().map_or(1, |last| last.serial + 1),
            version,
            replaced: current,
            is_rollback: new.is_rollback,
            reason: new.reason.to_owned(),
            actor: actor.clone(),
            created_at: micros::now(),
        };
        // A line that changes nothing would be one more to roll back.
        if version == current {
            return Ok(Some(activation));
        }
        insert_activation(&mut transaction, &activation).await?;
        shadows::end_for(&mut transaction, head, version).await?;
        let data = [
            ("head", head.to_string()),
            ("version", version.to_string()),
            ("replaced", activation.replaced.to_string()),
            ("reason", activation.reason.clone()),
        ];
        let event = events::event(
            activation.created_at,
            actor,
            EventKind::ModelActivated,
            subject(known.id),
            data,
        );
        events::insert(&mut transaction, &[event]).await?;
        commit(transaction).await?;
        Ok(Some(activation))
    }

    /// Removes the versions of a head that retraining made and that were never active nor are tried out, but for the
    /// latest `kept`; gives back what was removed with its files, which nobody reads any more.
    ///
    /// **Errors:** the database's.
    pub async fn forget_model_versions(
        &self,
        head: HeadRole,
        kept: usize,
        actor: &Actor,
    ) -> Result<Vec<ModelVersion>, StoreError> {
        let text = format!(
            "SELECT {VERSION} FROM model_versions WHERE head = $1 AND origin = $2 \
             AND version NOT IN (SELECT version FROM model_activations WHERE head = $1) \
             AND version NOT IN (SELECT version FROM model_challengers WHERE head = $1) \
             ORDER BY version DESC"
        );
        let mut transaction = self.database().begin().await?;
        let values = [head.as_str().into(), ModelOrigin::Retrained.as_str().into()];
        let rows = Sql::new(&text, values).all(&mut transaction).await;
        let rows = rows.map_err(failed("list the unused versions of a head"))?;
        let forgotten: Result<Vec<_>, _> = rows.iter().skip(kept).map(read_version).collect();
        let forgotten = forgotten?;
        for version in &forgotten {
            let removed = Sql::new("DELETE FROM model_versions WHERE id = $1", [version.id.into()]);
            let removed = removed.execute(&mut transaction).await;
            removed.map_err(failed("remove an unused version of a head"))?;
            let data = [
                ("head", head.to_string()),
                ("version", version.version.to_string()),
                ("revision", version.revision.clone()),
            ];
            let kind = EventKind::ModelForgotten;
            let event = events::event(micros::now(), actor, kind, subject(version.id), data);
            events::insert(&mut transaction, &[event]).await?;
        }
        commit(transaction).await?;
        Ok(forgotten)
    }

    /// Writes down that a process could not use a version.
    ///
    /// **Errors:** the database's.
    pub async fn record_model_refusal(
        &self,
        refused: &ModelVersion,
        reason: &str,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let data = [
            ("head", refused.head.to_string()),
            ("version", refused.version.to_string()),
            ("reason", reason.to_owned()),
        ];
        let event = events::event(micros::now(), actor, EventKind::ModelRefused, subject(refused.id), data);
        let mut transaction = self.database().begin().await?;
        events::insert(&mut transaction, &[event]).await?;
        commit(transaction).await
    }
}

pub(crate) fn subject(id: Uuid) -> Subject {
    Subject {
        kind: SubjectKind::Model,
        id,
    }
}

async fn insert_version(to: &mut AnyConnection, version: &ModelVersion) -> Result<(), StoreError> {
    let row = vec![
        version.id.into(),
        version.head.as_str().into(),
        version.version.into(),
        version.revision.as_str().into(),
        version.origin.as_str().into(),
        version.note.as_str().into(),
        version.created_at.into(),
    ];
    let into = format!("INSERT INTO model_versions ({VERSION})");
    insert_rows(to, &into, vec![row])
        .await
        .map_err(taken_or("store a version"))
}

async fn insert_activation(to: &mut AnyConnection, activation: &Activation) -> Result<(), StoreError> {
    let row = vec![
        activation.head.as_str().into(),
        activation.serial.into(),
        activation.version.into(),
        activation.replaced.into(),
        i64::from(activation.is_rollback).into(),
        activation.reason.as_str().into(),
        json("activation actor", &activation.actor)?.into(),
        activation.created_at.into(),
    ];
    let into = format!("INSERT INTO model_activations ({ACTIVATION})");
    insert_rows(to, &into, vec![row])
        .await
        .map_err(taken_or("store an activation"))
}

pub(crate) async fn find_version(
    from: &mut AnyConnection,
    head: HeadRole,
    version: i64,
) -> Result<Option<ModelVersion>, StoreError> {
    let text = format!("SELECT {VERSION} FROM model_versions WHERE head = $1 AND version = $2");
    let row = Sql::new(&text, [head.as_str().into(), version.into()])
        .optional(from)
        .await;
    let row = row.map_err(failed("read a version"))?;
    row.as_ref().map(read_version).transpose()
}

async fn read_log(from: &mut AnyConnection, head: HeadRole) -> Result<Vec<Activation>, StoreError> {
    let text = format!("SELECT {ACTIVATION} FROM model_activations WHERE head = $1 ORDER BY serial");
    let rows = Sql::new(&text, [head.as_str().into()]).all(from).await;
    let rows = rows.map_err(failed("read the log of active versions"))?;
    rows.iter().map(read_activation).collect()
}

fn read_version(row: &AnyRow) -> Result<ModelVersion, StoreError> {
    let mut columns = Columns::of(row);
    Ok(ModelVersion {
        id: columns.id("version id")?,
        head: columns.word("version head")?,
        version: columns.int("version number")?,
        revision: columns.text("version revision")?,
        origin: columns.word("version origin")?,
        note: columns.text("version note")?,
        created_at: columns.time("version time")?,
    })
}

fn read_activation(row: &AnyRow) -> Result<Activation, StoreError> {
    let mut columns = Columns::of(row);
    Ok(Activation {
        head: columns.word("activation head")?,
        serial: columns.int("activation serial")?,
        version: columns.int("activated version")?,
        replaced: columns.int("replaced version")?,
        is_rollback: columns.int("activation rollback")? != 0,
        reason: columns.text("activation reason")?,
        actor: columns.json("activation actor")?,
        created_at: columns.time("activation time")?,
    })
}

fn taken_or(act: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| {
        if is_unique_violation(&error) {
            StoreError::Taken { field: "number" }
        } else {
            failed(act)(error)
        }
    }
}
