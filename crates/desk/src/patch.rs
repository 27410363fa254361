//! What may be changed about a ticket after it came in.

use uuid::Uuid;

use crate::correction::CorrectedField;
use crate::field::{Checks, FieldCode, FieldError, MAX_TAG_CHARS};
use crate::taxonomy::Taxonomy;
use crate::ticket::{Priority, Ticket, TriageState, WorkStatus};

/// A change to a ticket; what is left out stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TicketPatch {
    /// The right category; kept as a correction.
    pub category: Option<String>,
    /// The right priority; kept as a correction.
    pub priority: Option<Priority>,
    /// The right team; kept as a correction.
    pub team_id: Option<Uuid>,
    /// The agent who takes it; `Some(None)` gives it back to the team.
    pub agent_id: Option<Option<Uuid>>,
    /// How far people have come.
    pub status: Option<WorkStatus>,
    /// The tags it has from now on.
    pub tags: Option<Vec<String>>,
}

impl TicketPatch {
    /// Whether the patch changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == TicketPatch::default()
    }

    /// The patch, fit to be applied.
    ///
    /// **Errors:** a category the taxonomy does not have, bad tags, or nothing to change.
    pub fn validate(self, taxonomy: &Taxonomy) -> Result<Self, Vec<FieldError>> {
        let mut checks = Checks::default();
        if self.is_empty() {
            checks.refuse("(body)", FieldCode::Empty, "names nothing to change");
        }
        if let Some(category) = self.category.as_deref() {
            taxonomy.check(&mut checks, "category", category);
        }
        checks.lines("tags", self.tags.as_deref().unwrap_or_default(), MAX_TAG_CHARS);
        checks.finish(self)
    }
}

/// A decided value that a patch puts right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corrected {
    /// Which field.
    pub field: CorrectedField,
    /// The value before; none where triage had abstained.
    pub before: Option<String>,
    /// The value from now on.
    pub after: String,
}

impl TicketPatch {
    /// Changes the ticket's fields and gives back what was put right.
    ///
    /// A new team without an agent takes the ticket from the old team's agent.
    /// A ticket that waited for a person counts as triaged once the person has named, or confirmed,
    /// its category or priority and it has both.
    pub fn apply(&self, ticket: &mut Ticket) -> Vec<Corrected> {
        let corrected = self.corrected(ticket);
        if let Some(category) = &self.category {
            ticket.category = Some(category.clone());
        }
        if let Some(team_id) = self.team_id
            && ticket.team_id != Some(team_id)
        {
            ticket.team_id = Some(team_id);
            ticket.agent_id = None;
        }
        if let Some(tags) = &self.tags {
            ticket.tags = tags.clone();
        }
        ticket.priority = self.priority.or(ticket.priority);
        ticket.agent_id = self.agent_id.unwrap_or(ticket.agent_id);
        ticket.status = self.status.unwrap_or(ticket.status);
        if ticket.state == TriageState::NeedsHuman && self.decides(ticket) {
            ticket.state = TriageState::Triaged;
        }
        corrected
    }

    /// Whether a person has said what triage was unsure of; naming the guess confirms it.
    fn decides(&self, ticket: &Ticket) -> bool {
        let said = self.category.is_some() || self.priority.is_some();
        said && ticket.category.is_some() && ticket.priority.is_some()
    }

    fn corrected(&self, ticket: &Ticket) -> Vec<Corrected> {
        let values = [
            (CorrectedField::Category, ticket.category.clone(), self.category.clone()),
            (
                CorrectedField::Priority,
                ticket.priority.map(|p| p.to_string()),
                self.priority.map(|p| p.to_string()),
            ),
            (
                CorrectedField::Team,
                ticket.team_id.map(|id| id.to_string()),
                self.team_id.map(|id| id.to_string()),
            ),
        ];
        let changed = |(field, before, after): (CorrectedField, Option<String>, Option<String>)| {
            let after = after.filter(|after| before.as_ref() != Some(after))?;
            Some(Corrected { field, before, after })
        };
        values.into_iter().filter_map(changed).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_patch_and_an_unknown_category_are_refused() {
        let taxonomy = Taxonomy::default();
        let errors = TicketPatch::default().validate(&taxonomy).unwrap_err();
        assert_eq!(errors[0].code, FieldCode::Empty);

        let unknown = TicketPatch {
            category: Some("Billing".into()),
            ..TicketPatch::default()
        };
        let errors = unknown.validate(&taxonomy).unwrap_err();
        assert_eq!(
            (errors[0].field.as_str(), errors[0].code),
            ("category", FieldCode::Unknown)
        );
    }
}
