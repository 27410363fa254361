//! Idempotency keys are kept for as long as a caller may send a request again, and then forgotten.

use crate::Triage;
use crate::error::TriageError;

impl Triage {
    /// Forgets idempotency keys that are too old; how many there were.
    ///
    /// **Errors:** the store is out of reach.
    pub async fn forget_keys(&self) -> Result<u64, TriageError> {
        let before = store::now() - self.config.keys_kept();
        Ok(self.store.forget_idempotency_keys(before).await?)
    }
}
