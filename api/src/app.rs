//! The desk at work behind the API: what every handler shares, and how it is opened.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use desk::Taxonomy;
use knowledge::Knowledge;
use metrics_exporter_prometheus::PrometheusHandle;
use store::{Page, Store, StoreError};
use suggest::Suggest;
use triage::Triage;
use uuid::Uuid;

use crate::config::Config;
use crate::figures;
use crate::http::RateLimits;
use crate::learning::{Refusals, Shelf};
use crate::rephrase::Rephraser;

/// How old the known names of teams and agents may be.
const NAMES_MAX_AGE: Duration = Duration::from_secs(2);

/// What every handler shares.
pub struct App {
    /// The use case: submit, assess, decide, record.
    pub triage: Arc<Triage>,
    /// The knowledge base.
    pub knowledge: Arc<Knowledge>,
    /// Suggested answers.
    pub suggest: Suggest,
    /// What rewords them, where an endpoint is set.
    pub rephraser: Rephraser,
    /// The labels of the category head in use.
    pub taxonomy: Taxonomy,
    /// How much each token may ask.
    pub limits: RateLimits,
    /// Where models lie.
    pub shelf: Shelf,
    /// Active versions that this server cannot use.
    pub refusals: Refusals,
    /// Versions to try out that this server cannot use.
    pub challenger_refusals: Refusals,
    names: Mutex<Option<(Instant, Arc<Names>)>>,
    figures: PrometheusHandle,
}

/// Names of teams and agents by id.
#[derive(Debug, Default)]
pub struct Names {
    teams: HashMap<Uuid, String>,
    agents: HashMap<Uuid, String>,
}

impl Names {
    /// The team's name, where there is such a team.
    pub fn team(&self, id: Uuid) -> Option<String> {
        self.teams.get(&id).cloned()
    }

    /// The agent's name, where there is such an agent.
    pub fn agent(&self, id: Uuid) -> Option<String> {
        self.agents.get(&id).cloned()
    }
}

impl App {
    /// The desk over an opened triage and knowledge base.
    pub fn new(
        triage: Arc<Triage>,
        knowledge: Arc<Knowledge>,
        taxonomy: Taxonomy,
        config: &Config,
        shelf: Shelf,
    ) -> Self {
        let suggest = Suggest::new(config.suggest.clone(), Arc::clone(&knowledge), Arc::clone(&triage));
        App {
            triage,
            knowledge,
            suggest,
            rephraser: Rephraser::new(config.rephrase.clone()),
            taxonomy,
            limits: RateLimits::new(&config.rate_limit),
            shelf,
            refusals: Refusals::default(),
            challenger_refusals: Refusals::default(),
            names: Mutex::new(None),
            figures: figures::recorder(),
        }
    }

    /// The rows.
    pub fn store(&self) -> &Store {
        self.triage.store()
    }

    /// The encoder's name, as `/v1/embeddings` answers it.
    pub fn encoder_name(&self) -> &str {
        self.knowledge.encoder_name()
    }

    /// Length of its vectors.
    pub fn encoder_dimensions(&self) -> usize {
        self.knowledge.dimensions()
    }

    /// Names of teams and agents, at most two seconds old.
    ///
    /// **Errors:** the database's.
    pub async fn names(&self) -> Result<Arc<Names>, StoreError> {
        if let Some(names) = self.known_names() {
            return Ok(names);
        }
        let names = Arc::new(read_names(self.store()).await?);
        *self.names.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
            Some((Instant::now(), Arc::clone(&names)));
        Ok(names)
    }

    /// The figures of the process and of the desk, in the text format of Prometheus.
    pub async fn figures(&self) -> String {
        figures::measure(self).await;
        self.figures.run_upkeep();
        self.figures.render()
    }

    /// Sums up the latencies that nobody has read.
    pub fn sum_figures_up(&self) {
        self.figures.run_upkeep();
    }

    fn known_names(&self) -> Option<Arc<Names>> {
        let known = self.names.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known
            .as_ref()
            .filter(|(at, _)| at.elapsed() < NAMES_MAX_AGE)
            .map(|(_, names)| Arc::clone(names))
    }
}

async fn read_names(store: &Store) -> Result<Names, StoreError> {
    let teams = Page::all(|page| async move { store.list_teams(&page).await }).await?;
    let agents = Page::all(|page| async move { store.list_agents(&page).await }).await?;
    Ok(Names {
        teams: teams.into_iter().map(|team| (team.id, team.name)).collect(),
        agents: agents.into_iter().map(|agent| (agent.id, agent.name)).collect(),
    })
}
