//! Versions of heads that are tried out, and what they said beside the one in force.

use desk::{Actor, Challenger, EventKind, HeadRole, Said, ShadowCounts, ShadowJudgement};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::commit;
use crate::error::{StoreError, failed};
use crate::models::{find_version, subject};
use crate::row::{Columns, json};
use crate::sql::{Arg, Sql, insert_rows};
use crate::store::Store;
use crate::{events, micros};

const CHALLENGER: &str = "head, version, actor, created_at";
const JUDGEMENT: &str = "head, version, active, ticket_id, label, is_sure, active_label, active_sure";

impl Store {
    /// Tries a version out beside the one in force, in the place of any other; none when the head has no such version.
    ///
    /// **Errors:** the database's.
    pub async fn set_challenger(
        &self,
        head: HeadRole,
        version: i64,
        actor: &Actor,
    ) -> Result<Option<Challenger>, StoreError> {
        let mut transaction = self.database().begin().await?;
        let Some(known) = find_version(&mut transaction, head, version).await? else {
            return Ok(None);
        };
        let challenger = Challenger {
            head,
            version,
            actor: actor.clone(),
            since: micros::now(),
        };
        let text = format!(
            "INSERT INTO model_challengers ({CHALLENGER}) VALUES ($1, $2, $3, $4) ON CONFLICT (head) DO UPDATE SET \
             version = excluded.version, actor = excluded.actor, created_at = excluded.created_at"
        );
        let values = [
            head.as_str().into(),
            version.into(),
            json("challenger actor", actor)?.into(),
            challenger.since.into(),
        ];
        let set = Sql::new(&text, values).execute(&mut transaction).await;
        set.map_err(failed("store a challenger"))?;
        let data = [("head", head.to_string()), ("version", version.to_string())];
        let kind = EventKind::ModelShadowed;
        let event = events::event(challenger.since, actor, kind, subject(known.id), data);
        events::insert(&mut transaction, &[event]).await?;
        commit(transaction).await?;
        Ok(Some(challenger))
    }

    /// Stops trying a version of the head out; whether one was.
    ///
    /// **Errors:** the database's.
    pub async fn end_challenge(&self, head: HeadRole, actor: &Actor) -> Result<bool, StoreError> {
        let mut transaction = self.database().begin().await?;
        let text = "DELETE FROM model_challengers WHERE head = $1 RETURNING version";
        let ended = Sql::new(text, [head.as_str().into()]).optional(&mut transaction).await;
        let Some(row) = ended.map_err(failed("end a challenge"))? else {
            return Ok(false);
        };
        let version = Columns::of(&row).int("challenger version")?;
        if let Some(known) = find_version(&mut transaction, head, version).await? {
            let data = [("head", head.to_string()), ("version", version.to_string())];
            let kind = EventKind::ModelShadowEnded;
            let event = events::event(micros::now(), actor, kind, subject(known.id), data);
            events::insert(&mut transaction, &[event]).await?;
        }
        commit(transaction).await?;
        Ok(true)
    }

    /// Every version that is tried out, at most one a head.
    ///
    /// **Errors:** the database's.
    pub async fn list_challengers(&self) -> Result<Vec<Challenger>, StoreError> {
        let text = format!("SELECT {CHALLENGER} FROM model_challengers ORDER BY head");
        let mut reader = self.database().reader().await?;
        let rows = Sql::new(&text, []).all(&mut reader).await;
        let rows = rows.map_err(failed("list the challengers"))?;
        rows.iter().map(read_challenger).collect()
    }

