//! Agents, their load and what they have resolved.

use std::collections::HashMap;

use desk::{Actor, Agent, AgentLoad, AgentPatch, EventKind, NewAgent, Resolved, SubjectKind};
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::error::{StoreError, failed};
use crate::noun::{Noun, Shared};
use crate::page::{Page, PageRequest};
use crate::row::{Columns, json};
use crate::sql::{Arg, Sql};
use crate::store::Store;

impl Noun for Agent {
    type Fields = NewAgent;
    const TABLE: &'static str = "agents";
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "email",
        "team_id",
        "skills",
        "languages",
        "capacity",
        "availability",
    ];
    const UNIQUE: &'static str = "email";
    const SUBJECT: SubjectKind = SubjectKind::Agent;
    const CREATED: EventKind = EventKind::AgentCreated;
    const CHANGED: EventKind = EventKind::AgentChanged;

    fn values(fields: &NewAgent) -> Result<Vec<Arg>, StoreError> {
        Ok(vec![
            fields.name.as_str().into(),
            (&fields.email).into(),
            fields.team_id.into(),
            json("agent skills", &fields.skills)?.into(),
            json("agent languages", &fields.languages)?.into(),
            fields.capacity.into(),
            fields.availability.as_str().into(),
        ])
    }

    fn read(columns: &mut Columns<'_>) -> Result<NewAgent, StoreError> {
        Ok(NewAgent {
            name: columns.text("agent name")?,
            email: columns.maybe_text("agent email")?,
            team_id: columns.maybe_id("agent team_id")?,
            skills: columns.json("agent skills")?,
            languages: columns.json("agent languages")?,
            capacity: columns.small("agent capacity")?,
            availability: columns.word("agent availability")?,
        })
    }

    fn with(fields: NewAgent, shared: Shared) -> Self {
        Agent {
            id: shared.id,
            name: fields.name,
            email: fields.email,
            team_id: fields.team_id,
            skills: fields.skills,
            languages: fields.languages,
            capacity: fields.capacity,
            availability: fields.availability,
            version: shared.version,
            created_at: shared.created_at,
            updated_at: shared.updated_at,
        }
    }

    fn id(&self) -> Uuid {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn references(fields: &NewAgent) -> Vec<(&'static str, &'static str, Option<Uuid>)> {
        vec![("teams", "team_id", fields.team_id)]
    }
}

impl Store {
    /// Creates an agent.
    ///
    /// **Errors:** `Invalid`, `Taken`, `Unknown` team, or the database's.
    pub async fn create_agent(&self, agent: NewAgent, actor: &Actor) -> Result<Agent, StoreError> {
        let fields = agent.validate().map_err(StoreError::Invalid)?;
        self.create_noun(fields, actor).await
    }

    /// The agent with this id.
    ///
    /// **Errors:** the database's.
    pub async fn get_agent(&self, id: Uuid) -> Result<Option<Agent>, StoreError> {
        self.get_noun(id).await
    }

    /// The agent with this mail address.
    ///
    /// **Errors:** the database's.
    pub async fn find_agent(&self, email: &str) -> Result<Option<Agent>, StoreError> {
        self.find_noun("email", email).await
    }

    /// All agents, oldest first.
    ///
    /// **Errors:** `ForeignCursor`, or the database's.
    pub async fn list_agents(&self, page: &PageRequest) -> Result<Page<Agent>, StoreError> {
        self.list_noun(page).await
    }

    /// Changes an agent and gives it back; none when there is no such agent.
    ///
    /// **Errors:** `Stale`, `Invalid`, `Taken`, `Unknown` team, or the database's.
    pub async fn update_agent(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
        patch: AgentPatch,
        actor: &Actor,
    ) -> Result<Option<Agent>, StoreError> {
        let change = |agent: &Agent| patch.applied_to(agent).map_err(StoreError::Invalid);
        self.update_noun(id, expected_version, change, actor).await
    }

    /// Every agent with the open tickets they carry.
    ///
    /// **Errors:** the database's.
    pub async fn agent_loads(&self) -> Result<Vec<AgentLoad>, StoreError> {
        let mut loads = Vec::new();
        let mut page = PageRequest::first(1_000);
        let open = self.open_tickets_by_agent().await?;
        loop {
            let agents = self.list_agents(&page).await?;
            loads.extend(agents.items.into_iter().map(|agent| {
                let open_tickets = open.get(&agent.id).copied().unwrap_or(0);
                AgentLoad { agent, open_tickets }
            }));
            let Some(next) = agents.next else { return Ok(loads) };
            page = PageRequest::after(1_000, next);
        }
    }

    /// How many tickets of each category every agent has solved or closed; a merged one counts with its survivor.
    ///
    /// **Errors:** the database's.
    pub async fn resolved_counts(&self) -> Result<Vec<Resolved>, StoreError> {
        let text = "SELECT agent_id, category, COUNT(*) FROM tickets WHERE agent_id IS NOT NULL \
                    AND category IS NOT NULL AND COALESCE(status, '') IN ('solved', 'closed') AND merged_into IS NULL \
                    GROUP BY agent_id, category";
        let mut reader = self.database().reader().await?;
        let rows = Sql::new(text, [])
            .all(&mut reader)
            .await
            .map_err(failed("count resolved tickets"))?;
        rows.iter().map(read_resolved).collect()
    }

    /// `COALESCE` keeps SQLite from walking every open ticket by status where the agents' index has all it needs.
    async fn open_tickets_by_agent(&self) -> Result<HashMap<Uuid, i32>, StoreError> {
        let text = "SELECT agent_id, COUNT(*) FROM tickets WHERE agent_id IS NOT NULL \
                    AND COALESCE(status, '') IN ('open', 'pending') GROUP BY agent_id";
        let mut reader = self.database().reader().await?;
        let rows = Sql::new(text, [])
            .all(&mut reader)
            .await
            .map_err(failed("count open tickets"))?;
        rows.iter()
            .map(|row| {
                let mut columns = Columns::of(row);
                Ok((columns.id("ticket agent")?, columns.small("open tickets")?))
            })
            .collect()
    }
}

fn read_resolved(row: &AnyRow) -> Result<Resolved, StoreError> {
    let mut columns = Columns::of(row);
    Ok(Resolved {
        agent_id: columns.id("ticket agent")?,
        category: columns.text("ticket category")?,
        tickets: columns.small("resolved tickets")?.unsigned_abs(),
    })
}
