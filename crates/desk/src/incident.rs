//! Which open tickets look like one incident: several customers reporting one thing. Pure.

mod record;

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use crate::duplicate::Duplicate;
use crate::ticket::Ticket;

pub use record::{
    Incident, IncidentState, IncidentWithTickets, MAX_INCIDENT_TICKETS, NewIncident, check_incident_closed,
    check_incident_open, check_incident_tickets, incident_reply,
};

/// A ticket with what triage found to be probably the same matter.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The ticket.
    pub ticket: Ticket,
    /// Its duplicates; those not flagged link nothing.
    pub duplicates: Vec<Duplicate>,
    /// The open incident it is in.
    pub incident: Option<Uuid>,
}

/// Tickets of several customers that are probably about one thing.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentSuggestion {
    /// The tickets that are in no open incident yet, oldest first.
    pub tickets: Vec<Ticket>,
    /// The open incident about the same thing, to which they may be added.
    pub incident: Option<Uuid>,
    /// How many customers wrote them and the incident's, as told apart by [`reporters`].
    pub reporters: usize,
    /// Why they are together.
    pub links: Vec<IncidentLink>,
}

/// Two tickets of an incident that were flagged as the same matter.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentLink {
    /// The later number of the two.
    pub number: i64,
    /// The ticket it was flagged with.
    pub other_number: i64,
    /// Of being the same matter. **Units:** 0 to 1.
    pub probability: f64,
    /// What the two share, in words.
    pub reasons: Vec<String>,
}

/// The groups of tickets that are linked by flagged duplicates, directly or over others, and were written by at least
/// `min_reporters` customers; the one with the most customers first, then the one that began first.
///
/// Tickets of an open incident are not offered again; what is linked to them is offered to that incident, whoever
/// wrote it.
///
/// A link to a ticket that is not among the reports links nothing.
pub fn suggest_incidents(reports: Vec<Report>, min_reporters: usize) -> Vec<IncidentSuggestion> {
    let group_of = groups(&reports);
    let mut grouped: BTreeMap<usize, Vec<Report>> = BTreeMap::new();
    for (report, group) in reports.into_iter().zip(group_of) {
        grouped.entry(group).or_default().push(report);
    }
    let mut suggestions: Vec<_> = grouped.into_values().map(suggestion).collect();
    suggestions.retain(|suggestion| is_offered(suggestion, min_reporters));
    suggestions.sort_by_key(|suggestion| {
        let first = suggestion.tickets.first().map(|ticket| ticket.number);
        (std::cmp::Reverse(suggestion.reporters), first)
    });
    suggestions
}

fn is_offered(suggestion: &IncidentSuggestion, min_reporters: usize) -> bool {
    match suggestion.incident {
        Some(_) => !suggestion.tickets.is_empty(),
        None => suggestion.tickets.len() > 1 && suggestion.reporters >= min_reporters,
    }
}

/// How many customers wrote these tickets: told apart by client, else by address, else by contact. A ticket that
/// names none of them counts for nobody.
pub fn reporters<'a>(tickets: impl IntoIterator<Item = &'a Ticket>) -> usize {
    let reporter = |ticket: &Ticket| {
        let client = ticket.account_id.map(|id| id.to_string());
        let address = || ticket.requester_email.as_deref().map(str::to_lowercase);
        let contact = || ticket.contact_id.map(|id| id.to_string());
        client.or_else(address).or_else(contact)
    };
    tickets.into_iter().filter_map(reporter).collect::<HashSet<_>>().len()
}

/// The group of each report; linked reports are in one.
fn groups(reports: &[Report]) -> Vec<usize> {
    let position = |(at, report): (usize, &Report)| (report.ticket.id, at);
    let positions: HashMap<Uuid, usize> = reports.iter().enumerate().map(position).collect();
    let mut parents: Vec<usize> = (0..reports.len()).collect();
    for (at, report) in reports.iter().enumerate() {
        let flagged = report.duplicates.iter().filter(|duplicate| duplicate.flagged);
        for other in flagged.filter_map(|duplicate| positions.get(&duplicate.ticket_id)) {
            let (one, two) = (root(&parents, at), root(&parents, *other));
            parents[one.max(two)] = one.min(two);
        }
    }
    (0..reports.len()).map(|at| root(&parents, at)).collect()
}

fn root(parents: &[usize], mut at: usize) -> usize {
    while parents[at] != at {
        at = parents[at];
    }
    at
}

fn suggestion(mut reports: Vec<Report>) -> IncidentSuggestion {
    reports.sort_by_key(|report| report.ticket.number);
    let links = links(&reports);
    IncidentSuggestion {
        reporters: reporters(reports.iter().map(|report| &report.ticket)),
        incident: reports.iter().find_map(|report| report.incident),
        tickets: reports
            .into_iter()
            .filter(|report| report.incident.is_none())
            .map(|report| report.ticket)
            .collect(),
        links,
    }
}

