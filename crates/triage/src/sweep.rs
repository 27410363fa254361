//! The sweeper: takes up what a crash, a missing dependency or a full house left in `received`.

use std::sync::Arc;

use crate::Triage;
use crate::error::TriageError;

impl Triage {
    /// Claims tickets that wait and triages them; how many there were.
    ///
    /// **Errors:** the store is out of reach. A ticket that fails is written down and tried again later.
    pub async fn sweep(self: &Arc<Self>) -> Result<usize, TriageError> {
        let waiting = self
            .store
            .claim_waiting(self.config.sweep_batch, store::now(), self.config.lease())
            .await?;
        let claimed = waiting.len();
        let attempts = waiting.into_iter().map(|ticket| {
            let desk = Arc::clone(self);
            self.tasks.spawn(async move { desk.process(ticket).await })
        });
        for attempt in attempts.collect::<Vec<_>>() {
            // An attempt that came to nothing, by a panic too, is in its ticket's row.
            let _ = attempt.await;
        }
        Ok(claimed)
    }
}
