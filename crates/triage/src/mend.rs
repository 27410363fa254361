//! The tickets' index, built anew when its folder was deleted under the running desk.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::Triage;
use crate::error::TriageError;
use crate::index::TICKETS;
use crate::ticks::Ticks;

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_secs(1);

impl Triage {
    /// Builds the tickets' index anew where its files have vanished; whether they had.
    ///
    /// **Errors:** as of [`Triage::reindex`].
    pub async fn mend_index(&self) -> Result<bool, TriageError> {
        match self.search.healthy().await {
            Err(search::Error::FolderGone { collection, .. }) if collection == TICKETS => {}
            _ => return Ok(false),
        }
        tracing::warn!("the folder of the tickets' index is gone; it is built anew");
        self.ensure_index().await?;
        self.reindex(|_| {}).await?;
        Ok(true)
    }

    /// Looks after the index until told to stop.
    pub async fn run_mender(self: Arc<Self>, stop: impl Future<Output = ()>) {
        let mut ticks = Ticks::new(LOOK, stop);
        while ticks.next().await {
            if let Err(error) = self.mend_index().await {
                tracing::warn!(error = %error.chain(), "the tickets' index could not be built anew");
            }
        }
    }
}
