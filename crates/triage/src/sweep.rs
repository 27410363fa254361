//! The sweeper: takes up what a crash, a missing dependency or a full house left in `received`.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::Triage;
use crate::error::TriageError;
use crate::ticks::Ticks;

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

    /// Sweeps until told to stop: at once while there is work, else at the configured interval.
    pub async fn run_sweeper(self: Arc<Self>, stop: impl Future<Output = ()>) {
        let mut ticks = Ticks::new(Duration::from_millis(self.config.sweep_interval_ms.max(1)), stop);
        while ticks.next().await {
            self.sweep_all().await;
        }
    }

    async fn sweep_all(self: &Arc<Self>) {
        loop {
            match self.sweep().await {
                Ok(0) => return,
                Ok(claimed) => tracing::info!(claimed, "the sweeper took up waiting tickets"),
                Err(error) => {
                    tracing::warn!(error = %error.chain(), "the sweeper could not claim tickets");
                    return;
                }
            }
        }
    }
}