fn links(reports: &[Report]) -> Vec<IncidentLink> {
    let ids: HashSet<Uuid> = reports.iter().map(|report| report.ticket.id).collect();
    let of_report = |report: &Report| {
        let number = report.ticket.number;
        let within = |duplicate: &&Duplicate| duplicate.flagged && ids.contains(&duplicate.ticket_id);
        let link = |duplicate: &Duplicate| IncidentLink {
            number: number.max(duplicate.number),
            other_number: number.min(duplicate.number),
            probability: duplicate.probability,
            reasons: duplicate.reasons.clone(),
        };
        report.duplicates.iter().filter(within).map(link).collect::<Vec<_>>()
    };
    reports.iter().flat_map(of_report).collect()
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::ticket::{Channel, TriageState, WorkStatus};

    fn id(number: i64) -> Uuid {
        Uuid::from_u128(number as u128)
    }

    fn report(number: i64, email: Option<&str>, flagged: &[i64], unflagged: &[i64]) -> Report {
        let duplicate = |number: i64, flagged: bool| Duplicate {
            ticket_id: id(number),
            number,
            flagged,
            probability: if flagged { 0.95 } else { 0.2 },
            reasons: vec!["Both name sync-5031.".to_owned()],
        };
        let with = |numbers: &[i64], flag| {
            numbers
                .iter()
                .map(|&number| duplicate(number, flag))
                .collect::<Vec<_>>()
        };
        Report {
            ticket: ticket(number, email),
            duplicates: [with(flagged, true), with(unflagged, false)].concat(),
            incident: None,
        }
    }

    fn ticket(number: i64, email: Option<&str>) -> Ticket {
        Ticket {
            id: id(number),
            number,
            source: String::new(),
            external_id: None,
            channel: Channel::Web,
            subject: String::new(),
            body: String::new(),
            account_id: None,
            contact_id: None,
            requester_email: email.map(str::to_owned),
            requester_name: None,
            tags: Vec::new(),
            language: None,
            state: TriageState::Triaged,
            status: WorkStatus::Open,
            category: None,
            priority: None,
            team_id: None,
            agent_id: None,
            version: 1,
            attempts: 0,
            last_error: None,
            next_attempt_at: None,
            created_at: OffsetDateTime::UNIX_EPOCH,
            updated_at: OffsetDateTime::UNIX_EPOCH,
            triaged_at: None,
            merged_into: None,
        }
    }

    fn numbers(reports: Vec<Report>, min_reporters: usize) -> Vec<Vec<i64>> {
        let of = |found: &IncidentSuggestion| found.tickets.iter().map(|ticket| ticket.number).collect();
        suggest_incidents(reports, min_reporters).iter().map(of).collect()
    }

    #[test]
    fn linked_tickets_of_enough_customers_are_one_incident() {
        let reports = || {
            vec![
                report(5, Some("e@five.example"), &[], &[]),
                report(4, Some("d@four.example"), &[2], &[5]),
                report(3, Some("c@three.example"), &[2, 1], &[]),
                report(2, Some("b@two.example"), &[1], &[]),
                report(1, Some("a@one.example"), &[], &[]),
            ]
        };
        assert_eq!(numbers(reports(), 3), [[1, 2, 3, 4]]);
        assert!(numbers(reports(), 5).is_empty());
        let found = suggest_incidents(reports(), 3);
        assert_eq!(found[0].reporters, 4);
        let links: Vec<_> = found[0]
            .links
            .iter()
            .map(|link| (link.number, link.other_number))
            .collect();
        assert_eq!(links, [(2, 1), (3, 2), (3, 1), (4, 2)]);
    }

    #[test]
    fn what_belongs_to_an_open_incident_is_offered_to_it() {
        let mut reports = vec![
            report(1, Some("a@one.example"), &[], &[]),
            report(2, Some("b@two.example"), &[1], &[]),
            report(3, Some("a@one.example"), &[2], &[]),
        ];
        reports[0].incident = Some(id(9));
        reports[1].incident = Some(id(9));
        assert!(numbers(reports[..2].to_vec(), 2).is_empty());
        let found = suggest_incidents(reports.clone(), 3);
        assert_eq!((found[0].incident, found[0].reporters), (Some(id(9)), 2));
        assert_eq!(numbers(reports, 3), [[3]]);
    }

    #[test]
    fn one_customer_writing_often_is_no_incident() {
        let often = vec![
            report(1, Some("a@one.example"), &[], &[]),
            report(2, Some("A@one.example"), &[1], &[]),
            report(3, None, &[1], &[]),
        ];
        assert!(numbers(often.clone(), 2).is_empty());
        assert_eq!(numbers(often, 1), [[1, 2, 3]]);
    }

    #[test]
    fn colleagues_of_one_client_are_one_customer() {
        let mut colleagues = [ticket(1, Some("a@one.example")), ticket(2, Some("b@one.example"))];
        assert_eq!(reporters(&colleagues), 2);
        for colleague in &mut colleagues {
            colleague.account_id = Some(id(7));
        }
        assert_eq!(reporters(&colleagues), 1);
    }

    #[test]
    fn a_link_to_a_ticket_that_is_not_looked_at_links_nothing() {
        let apart = vec![
            report(8, Some("a@one.example"), &[1], &[]),
            report(9, Some("b@two.example"), &[1], &[]),
        ];
        assert!(numbers(apart, 1).is_empty());
        assert!(numbers(Vec::new(), 1).is_empty());
    }

    #[test]
    fn the_widest_incident_comes_first() {
        let reports = vec![
            report(1, Some("a@one.example"), &[], &[]),
            report(2, Some("b@two.example"), &[1], &[]),
            report(3, Some("a@one.example"), &[], &[]),
            report(4, Some("b@two.example"), &[3], &[]),
            report(5, Some("c@three.example"), &[4], &[]),
        ];
        assert_eq!(numbers(reports, 2), [vec![3, 4, 5], vec![1, 2]]);
    }
}
