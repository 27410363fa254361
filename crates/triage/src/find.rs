//! Tickets looked for by what they say.

use std::collections::HashSet;

use desk::Neighbour;
use encoder::Side;
use search::{Condition, Filter, Query};
use uuid::Uuid;

use crate::Triage;
use crate::error::TriageError;
use crate::index::{self, TICKETS};
use crate::rows::{Row, Rows};

impl Triage {
    /// The tickets most like a text, best first, at most `limit`, a merged one as the one it was merged into; only in
    /// `language` where one is given.
    ///
    /// **Errors:** the encoder is busy or down, or the index or the store is.
    pub async fn find_tickets(
        &self,
        text: &str,
        language: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Neighbour>, TriageError> {
        let embedded = self.models().encoder.embed(vec![text.to_owned()], Side::Query).await?;
        let query = Query {
            vector: embedded.into_iter().next(),
            text: Some(text.to_owned()),
            language: language::detect(text).map(str::to_owned),
            filter: Filter::all(
                language
                    .map(|code| Condition::is("language", search::primary_language(code).as_ref()))
                    .into_iter()
                    .collect::<Vec<_>>(),
            ),
            limit,
            ..Query::default()
        };
        let hits = self.search.nearest(TICKETS, &query).await?;
        let found: Vec<Neighbour> = hits.into_iter().map(index::neighbour).collect();
        let rows = self.rows(found.iter().map(|neighbour| neighbour.ticket_id)).await?;
        self.with_survivors(found, &rows, None).await
    }

    /// The neighbours, each merged ticket replaced by the one it was merged into, each once; `own_id` and what was merged
    /// into it are left out. Categories are those of the rows, which are newer than the index's.
    ///
    /// **Errors:** the store is out of reach.
    pub(crate) async fn with_survivors(
        &self,
        found: Vec<Neighbour>,
        rows: &Rows,
        own_id: Option<Uuid>,
    ) -> Result<Vec<Neighbour>, TriageError> {
        let mut seen: HashSet<Uuid> = own_id.into_iter().collect();
        let mut kept = Vec::with_capacity(found.len());
        for mut neighbour in found {
            let row = rows.get(&neighbour.ticket_id);
            if let Some(category) = row.and_then(Row::category) {
                neighbour.category = Some(category.to_owned());
            }
            if let Some(merged) = row.filter(|row| row.is_merged()) {
                let survivor = self.store.survivor_of(merged.told().0.clone()).await?;
                neighbour.ticket_id = survivor.id;
                neighbour.number = Some(survivor.number);
                neighbour.subject = index::shown_subject(&survivor);
                neighbour.category = survivor.category;
            }
            if seen.insert(neighbour.ticket_id) {
                kept.push(neighbour);
            }
        }
        Ok(kept)
    }
}
