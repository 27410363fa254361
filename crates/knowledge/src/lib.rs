//! The knowledge base: articles are kept, cut into passages, indexed, and found by those who may read them.
//!
//! This crate joins the store, the encoder and the index for articles, as `triage` does for tickets. It knows no HTTP,
//! no command line and no environment. The store is the only truth: whatever the index says, a passage is shown only
//! as its row allows.

mod anonymous;
mod answerability;
mod config;
mod cut;
mod diff;
mod embed;
mod error;
mod evidence;
mod find;
pub mod import;
mod index;
mod indexing;
mod instant;
pub mod markdown;
mod recent;
mod search_log;
mod span;
mod titles;
mod typed;
mod write;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use encoder::Encoder;
use search::Search;
use store::Store;
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;

use crate::instant::KnownTitles;
use crate::recent::Recent;
use crate::search_log::SearchLog;

pub use answerability::{Answerability, Weights};
pub use config::Config;
pub use diff::{Change, Line, diff};
pub use error::KnowledgeError;
pub use evidence::{EVIDENCE, Evidence, SPEAKS_FOR};
pub use find::{Answer, Best, Found, MAX_LIMIT, Question};
pub use import::Imported;
pub use instant::{InstantHit, Likeness};
pub use span::Span;

/// The knowledge base at work: shared by every handler.
pub struct Knowledge {
    config: Config,
    store: Store,
    search: Search,
    encoder: Encoder,
    /// Reads Spanish by the glossary: for texts compared with each other, never for the index.
    glossary_encoder: Encoder,
    answerability: Answerability,
    recent: Recent,
    titles: KnownTitles,
    log: SearchLog,
    /// Held while the index is written, so that an older version never overwrites a newer one.
    indexing: Mutex<()>,
    /// Whether an index is being built beside the one that serves.
    is_building: AtomicBool,
    tasks: TaskTracker,
}

impl Knowledge {
    /// A knowledge base over these parts; makes sure that the index has its collection.
    ///
    /// An index that is out of reach stops nothing: articles are kept and indexed when it is back.
    ///
    /// **Errors:** the index holds vectors of another length than the encoder's.
    pub async fn open(
        config: Config,
        store: Store,
        search: Search,
        encoder: Encoder,
        answerability: Answerability,
    ) -> Result<Arc<Self>, KnowledgeError> {
        let knowledge = Knowledge {
            recent: Recent::new(config.recent_answers, config.recent()),
            titles: KnownTitles::default(),
            log: SearchLog::start(store.clone()),
            config,
            store,
            search,
            // By the glossary an article would be as near to a question as its twin in the asker's language.
            encoder: encoder.verbatim(),
            glossary_encoder: encoder,
            answerability,
            indexing: Mutex::new(()),
            is_building: AtomicBool::new(false),
            tasks: TaskTracker::new(),
        };
        if let Err(error) = knowledge.ensure_index().await {
            if error.fault() != search::Fault::Dependency {
                return Err(error.into());
            }
            tracing::warn!(error = %error, "the search index is out of reach; articles wait for it");
        }
        Ok(Arc::new(knowledge))
    }

    /// Waits until everything that has begun is finished; the next start takes up the rest.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.log.flush().await;
    }

    async fn ensure_index(&self) -> Result<(), search::Error> {
        let spec = index::collection(self.encoder.dimensions());
        self.search.ensure(&spec).await.map(drop)
    }
}
