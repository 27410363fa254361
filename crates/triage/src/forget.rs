//! Idempotency keys are kept for as long as a caller may send a request again, and then forgotten.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::Triage;

/// How often what is too old is looked for.
const LOOK: Duration = Duration::from_secs(60 * 60);

impl Triage {
    /// Forgets old idempotency keys until told to stop.
    pub async fn run_forgetter(self: Arc<Self>, stop: impl Future<Output = ()>) {
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = tick.tick() => {}
            }
            match self
                .store
                .forget_idempotency_keys(store::now() - self.config.keys_kept())
                .await
            {
                Ok(0) => {}
                Ok(keys) => tracing::info!(keys, "old idempotency keys are forgotten"),
                Err(error) => tracing::warn!(error = %error, "old idempotency keys are forgotten later"),
            }
        }
    }
}