    /// How a version of a head compares with another that was in force, on the tickets both have assessed.
    ///
    /// A ticket is settled when an agent has corrected what the head decides, or solved it; what it is labelled then is
    /// right. A merge closes a ticket and says nothing of its labels.
    ///
    /// **Errors:** the database's.
    pub async fn shadow_counts(
        &self,
        head: HeadRole,
        challenger: i64,
        active: i64,
    ) -> Result<ShadowCounts, StoreError> {
        let truth = match head {
            HeadRole::Category => "category",
            HeadRole::Priority => "priority",
        };
        let text = format!(
            "SELECT COUNT(*), COUNT(CASE WHEN label = active_label THEN 1 END), \
             COUNT(CASE WHEN active_sure = 1 THEN 1 END), COUNT(CASE WHEN is_sure = 1 THEN 1 END), \
             COUNT(CASE WHEN label = truth AND active_label = truth THEN 1 END), \
             COUNT(CASE WHEN label <> truth AND active_label = truth THEN 1 END), \
             COUNT(CASE WHEN label = truth AND active_label <> truth THEN 1 END), \
             COUNT(CASE WHEN label <> truth AND active_label <> truth THEN 1 END), \
             COUNT(CASE WHEN is_corrected = 1 AND truth IS NOT NULL THEN 1 END) \
             FROM (SELECT label, is_sure, active_label, active_sure, is_corrected, \
             CASE WHEN is_solved = 1 OR is_corrected = 1 THEN now_label END AS truth \
             FROM (SELECT j.label, j.is_sure, j.active_label, j.active_sure, t.{truth} AS now_label, \
             CASE WHEN t.merged_into IS NULL AND t.status IN ('solved', 'closed') THEN 1 ELSE 0 END AS is_solved, \
             CASE WHEN EXISTS (SELECT 1 FROM corrections c WHERE c.ticket_id = t.id AND c.field = $1) \
             THEN 1 ELSE 0 END AS is_corrected \
             FROM shadow_judgements j JOIN tickets t ON t.id = j.ticket_id \
             WHERE j.head = $2 AND j.version = $3 AND j.active = $4) AS found) AS judged"
        );
        let values = [truth.into(), head.as_str().into(), challenger.into(), active.into()];
        let mut reader = self.database().reader().await?;
        let row = Sql::new(&text, values).optional(&mut reader).await;
        let row = row.map_err(failed("compare a challenger"))?;
        row.as_ref().map_or(Ok(ShadowCounts::default()), read_counts)
    }
}

/// Stores what was said of tickets, with their decisions.
pub(crate) async fn insert(to: &mut AnyConnection, judgements: &[(Uuid, &ShadowJudgement)]) -> Result<(), StoreError> {
    let rows = judgements
        .iter()
        .map(|(ticket_id, judgement)| values(*ticket_id, judgement));
    let into = format!("INSERT INTO shadow_judgements ({JUDGEMENT})");
    insert_rows(to, &into, rows.collect())
        .await
        .map_err(failed("store what a challenger said"))
}

/// A version that comes into force is no challenger any more.
pub(crate) async fn end_for(to: &mut AnyConnection, head: HeadRole, version: i64) -> Result<(), StoreError> {
    let text = "DELETE FROM model_challengers WHERE head = $1 AND version = $2";
    let ended = Sql::new(text, [head.as_str().into(), version.into()]).execute(to).await;
    ended.map(drop).map_err(failed("end a challenge"))
}

fn values(ticket_id: Uuid, judgement: &ShadowJudgement) -> Vec<Arg> {
    let ShadowJudgement {
        head,
        active,
        challenger,
    } = judgement;
    let label = |said: &Said| Arg::from(said.label.clone().unwrap_or_default());
    vec![
        head.as_str().into(),
        challenger.version.into(),
        active.version.into(),
        ticket_id.into(),
        label(challenger),
        i64::from(challenger.is_sure).into(),
        label(active),
        i64::from(active.is_sure).into(),
    ]
}

fn read_challenger(row: &AnyRow) -> Result<Challenger, StoreError> {
    let mut columns = Columns::of(row);
    Ok(Challenger {
        head: columns.word("challenger head")?,
        version: columns.int("challenger version")?,
        actor: columns.json("challenger actor")?,
        since: columns.time("challenger time")?,
    })
}

fn read_counts(row: &AnyRow) -> Result<ShadowCounts, StoreError> {
    let mut columns = Columns::of(row);
    let mut next = || columns.int("count of judgements").map(i64::unsigned_abs);
    Ok(ShadowCounts {
        tickets: next()?,
        agreed: next()?,
        active_sure: next()?,
        challenger_sure: next()?,
        both_right: next()?,
        active_alone: next()?,
        challenger_alone: next()?,
        both_wrong: next()?,
        corrected: next()?,
    })
}
