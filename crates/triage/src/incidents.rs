//! Tickets of several customers that are probably one incident.

use desk::IncidentSuggestion;
use time::OffsetDateTime;

use crate::Triage;
use crate::error::TriageError;

/// Open tickets looked at, the last arrived first.
const OPEN_TICKETS: u32 = 2_000;

impl Triage {
    /// The groups of open tickets written since a time that triage linked as the same matter and at least
    /// `min_reporters` customers wrote, the one with the most customers first. At most 2,000 tickets are looked at.
    ///
    /// **Errors:** the store is out of reach.
    pub async fn suggest_incidents(
        &self,
        since: OffsetDateTime,
        min_reporters: usize,
    ) -> Result<Vec<IncidentSuggestion>, TriageError> {
        let reports = self.store.open_reports_since(since, OPEN_TICKETS).await?;
        Ok(desk::suggest_incidents(reports, min_reporters))
    }
}
