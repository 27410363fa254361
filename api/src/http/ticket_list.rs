//! Which tickets a list shows.

use desk::Taxonomy;
use desk::field::{MAX_NAME_CHARS, MAX_TAG_CHARS};
use serde::Deserialize;
use store::{PageRequest, TicketFilter};
use utoipa::IntoParams;

use crate::http::problem::{BadField, Problem};
use crate::http::query::{PageParams, at_most, language, read, refuse_faults, uuid, word};
use crate::http::words;

/// Filters of a list of tickets; all given ones must hold.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct TicketParams {
    /// How far triage has come.
    #[param(value_type = Option<words::TriageState>)]
    state: Option<String>,
    /// How far people have come.
    #[param(value_type = Option<words::WorkStatus>)]
    status: Option<String>,
    /// A category of the desk.
    category: Option<String>,
    /// How soon it needs someone.
    #[param(value_type = Option<words::Priority>)]
    priority: Option<String>,
    /// The team that answers it.
    #[param(value_type = Option<uuid::Uuid>)]
    team_id: Option<String>,
    /// The agent who answers it.
    #[param(value_type = Option<uuid::Uuid>)]
    agent_id: Option<String>,
    /// The client it belongs to.
    #[param(value_type = Option<uuid::Uuid>)]
    account_id: Option<String>,
    /// The person who wrote it.
    #[param(value_type = Option<uuid::Uuid>)]
    contact_id: Option<String>,
    /// The ticket it was merged into.
    #[param(value_type = Option<uuid::Uuid>)]
    merged_into: Option<String>,
    /// Detected language.
    language: Option<String>,
    /// A tag it has.
    tag: Option<String>,
    /// Its id in the system it comes from.
    external_id: Option<String>,
    /// Rows wanted, 1 to 200; 50 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl TicketParams {
    /// Filter and page.
    ///
    /// **Errors:** every parameter that does not fit.
    pub fn parse(self, taxonomy: &Taxonomy) -> Result<(TicketFilter, PageRequest), Problem> {
        let mut faults: Vec<BadField> = Vec::new();
        let category = |label: &str| match taxonomy.contains(label) {
            true => Ok(label.to_owned()),
            false => Err(format!(
                "is none of the categories {}",
                taxonomy.labels().collect::<Vec<_>>().join(", ")
            )),
        };
        let filter = TicketFilter {
            state: read("state", self.state, &mut faults, word),
            status: read("status", self.status, &mut faults, word),
            category: read("category", self.category, &mut faults, category),
            priority: read("priority", self.priority, &mut faults, word),
            team_id: read("team_id", self.team_id, &mut faults, uuid),
            agent_id: read("agent_id", self.agent_id, &mut faults, uuid),
            account_id: read("account_id", self.account_id, &mut faults, uuid),
            contact_id: read("contact_id", self.contact_id, &mut faults, uuid),
            merged_into: read("merged_into", self.merged_into, &mut faults, uuid),
            language: read("language", self.language, &mut faults, language),
            tag: read("tag", self.tag, &mut faults, at_most(MAX_TAG_CHARS)),
            external_id: read("external_id", self.external_id, &mut faults, at_most(MAX_NAME_CHARS)),
            ..TicketFilter::default()
        };
        let page = PageParams {
            limit: self.limit,
            cursor: self.cursor,
        }
        .page(&mut faults);
        refuse_faults(faults)?;
        Ok((filter, page))
    }
}
