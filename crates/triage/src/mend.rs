//! The tickets' index, begun anew when its folder was deleted under the running desk.

use std::sync::atomic::Ordering;

use crate::Triage;
use crate::error::TriageError;
use crate::index::TICKETS;

impl Triage {
    /// Makes an empty index where the files of the tickets' index have vanished, which the keeper then fills; whether
    /// they had.
    ///
    /// **Errors:** no index can be made.
    pub async fn mend_index(&self) -> Result<bool, TriageError> {
        match self.search.healthy().await {
            Err(search::Error::FolderGone { collection, .. }) if collection == TICKETS => {}
            _ => return Ok(false),
        }
        tracing::warn!("the folder of the tickets' index is gone; it is filled anew");
        self.ensure_index().await?;
        self.is_index_whole.store(false, Ordering::Release);
        Ok(true)
    }
}
