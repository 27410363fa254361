//! The use case: a ticket comes in, is assessed, decided, recorded, and never lost.
//!
//! This crate joins the store, the models and the index for tickets, as `knowledge` does for articles. It knows no HTTP,
//! no command line and no environment.

mod assess;
mod config;
mod decide;
mod drift;
mod duplicates;
mod error;
mod failure;
mod find;
mod forget;
mod head_files;
mod heads;
mod incidents;
mod index;
mod keeper;
mod left_out;
mod losses;
mod mend;
mod models;
mod process;
mod reindex;
mod roster;
mod rows;
mod shadow;
mod submit;
mod sweep;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};

use search::Search;
use store::Store;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

pub use assess::{Assessment, IndexDown};
pub use config::Config;
pub use decide::{Given, decide, routing_request};
pub use drift::Drift;
pub use error::TriageError;
pub use head_files::{IncomingHead, holds_head, install_head, read_head};
pub use heads::{EncoderFolder, HeadError, check_head, head_labels, head_target_precision, same_revision};
pub use index::{Embedded, ensure_tickets, similar_query, stored_vectors};
pub use models::{Models, VersionedHead};
pub use reindex::ReindexProgress;
pub use submit::Submitted;

use drift::Lately;
use index::TICKETS;
use left_out::LeftOut;
use losses::Losses;
use roster::Roster;
use rows::LatestRows;

/// The desk at work: shared by every handler and by the sweeper.
pub struct Triage {
    config: Config,
    store: Store,
    search: Search,
    models: RwLock<Arc<Models>>,
    roster: Roster,
    rows: LatestRows,
    lately: Lately,
    in_flight: Arc<Semaphore>,
    tasks: TaskTracker,
    /// Whether the index has something that is not on disk yet.
    is_index_ahead: AtomicBool,
    /// What the index may lack of the time before this start, or before it was begun anew.
    losses: Losses,
    /// What was decided since without being put in the index.
    left_out: LeftOut,
}

impl Triage {
    /// A desk over these parts; makes sure that the index has its collection.
    ///
    /// An index that is out of reach does not stop the desk: tickets are accepted and come through later.
    ///
    /// **Errors:** the index holds vectors of another length than the encoder's.
    pub async fn open(config: Config, store: Store, search: Search, models: Models) -> Result<Arc<Self>, TriageError> {
        let triage = Triage {
            roster: Roster::new(std::time::Duration::from_millis(config.roster_max_age_ms)),
            rows: LatestRows::default(),
            in_flight: Arc::new(Semaphore::new(config.max_in_flight)),
            tasks: TaskTracker::new(),
            is_index_ahead: AtomicBool::new(false),
            losses: Losses::suspected(),
            left_out: LeftOut::default(),
            config,
            store,
            search,
            models: RwLock::new(Arc::new(models)),
            lately: Lately::default(),
        };
        if let Err(error) = triage.ensure_index().await {
            if error.fault() != search::Fault::Dependency {
                return Err(error.into());
            }
            tracing::warn!(error = %error, "the search index is out of reach; tickets wait for it");
        }
        Ok(Arc::new(triage))
    }

    /// The ticket store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The models in use; whoever holds them keeps them through a switch.
    pub fn models(&self) -> Arc<Models> {
        Arc::clone(&self.models.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the index answers now.
    pub async fn index_answers(&self) -> bool {
        self.search.knows(TICKETS) && self.search.healthy().await.is_ok()
    }

    /// The vectors that the index has of these tickets, where it is known what they are vectors of.
    ///
    /// **Errors:** the index is out of reach.
    pub async fn stored_vectors(&self, tickets: &[uuid::Uuid]) -> Result<Vec<Embedded>, TriageError> {
        Ok(stored_vectors(&self.search, tickets).await?)
    }

    /// Tickets in the index.
    ///
    /// **Errors:** the index is out of reach.
    pub async fn indexed_tickets(&self) -> Result<usize, TriageError> {
        Ok(self.search.count(TICKETS, &search::Filter::default()).await?)
    }

    /// Waits until every triage that has begun is finished; what is left in `received` the next start takes up.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        // Even where nothing is new in it: the next start need not look for what is there.
        if let Err(error) = self.flush_and_remember(store::now()).await {
            tracing::warn!(error = %error.chain(), "the search index could not be written");
        }
    }

    /// Whether the index was not ready before.
    async fn ensure_index(&self) -> Result<bool, search::Error> {
        self.search
            .ensure(&index::collection(self.models().encoder.dimensions()))
            .await
    }
}
