//! Who is there to take tickets, known for a moment at a time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use desk::{AgentLoad, Resolved, Routing, RoutingRequest, Team, route};
use store::{Page, Store, StoreError};
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
        self.lock().begin_reading();
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

    fn begin_reading(&mut self) {
        // What was stored during a read that was given up, because nobody waited for it any longer, this one sees.
        self.end_ways();
        self.stored_meanwhile = Some(Vec::new());
    }

    fn end_reading(&mut self, read: Result<Snapshot, StoreError>) -> Result<(), StoreError> {
        let underway = self.underway.clone();
        self.end_ways();
        let mut snapshot = read?;
        for (agent_id, tickets) in underway {
            snapshot.add(agent_id, tickets);
        }
        self.snapshot = Some((Instant::now(), snapshot));
        Ok(())
    }

    /// What was stored during a read is underway no longer.
    fn end_ways(&mut self) {
        for agent_id in self.stored_meanwhile.take().unwrap_or_default() {
            self.end_way(agent_id);
        }
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

async fn read(store: &Store) -> Result<Snapshot, StoreError> {
    Ok(Snapshot {
        teams: Page::all(|page| async move { store.list_teams(&page).await }).await?,
        loads: store.agent_loads().await?,
        history: store.resolved_counts().await?,
    })
}

#[cfg(test)]
mod tests {
    use std::future::{Future, ready};

    use desk::{Actor, Availability, NewAgent, NewTeam};
    use store::{DataFolder, StoreConfig};

    use super::*;

    /// A roster that is read anew for every ticket, and a store with one agent.
    async fn desk(folder: &std::path::Path) -> (Roster, Store, Uuid) {
        let store = Store::open(&StoreConfig::new(DataFolder::database_url(folder))).await;
        let store = store.expect("a store");
        let actor = Actor::system("test");
        let team = NewTeam {
            name: "Everyone".to_owned(),
            categories: vec!["how_to".to_owned()],
        };
        let team = store.create_team(team, &actor).await.expect("a team");
        let agent = NewAgent {
            name: "Ana".to_owned(),
            email: None,
            team_id: Some(team.id),
            skills: [("how_to".to_owned(), 1.0)].into(),
            languages: vec!["en".to_owned()],
            capacity: 10,
            availability: Availability::Available,
        };
        let agent = store.create_agent(agent, &actor).await.expect("an agent");
        (Roster::new(Duration::ZERO), store, agent.id)
    }

    /// Lets a future begin and drops it.
    async fn give_up(begun: impl Future) {
        tokio::select! {
            biased;
            _ = begun => {}
            () = ready(()) => {}
        }
    }

    #[tokio::test]
    async fn a_read_that_is_given_up_leaves_nobody_busy() {
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let (roster, store, agent) = desk(scratch.path()).await;
        let request = RoutingRequest {
            category: Some("how_to"),
            ..RoutingRequest::default()
        };
        let (routing, place) = roster.assign(&store, &request).await.expect("readable");
        assert_eq!(routing.agent_id(), Some(agent));
        while roster.lock().stored_meanwhile.is_none() {
            give_up(roster.refresh(&store)).await;
        }
        drop(place);
        roster.refresh(&store).await.expect("readable");
        let known = roster.lock();
        assert!(known.underway.is_empty(), "{:?}", known.underway);
        let open: Vec<i32> = known
            .snapshot
            .iter()
            .flat_map(|(_, read)| read.loads.iter().map(|load| load.open_tickets))
            .collect();
        assert_eq!(open, [0]);
    }
}
