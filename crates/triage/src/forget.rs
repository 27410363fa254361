//! Idempotency keys are kept for as long as a caller may send a request again, and then forgotten.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::Triage;
use crate::ticks::Ticks;

/// How often what is too old is looked for.
const LOOK: Duration = Duration::from_secs(60 * 60);

impl Triage {
    /// Forgets old idempotency keys until told to stop.
    pub async fn run_forgetter(self: Arc<Self>, stop: impl Future<Output = ()>) {
        let mut ticks = Ticks::new(LOOK, stop);
        while ticks.next().await {
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
