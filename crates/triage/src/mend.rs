//! The tickets' index, opened once it can be, and begun anew when its folder was deleted under the running desk.

use crate::Triage;
use crate::error::TriageError;

impl Triage {
    /// Opens the index where that was not possible before, and makes an empty one where its files have vanished; the
    /// keeper then adds what it lacks. Whether either was needed.
    ///
    /// **Errors:** no index can be opened or made.
    pub async fn mend_index(&self) -> Result<bool, TriageError> {
        let is_new = self.ensure_index().await?;
        if is_new {
            tracing::warn!("the tickets' index was out of reach or gone; what it lacks is added");
            self.losses.note();
        }
        Ok(is_new)
    }
}
