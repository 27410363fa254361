//! The store itself: what all its methods share.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::change_count::ChangeCount;
use crate::config::StoreConfig;
use crate::database::Database;
use crate::error::{StoreError, failed};
use crate::settings;
use crate::sql::Sql;
use crate::writer::{self, Write};

/// A handle to the desk's rows; cheap to clone, shared by every part of a server.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    database: Database,
    writes: mpsc::Sender<Write>,
    cursor_key: String,
    changes: ChangeCount,
}

impl Store {
    /// Opens the database, brings its tables up to date and starts the writer.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// **Errors:** `UnsupportedUrl`, `Unreachable`, `ReadOnly`, `DiskFull`, `Migrate`.
    pub async fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        let database = Database::open(config).await?;
        let cursor_key = settings::cursor_key(&database).await?;
        let (writes, inbox) = mpsc::channel(config.queue_writes.max(1));
        tokio::spawn(writer::run(database.clone(), inbox, config.group_writes.max(1)));
        Ok(Store {
            inner: Arc::new(Inner {
                database,
                writes,
                cursor_key,
                changes: ChangeCount::default(),
            }),
        })
    }

    /// Whether the database answers.
    ///
    /// **Errors:** `Unreachable` and its like.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut reader = self.database().reader().await?;
        let row = Sql::new("SELECT 1", []).optional(&mut reader).await;
        row.map(|_| ()).map_err(failed("ping the database"))
    }

    /// Finishes every accepted write and lets the database go.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.inner.writes.send(Write::Close(done)).await.is_ok() {
            // An error means that the writer has ended already, which is what is wanted.
            let _ended = closed.await;
        }
        self.inner.database.close().await;
    }

    /// Whether several servers, each with a data folder of its own, may write to the database.
    pub fn is_shared(&self) -> bool {
        self.database().dialect.is_shared()
    }

    pub(crate) fn database(&self) -> &Database {
        &self.inner.database
    }

    pub(crate) fn cursor_key(&self) -> &str {
        &self.inner.cursor_key
    }

    pub(crate) fn changes(&self) -> &ChangeCount {
        &self.inner.changes
    }

    /// Hands a write to the writer, refusing when too many wait.
    pub(crate) fn offer(&self, write: Write) -> Result<(), StoreError> {
        self.inner.writes.try_send(write).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::QueueFull,
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })
    }

    /// Hands a write to the writer, waiting for room.
    pub(crate) async fn hand_over(&self, write: Write) -> Result<(), StoreError> {
        self.inner.writes.send(write).await.map_err(|_| StoreError::Closed)
    }
}
