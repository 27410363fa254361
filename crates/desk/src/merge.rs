//! Which tickets may be merged: the rules, pure. A merged ticket closes and is read with its survivor.

use crate::field::{FieldCode, FieldError};
use crate::ticket::{Ticket, TriageState, WorkStatus};

/// Whether `ticket` may be merged into `survivor`.
///
/// A survivor that is itself merged is refused rather than followed: the agent sees which ticket the conversation
/// really goes to. So a merged ticket always hangs under one that stood alone, and no circle can come to be.
///
/// **Errors:** every reason against it; `id` names the ticket, `into` the survivor.
pub fn check_merge(ticket: &Ticket, survivor: &Ticket) -> Result<(), Vec<FieldError>> {
    let mut faults = Vec::new();
    let mut refuse = |field: &str, message: &str| faults.push(FieldError::new(field, FieldCode::Refused, message));
    if ticket.merged_into.is_some() {
        refuse("id", "is merged already; unmerge it first");
    }
    if ticket.state == TriageState::Received {
        refuse("id", "is still being triaged");
    }
    if survivor.id == ticket.id {
        refuse("into", "is the ticket itself");
    } else if survivor.merged_into.is_some() {
        refuse("into", "is merged itself; name the ticket it was merged into");
    } else if survivor.state == TriageState::Received {
        refuse("into", "is still being triaged");
    } else if survivor.status == WorkStatus::Closed {
        refuse("into", "is closed; open it first");
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Whether the ticket may be changed for itself.
///
/// **Errors:** it is merged; what it was must come back as it was when it is unmerged.
pub fn check_not_merged(ticket: &Ticket) -> Result<(), FieldError> {
    let message = "the ticket is merged; change the one it was merged into, or unmerge it first";
    match ticket.merged_into {
        Some(_) => Err(FieldError::new("id", FieldCode::Refused, message)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;
    use crate::ticket::Channel;

    fn ticket(number: i64) -> Ticket {
        Ticket {
            id: Uuid::from_u128(number as u128),
            number,
            source: String::new(),
            external_id: None,
            channel: Channel::Web,
            subject: String::new(),
            body: "The till does not sync".to_owned(),
            account_id: None,
            contact_id: None,
            requester_email: None,
            requester_name: None,
            tags: Vec::new(),
            language: None,
            state: TriageState::Triaged,
            status: WorkStatus::Open,
            category: None,
            priority: None,
            team_id: None,
            agent_id: None,
            merged_into: None,
            version: 1,
            attempts: 0,
            last_error: None,
            next_attempt_at: None,
            created_at: OffsetDateTime::UNIX_EPOCH,
            updated_at: OffsetDateTime::UNIX_EPOCH,
            triaged_at: None,
        }
    }

    fn refused(ticket: &Ticket, survivor: &Ticket) -> Vec<String> {
        let faults = check_merge(ticket, survivor).err().unwrap_or_default();
        faults.into_iter().map(|fault| fault.field).collect()
    }

    fn with(change: impl FnOnce(&mut Ticket), number: i64) -> Ticket {
        let mut changed = ticket(number);
        change(&mut changed);
        changed
    }

    #[test]
    fn tickets_that_stand_alone_are_merged() {
        assert_eq!(check_merge(&ticket(2), &ticket(1)), Ok(()));
        let solved = with(|ticket| ticket.status = WorkStatus::Solved, 2);
        assert_eq!(check_merge(&solved, &ticket(1)), Ok(()));
        assert_eq!(check_not_merged(&ticket(1)), Ok(()));
    }

    #[test]
    fn a_merge_confirms_no_label() {
        let closed = with(|ticket| ticket.status = WorkStatus::Closed, 1);
        assert!(closed.is_settled() && !ticket(1).is_settled());
        let merged = Ticket {
            merged_into: Some(Uuid::from_u128(9)),
            ..closed
        };
        assert!(!merged.is_settled());
    }

    #[test]
    fn every_reason_against_a_merge_is_named() {
        let merged = |number| with(|ticket| ticket.merged_into = Some(Uuid::from_u128(9)), number);
        let waiting = |number| with(|ticket| ticket.state = TriageState::Received, number);
        let closed = with(|ticket| ticket.status = WorkStatus::Closed, 1);
        assert_eq!(refused(&ticket(1), &ticket(1)), ["into"]);
        assert_eq!(refused(&merged(2), &ticket(1)), ["id"]);
        assert_eq!(refused(&ticket(2), &merged(1)), ["into"]);
        assert_eq!(refused(&merged(2), &merged(1)), ["id", "into"]);
        assert_eq!(refused(&waiting(2), &ticket(1)), ["id"]);
        assert_eq!(refused(&ticket(2), &waiting(1)), ["into"]);
        assert_eq!(refused(&ticket(2), &closed), ["into"]);
        assert!(check_not_merged(&merged(1)).is_err());
    }
}
