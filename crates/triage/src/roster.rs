//! Who is there to take tickets, known for a moment at a time.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use desk::{AgentLoad, Resolved, Routing, RoutingRequest, Team, route};
use store::{PageRequest, Store, StoreError};

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
}

/// Routes tickets over a snapshot of the desk that is read anew when it has grown too old.
///
/// Tickets routed in between count against their agent at once, so that a burst spreads over the team instead of
/// landing on whoever was free when it began.
pub(crate) struct Roster {
    max_age: Duration,
    known: Mutex<Option<(Instant, Snapshot)>>,
}

impl Roster {
    pub(crate) fn new(max_age: Duration) -> Self {
        Roster {
            max_age,
            known: Mutex::new(None),
        }
    }

    /// Team and agent for a ticket; the agent's load is one higher afterwards.
    ///
    /// **Errors:** the store cannot be read.
    pub(crate) async fn assign(&self, store: &Store, request: &RoutingRequest<'_>) -> Result<Routing, StoreError> {
        self.refresh(store).await?;
        let mut known = self.lock();
        let snapshot = &mut known.get_or_insert_with(|| (Instant::now(), Snapshot::default())).1;
        let routing = snapshot.route(request);
        let winner = routing.agent_id();
        for load in snapshot.loads.iter_mut().filter(|load| Some(load.agent.id) == winner) {
            load.open_tickets += 1;
        }
        Ok(routing)
    }

    /// Team and agent a ticket would get; nobody's load changes.
    ///
    /// **Errors:** the store cannot be read.
    pub(crate) async fn preview(&self, store: &Store, request: &RoutingRequest<'_>) -> Result<Routing, StoreError> {
        self.refresh(store).await?;
        Ok(self
            .lock()
            .as_ref()
            .map(|(_, snapshot)| snapshot.route(request))
            .unwrap_or_default())
    }

    async fn refresh(&self, store: &Store) -> Result<(), StoreError> {
        if self.is_stale() {
            let snapshot = read(store).await?;
            *self.lock() = Some((Instant::now(), snapshot));
        }
        Ok(())
    }

    fn is_stale(&self) -> bool {
        self.lock().as_ref().is_none_or(|(at, _)| at.elapsed() >= self.max_age)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Snapshot)>> {
        // A panic while routing leaves a snapshot that is at worst one ticket off.
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
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
