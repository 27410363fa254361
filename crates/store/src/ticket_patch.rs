//! Changing a ticket from a known version; what was put right is kept.

use desk::{Actor, Corrected, CorrectedField, Correction, Event, EventKind, Subject, Ticket, TicketPatch};
use sqlx::AnyConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::database::commit;
use crate::error::{StoreError, failed};
use crate::guards::{check_reference, check_version};
use crate::row::json;
use crate::sql::{Arg, Sql};
use crate::store::Store;
use crate::{change_count, corrections, events, micros, ticket_row};

impl Store {
    /// Changes a ticket and gives it back; none when there is no such ticket.
    /// A changed category, priority or team is kept as a correction. `expected_version`
    /// is the version the change was made from; none changes whatever is there.
    ///
    /// **Errors:** `Stale`, `Invalid` for a merged ticket, `Unknown` team or agent, or the database's.
    pub async fn patch_ticket(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
        patch: &TicketPatch,
        actor: &Actor,
    ) -> Result<Option<Ticket>, StoreError> {
        let mut transaction = self.database().begin().await?;
        let Some(before) = ticket_row::get(&mut transaction, id).await? else {
            return Ok(None);
        };
        check_version(expected_version, before.version)?;
        desk::check_not_merged(&before).map_err(|fault| StoreError::Invalid(vec![fault]))?;
        check_reference(&mut transaction, "teams", "team_id", patch.team_id).await?;
        check_reference(&mut transaction, "agents", "agent_id", patch.agent_id.flatten()).await?;
        let mut after = before.clone();
        let corrected = patch.apply(&mut after);
        if after == before {
            return Ok(Some(before));
        }
        let change = Change {
            before,
            after,
            corrected,
            actor,
            now: micros::now(),
        };
        let is_counted = change.is_of_category();
        let ticket = change.store(&mut transaction).await?;
        if !is_counted {
            commit(transaction).await?;
            return Ok(Some(ticket));
        }
        change_count::count(&mut transaction).await?;
        let committed = commit(transaction).await;
        self.changes().change();
        committed.map(|()| Some(ticket))
    }
}

struct Change<'a> {
    before: Ticket,
    after: Ticket,
    corrected: Vec<Corrected>,
    actor: &'a Actor,
    now: OffsetDateTime,
}

impl Change<'_> {
    async fn store(mut self, to: &mut AnyConnection) -> Result<Ticket, StoreError> {
        self.after.version += 1;
        self.after.updated_at = self.now;
        let changed = self.update()?.execute(to).await.map_err(failed("change a ticket"))?;
        if changed == 0 {
            return Err(StoreError::overtaken(self.before.version));
        }
        corrections::insert(to, &self.corrections()).await?;
        events::insert(to, &self.events()).await?;
        Ok(self.after)
    }

    /// Whether others show the ticket by what was changed.
    fn is_of_category(&self) -> bool {
        let of_category = |corrected: &Corrected| corrected.field == CorrectedField::Category;
        self.corrected.iter().any(of_category)
    }

    fn update(&self) -> Result<Sql, StoreError> {
        let text = "UPDATE tickets SET state = $1, status = $2, category = $3, priority = $4, team_id = $5, \
                    agent_id = $6, tags = $7, version = $8, updated_at = $9 WHERE id = $10 AND version = $11";
        let args: [Arg; 11] = [
            self.after.state.as_str().into(),
            self.after.status.as_str().into(),
            (&self.after.category).into(),
            self.after.priority.map(|priority| priority.as_str()).into(),
            self.after.team_id.into(),
            self.after.agent_id.into(),
            json("ticket tags", &self.after.tags)?.into(),
            self.after.version.into(),
            self.after.updated_at.into(),
            self.after.id.into(),
            self.before.version.into(),
        ];
        Ok(Sql::new(text, args))
    }

    fn corrections(&self) -> Vec<Correction> {
        let correction = |corrected: &Corrected| Correction {
            id: Uuid::now_v7(),
            ticket_id: self.after.id,
            field: corrected.field,
            before: corrected.before.clone(),
            after: corrected.after.clone(),
            actor: self.actor.clone(),
            created_at: self.now,
        };
        self.corrected.iter().map(correction).collect()
    }

    /// One event for the change, and one for each value put right.
    fn events(&self) -> Vec<Event> {
        let subject = Subject::ticket(self.after.id);
        let mut changed = events::event(self.now, self.actor, EventKind::TicketChanged, subject, []);
        changed.data.extend(differences(&self.before, &self.after));
        let corrected = self.corrected.iter().map(|corrected| {
            let data = [
                ("field", corrected.field.to_string()),
                ("before", corrected.before.clone().unwrap_or_default()),
                ("after", corrected.after.clone()),
            ];
            events::event(self.now, self.actor, EventKind::TicketCorrected, subject, data)
        });
        std::iter::once(changed).chain(corrected).collect()
    }
}

/// `name.before` and `name.after` of every field that differs.
fn differences(before: &Ticket, after: &Ticket) -> Vec<(String, String)> {
    let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let fields = |ticket: &Ticket| {
        [
            ("agent_id", id(ticket.agent_id)),
            ("category", ticket.category.clone().unwrap_or_default()),
            ("priority", ticket.priority.map(|p| p.to_string()).unwrap_or_default()),
            ("state", ticket.state.to_string()),
            ("status", ticket.status.to_string()),
            ("tags", ticket.tags.join(", ")),
            ("team_id", id(ticket.team_id)),
        ]
    };
    fields(before)
        .into_iter()
        .zip(fields(after))
        .filter(|((_, before), (_, after))| before != after)
        .flat_map(|((name, before), (_, after))| [(format!("{name}.before"), before), (format!("{name}.after"), after)])
        .collect()
}
