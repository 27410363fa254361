//! The project's own matters are what their datasheet says: told by several people, with near misses, no two families
//! alike.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use training::similarity::near_copies;

const MIN_MATTERS_TOLD_AGAIN: usize = 150;
const MIN_TICKETS: usize = 400;
const MIN_ACROSS_LANGUAGES: usize = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ticket {
    id: String,
    family: String,
    matter: String,
    language: String,
    channel: String,
    sector: String,
    requester: Option<String>,
    account: Option<String>,
    hours: f64,
    subject: String,
    body: String,
}

fn tickets() -> Vec<Ticket> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/matters.jsonl");
    let text = std::fs::read_to_string(path).expect("training/data/matters.jsonl");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn by(tickets: &[Ticket], key: fn(&Ticket) -> &String) -> BTreeMap<&str, Vec<&Ticket>> {
    let mut groups: BTreeMap<&str, Vec<&Ticket>> = BTreeMap::new();
    for ticket in tickets {
        groups.entry(key(ticket)).or_default().push(ticket);
    }
    groups
}

fn different<'a>(tickets: &[&'a Ticket], of: fn(&'a Ticket) -> Option<&'a str>) -> usize {
    tickets
        .iter()
        .filter_map(|ticket| of(ticket))
        .collect::<BTreeSet<_>>()
        .len()
}

#[test]
fn enough_matters_are_told_again_across_customers_and_languages() {
    let tickets = tickets();
    assert!(tickets.len() >= MIN_TICKETS, "{} tickets", tickets.len());
    let matters = by(&tickets, |ticket| &ticket.matter);
    let told_again: Vec<_> = matters.values().filter(|told| told.len() > 1).collect();
    assert!(
        told_again.len() >= MIN_MATTERS_TOLD_AGAIN,
        "{} matters",
        told_again.len()
    );
    let of_several = |of| told_again.iter().filter(|told| different(told, of) > 1).count();
    assert!(of_several(|ticket| ticket.account.as_deref()) > told_again.len() / 3);
    assert!(of_several(|ticket| Some(&ticket.channel)) > told_again.len() / 2);
    assert!(of_several(|ticket| Some(&ticket.language)) >= MIN_ACROSS_LANGUAGES);
    let of_one_person = told_again
        .iter()
        .filter(|told| different(told, |ticket| ticket.requester.as_deref()) == 1);
    assert!(of_one_person.count() > told_again.len() / 5);
}

#[test]
fn every_family_has_a_near_miss() {
    let tickets = tickets();
    for (family, told) in by(&tickets, |ticket| &ticket.family) {
        assert!(different(&told, |ticket| Some(&ticket.matter)) > 1, "{family}");
        assert!(told.iter().all(|ticket| ticket.matter.starts_with(family)), "{family}");
    }
}

#[test]
fn fields_are_those_of_the_datasheet() {
    let tickets = tickets();
    let mut ids = BTreeSet::new();
    for ticket in &tickets {
        assert!(
            ids.insert(&ticket.id) && !ticket.body.is_empty() && !ticket.sector.is_empty(),
            "{}",
            ticket.id
        );
        assert!(["en", "es"].contains(&ticket.language.as_str()), "{}", ticket.id);
        assert!(
            ["chat", "email", "phone", "web"].contains(&ticket.channel.as_str()),
            "{}",
            ticket.id
        );
        assert!(
            ticket.hours >= 0.0 && ticket.requester.is_some() && ticket.account.is_some(),
            "{}",
            ticket.id
        );
    }
}

#[test]
fn no_family_copies_another() {
    let tickets = tickets();
    let texts: Vec<String> = tickets
        .iter()
        .map(|ticket| format!("{} {}", ticket.subject, ticket.body))
        .collect();
    let copies: Vec<String> = near_copies(&texts)
        .into_iter()
        .filter(|&(a, b)| tickets[a].family != tickets[b].family)
        .map(|(a, b)| format!("{}: {:?}\n{}: {:?}", tickets[a].id, texts[a], tickets[b].id, texts[b]))
        .collect();
    assert!(copies.is_empty(), "{}", copies.join("\n\n"));
}
