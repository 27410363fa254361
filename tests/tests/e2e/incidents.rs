//! Several customers reporting one thing: offered to agents as an incident.

use reqwest::Method;
use serde_json::{Value, json};

use crate::desk_under_test::{DeskUnderTest, answer};

const SUGGESTIONS: &str = "/v1/incidents/suggestions";

/// Tickets about other matters, which a desk always has.
const OTHERS: [&str; 4] = [
    "How do I add a second cash drawer to the till?",
    "Our card was charged twice for the October invoice LK-88123, please refund one payment",
    "Please cancel our subscription at the end of the month",
    "I cannot sign in, the password reset mail never comes",
];

async fn report(desk: &DeskUnderTest, subject: &str, body: &str, requester: &str) -> Value {
    let ticket = json!({"subject": subject, "body": body, "requester_email": requester});
    let submitted = desk.post("/v1/tickets", ticket).await;
    assert_eq!(submitted.status, 201, "{submitted:?}");
    submitted.body
}

async fn suggested(desk: &DeskUnderTest, query: &str) -> Vec<Value> {
    let found = desk.get(&format!("{SUGGESTIONS}{query}")).await;
    assert_eq!(found.status, 200, "{found:?}");
    found.body["items"].as_array().expect("items").clone()
}

#[tokio::test]
async fn one_thing_reported_by_three_customers_is_offered_as_an_incident() {
    let desk = DeskUnderTest::start().await;
    for other in OTHERS {
        desk.submit(other).await;
    }
    let subject = "Till sync fails with error SYNC-5031";
    let body = "Since this morning the till does not sync any more. It shows error SYNC-5031 from sync2.till.example.";
    let mut ids = Vec::new();
    for requester in ["bakery@one.example", "bakery@one.example", "bookshop@two.example"] {
        ids.push(report(&desk, subject, body, requester).await["id"].clone());
    }
    assert_eq!(suggested(&desk, "").await, Vec::<Value>::new());
    assert_eq!(suggested(&desk, "?reporters=2").await.len(), 1);

    ids.push(report(&desk, subject, body, "florist@three.example").await["id"].clone());
    let found = suggested(&desk, "").await;
    assert_eq!(found.len(), 1, "{found:?}");
    let incident = &found[0];
    assert_eq!(
        (&incident["title"], &incident["reporters"]),
        (&json!(subject), &json!(3))
    );
    let tickets = incident["tickets"].as_array().expect("tickets");
    let found_ids: Vec<_> = tickets.iter().map(|ticket| ticket["id"].clone()).collect();
    assert_eq!(found_ids, ids);
    let links = incident["links"].as_array().expect("links");
    assert!(links.len() >= 3, "{links:?}");
    assert!(
        links
            .iter()
            .all(|link| link["reasons"][0].is_string() && link["probability"].as_f64() > Some(0.5)),
        "{links:?}"
    );

    let made = json!({"title": subject, "tickets": ids});
    let made = desk.post("/v1/incidents", made).await.body;
    assert_eq!(suggested(&desk, "").await, Vec::<Value>::new());
    let late = report(&desk, subject, body, "bakery@one.example").await;
    let found = suggested(&desk, "").await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["incident_id"], made["id"]);
    assert_eq!(found[0]["tickets"][0]["id"], late["id"]);
    desk.finish().await;
}

#[tokio::test]
async fn bad_numbers_are_named_and_only_agents_ask() {
    let desk = DeskUnderTest::start().await;
    for (query, field, code) in [
        ("?hours=0", "hours", "malformed"),
        ("?hours=721", "hours", "malformed"),
        ("?hours=soon", "hours", "malformed"),
        ("?reporters=1", "reporters", "malformed"),
        ("?reporters=-3", "reporters", "malformed"),
        ("?days=3", "days", "unknown_field"),
    ] {
        desk.get(&format!("{SUGGESTIONS}{query}"))
            .await
            .is_problem(422, &[(field, code)]);
    }
    for token in [&desk.tokens.intake, &desk.tokens.customer] {
        answer(desk.request(token, Method::GET, SUGGESTIONS))
            .await
            .is_problem(403, &[]);
    }
    answer(desk.anonymous(Method::GET, SUGGESTIONS))
        .await
        .is_problem(401, &[]);
    assert_eq!(suggested(&desk, "?hours=720&reporters=2").await, Vec::<Value>::new());
    desk.finish().await;
}
