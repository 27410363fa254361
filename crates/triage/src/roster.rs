//! Who is there to take tickets, known for a moment at a time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use desk::{AgentLoad, Resolved, Routing, RoutingRequest, Team, route};
use store::{PageRequest, Store, StoreError};
use uuid::Uuid;

/// Teams, agents, their load and their experience, as of one moment.
#[derive(Debug, Clone, Default)]
struct Snapshot {
    teams: Vec<Team>,
    loads: Vec<AgentLoad>,
    history: Vec<Resolved>,
}

impl Snapshot {
    fn route(&self, request: &RoutingRequest<'_>) -> Routing {
        route(request, &self.teams, &self.loads, &self.history)
    }

    fn add(&mut self, agent_id: Uuid, tickets: i32) {
        if let Some(load) = self.loads.iter_mut().find(|load| load.agent.id == agent_id) {
            load.open_tickets += tickets;
        }
    }
}

/// Routes tickets over a snapshot of the desk that is read anew when it has grown too old.
///
/// Tickets routed in between count against their agent at once, so that a burst spreads over the team instead of
/// landing on whoever was free when it began, and the last place of an agent is given once. Servers that share a
/// database know of each other's tickets when they read next.
pub(crate) struct Roster {
    max_age: Duration,
    known: Mutex<Known>,
    /// Held by the one who reads.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    snapshot: Option<(Instant, Snapshot)>,
    /// Tickets by agent whose decision may be missing from what is read next.
    underway: HashMap<Uuid, i32>,
    /// While a read goes on: the agents of those that were stored meanwhile, which it may have come too early for.
    stored_meanwhile: Option<Vec<Uuid>>,
}

/// An agent's place, taken by a ticket until its decision is stored or given up.
#[must_use = "the place is free again when this is dropped"]
pub(crate) struct Place<'a> {
    roster: &'a Roster,
    agent_id: Option<Uuid>,
}

impl Roster {
    pub(crate) fn new(max_age: Duration) -> Self {
        Roster {
            max_age,
            known: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// Team and agent for a ticket, and the agent's place for it, to be held until the decision is stored.
    ///
    /// **Errors:** the store cannot be read.
    pub(crate) async fn assign(
        &self,
        store: &Store,
        request: &RoutingRequest<'_>,
    ) -> Result<(Routing, Place<'_>), StoreError> {
        self.refresh(store).await?;
        let mut known = self.lock();
        let routing = known.route(request);
        let agent_id = routing.agent_id();
        if let Some(agent_id) = agent_id {
            known.take_place(agent_id);
        }
        let place = Place { roster: self, agent_id };
        Ok((routing, place))
    }

    /// Team and agent a ticket would get; nobody's load changes.
    ///
    /// **Errors:** the store cannot be read.
    pub(crate) async fn preview(&self, store: &Store, request: &RoutingRequest<'_>) -> Result<Routing, StoreError> {
        self.refresh(store).await?;
        Ok(self.lock().route(request))
    }

    async fn refresh(&self, store: &Store) -> Result<(), StoreError> {
        if !self.is_stale() {
            return Ok(());
        }
        let _one_reads = self.reading.lock().await;
        if !self.is_stale() {
            return Ok(());
        }
        self.lock().stored_meanwhile = Some(Vec::new());
        let read = read(store).await;
        self.lock().end_reading(read)
    }

    fn is_stale(&self) -> bool {
        let known = self.lock();
        known
            .snapshot
            .as_ref()
            .is_none_or(|(at, _)| at.elapsed() >= self.max_age)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // A panic while routing leaves a snapshot that is at worst one ticket off.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn route(&self, request: &RoutingRequest<'_>) -> Routing {
        let snapshot = self.snapshot.as_ref();
        snapshot
            .map(|(_, snapshot)| snapshot.route(request))
            .unwrap_or_default()
    }

    fn take_place(&mut self, agent_id: Uuid) {
        *self.underway.entry(agent_id).or_default() += 1;
        if let Some((_, snapshot)) = &mut self.snapshot {
            snapshot.add(agent_id, 1);
        }
    }

    fn end_reading(&mut self, read: Result<Snapshot, StoreError>) -> Result<(), StoreError> {
        let underway = self.underway.clone();
        for agent_id in self.stored_meanwhile.take().unwrap_or_default() {
            self.end_way(agent_id);
        }
        let mut snapshot = read?;
        for (agent_id, tickets) in underway {
            snapshot.add(agent_id, tickets);
        }
        self.snapshot = Some((Instant::now(), snapshot));
        Ok(())
    }

    /// A ticket's decision is stored or given up; the snapshot goes on counting it until it is read anew.
    fn end_way(&mut self, agent_id: Uuid) {
        if let Some(stored) = &mut self.stored_meanwhile {
            stored.push(agent_id);
        } else if let Entry::Occupied(mut tickets) = self.underway.entry(agent_id) {
            *tickets.get_mut() -= 1;
            if *tickets.get() == 0 {
                tickets.remove();
            }
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(agent_id) = self.agent_id {
            self.roster.lock().end_way(agent_id);
        }
    }
}

/// Teams read at once.
const PAGE: u32 = 1_000;

async fn read(store: &Store) -> Result<Snapshot, StoreError> {
    Ok(Snapshot {
        teams: teams(store).await?,
        loads: store.agent_loads().await?,
        history: store.resolved_counts().await?,
    })
}

async fn teams(store: &Store) -> Result<Vec<Team>, StoreError> {
    let mut teams = Vec::new();
    let mut page = PageRequest::first(PAGE);
    loop {
        let read = store.list_teams(&page).await?;
        teams.extend(read.items);
        let Some(next) = read.next else { return Ok(teams) };
        page = PageRequest::after(PAGE, next);
    }
}
