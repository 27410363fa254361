//! Who is there to take tickets, known for a moment at a time.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use desk::{AgentLoad, Resolved, Routing, RoutingRequest, Team, route};
use store::{Store, StoreError};

/// Teams, agents, their load and their experience, as of one moment.
#[derive(Debug, Clone, Default)]
struct Snapshot {
    teams: Vec<Team>,
    loads: Vec<AgentLoad>,
    history: Vec<Resolved>,
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
        Roster { max_age, known: Mutex::new(None) }
    }

    /// Team and agent for a ticket; the agent's load is one higher afterwards.
    ///
    /// **Errors:** the store cannot be read.
    pub(crate) async fn route(&self, store: &Store, request: &RoutingRequest<'_>) -> Result<Routing, StoreError> {
        if self.is_stale() {
            let snapshot = read(store).await?;
            *self.lock() = Some((Instant::now(), snapshot));
        }
        let mut known = self.lock();
        let snapshot = &mut known.get_or_insert_with(|| (Instant::now(), Snapshot::default())).1;
        let routing = route(request, &snapshot.teams, &snapshot.loads, &snapshot.history);
        let winner = routing.agent_id();
        for load in snapshot.loads.iter_mut().filter(|load| Some(load.agent.id) == winner) {
            load.open_tickets += 1;
        }
        Ok(routing)
    }

    fn is_stale(&self) -> bool {
        self.lock().as_ref().is_none_or(|(at, _)| at.elapsed() >= self.max_age)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Snapshot)>> {
        // A panic while routing leaves a snapshot that is at worst one ticket off.
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

async fn read(store: &Store) -> Result<Snapshot, StoreError> {
    Ok(Snapshot {
        teams: store.all_teams().await?,
        loads: store.agent_loads().await?,
        history: store.resolved_counts().await?,
    })
}
