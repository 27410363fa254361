//! What is compared of a ticket: one person's telling of a matter.

use time::OffsetDateTime;
use uuid::Uuid;

use super::wording::Wording;
use crate::ticket::Ticket;

const SECONDS_PER_DAY: f64 = 86_400.0;

/// One person's telling of a matter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Telling<'a> {
    /// What was written.
    pub wording: &'a Wording,
    /// The person.
    pub contact_id: Option<Uuid>,
    /// The person's address.
    pub email: Option<&'a str>,
    /// The client the person belongs to.
    pub account_id: Option<Uuid>,
    /// When it was written.
    pub at: OffsetDateTime,
}

impl<'a> Telling<'a> {
    /// What is compared of a ticket with this wording.
    pub fn of(ticket: &'a Ticket, wording: &'a Wording) -> Self {
        Telling {
            wording,
            contact_id: ticket.contact_id,
            email: ticket.requester_email.as_deref(),
            account_id: ticket.account_id,
            at: ticket.created_at,
        }
    }
}

impl Telling<'_> {
    /// Whether it is known who wrote it.
    pub(super) fn has_requester(&self) -> bool {
        self.contact_id.is_some() || self.email.is_some()
    }

    pub(super) fn is_same_requester(&self, other: &Telling<'_>) -> bool {
        let same_contact = self.contact_id.is_some() && self.contact_id == other.contact_id;
        let same_address = match (self.email, other.email) {
            (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
            _ => false,
        };
        same_contact || same_address
    }

    pub(super) fn is_same_account(&self, other: &Telling<'_>) -> bool {
        self.account_id.is_some() && self.account_id == other.account_id
    }

    pub(super) fn days_from(&self, other: &Telling<'_>) -> f64 {
        (self.at - other.at).abs().as_seconds_f64() / SECONDS_PER_DAY
    }
}
