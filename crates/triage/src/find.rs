//! Tickets looked for by what they say.

use desk::Neighbour;
use encoder::Side;
use search::{Condition, Filter, Query};

use crate::Triage;
use crate::error::TriageError;
use crate::index::{self, TICKETS};

impl Triage {
    /// The tickets most like a text, best first, at most `limit`; only in `language` where one is given.
    ///
    /// **Errors:** the encoder is busy or down, or the index is.
    pub async fn find_tickets(
        &self,
        text: &str,
        language: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Neighbour>, TriageError> {
        let embedded = self.models.encoder.embed(vec![text.to_owned()], Side::Query).await?;
        let query = Query {
            vector: embedded.into_iter().next(),
            text: Some(text.to_owned()),
            language: language::detect(text).map(str::to_owned),
            filter: Filter::all(
                language
                    .map(|code| Condition::is("language", code))
                    .into_iter()
                    .collect::<Vec<_>>(),
            ),
            limit,
            ..Query::default()
        };
        let hits = self.search.nearest(TICKETS, &query).await?;
        Ok(hits.into_iter().map(index::neighbour).collect())
    }
}
