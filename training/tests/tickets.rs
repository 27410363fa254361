//! The project's own tickets are what their datasheet says: enough of them, in two languages, labelled by the taxonomy,
//! no two alike.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use classifier::words::words;
use serde::Deserialize;
use training::similarity::near_copies;

const CATEGORIES: [&str; 11] = [
    "account_access",
    "billing_payment",
    "cancellation",
    "complaint_feedback",
    "feature_request",
    "how_to",
    "onboarding_training",
    "orders_delivery",
    "other",
    "security_privacy",
    "technical_problem",
];
const PRIORITIES: [&str; 4] = ["high", "low", "normal", "urgent"];
const TONES: [&str; 3] = ["negative", "neutral", "positive"];
const CHANNELS: [&str; 4] = ["chat", "email", "phone", "web"];
const MIN_TICKETS: usize = 1_000;
const SPANISH_SHARE: std::ops::RangeInclusive<f64> = 0.25..=0.35;
const WORDS: std::ops::RangeInclusive<usize> = 1..=230;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ticket {
    id: String,
    language: String,
    subject: String,
    body: String,
    category: String,
    priority: String,
    tone: String,
    channel: String,
    sector: String,
}

fn tickets() -> Vec<Ticket> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/tickets.jsonl");
    let text = std::fs::read_to_string(path).expect("training/data/tickets.jsonl");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn values(tickets: &[Ticket], field: fn(&Ticket) -> &String) -> Vec<&str> {
    tickets.iter().map(|ticket| field(ticket).as_str()).collect()
}

fn check_labels(values: &[&str], expect: &[&str]) {
    let found: BTreeSet<&str> = values.iter().copied().collect();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), expect);
}

#[test]
fn there_are_enough_in_two_languages() {
    let tickets = tickets();
    assert!(tickets.len() >= MIN_TICKETS, "{} tickets", tickets.len());
    let languages = values(&tickets, |ticket| &ticket.language);
    check_labels(&languages, &["en", "es"]);
    let spanish = languages.iter().filter(|language| **language == "es").count() as f64 / tickets.len() as f64;
    assert!(
        SPANISH_SHARE.contains(&spanish),
        "{spanish:.2} of the tickets are Spanish"
    );
}

#[test]
fn labels_are_those_of_the_taxonomy_and_all_of_them_occur() {
    let tickets = tickets();
    check_labels(&values(&tickets, |ticket| &ticket.category), &CATEGORIES);
    check_labels(&values(&tickets, |ticket| &ticket.priority), &PRIORITIES);
    check_labels(&values(&tickets, |ticket| &ticket.tone), &TONES);
    check_labels(&values(&tickets, |ticket| &ticket.channel), &CHANNELS);
}

#[test]
fn ids_are_unique_and_texts_have_words() {
    let tickets = tickets();
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for ticket in &tickets {
        assert!(
            seen.insert(&ticket.id, &ticket.body).is_none(),
            "{} is used twice",
            ticket.id
        );
        assert!(!ticket.body.is_empty() && !ticket.sector.is_empty(), "{}", ticket.id);
        let count = words(&format!("{} {}", ticket.subject, ticket.body)).len();
        assert!(
            WORDS.contains(&count) || ticket.category == "other",
            "{} has {count} words",
            ticket.id
        );
    }
}

#[test]
fn no_ticket_is_a_near_copy_of_another() {
    let tickets = tickets();
    let bodies: Vec<String> = tickets.iter().map(|ticket| ticket.body.clone()).collect();
    let pairs: Vec<String> = near_copies(&bodies)
        .into_iter()
        .map(|(a, b)| format!("{}: {:?}\n{}: {:?}", tickets[a].id, bodies[a], tickets[b].id, bodies[b]))
        .collect();
    assert!(pairs.is_empty(), "{}", pairs.join("\n\n"));
}
