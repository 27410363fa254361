//! Tickets about the same matter: found across customers and channels, for agents alone.

use reqwest::Method;
use serde_json::{Value, json};

use crate::desk_under_test::{DeskUnderTest, answer};

/// Tickets about other matters, which a desk always has.
const OTHERS: [&str; 6] = [
    "How do I add a second cash drawer to the till?",
    "Our card was charged twice for the October invoice LK-88123, please refund one payment",
    "Please cancel our subscription at the end of the month",
    "The parcel with the receipt printers has not arrived yet",
    "I cannot sign in, the password reset mail never comes",
    "It would be nice if reports could be exported as spreadsheets",
];

async fn submit(desk: &DeskUnderTest, ticket: Value) -> Value {
    let submitted = desk.post("/v1/tickets", ticket).await;
    assert_eq!(submitted.status, 201, "{submitted:?}");
    submitted.body
}

async fn reported_on_the_web(desk: &DeskUnderTest) -> Value {
    let ticket = json!({"subject": "Till sync fails with error SYNC-5031", "channel": "web",
        "body": "Since this morning the till does not sync any more. It shows error SYNC-5031 from sync2.till.example.",
        "requester_email": "bakery@one.example"});
    submit(desk, ticket).await
}

async fn reported_by_mail(desk: &DeskUnderTest) -> Value {
    let ticket = json!({"subject": "Error SYNC-5031: till sync fails", "channel": "email",
        "body": "Our tills no longer sync since this morning; they show error SYNC-5031 from sync2.till.example.",
        "requester_email": "bookshop@two.example"});
    submit(desk, ticket).await
}

async fn duplicates_of(desk: &DeskUnderTest, ticket: &Value) -> Value {
    let id = ticket["id"].as_str().expect("an id");
    let found = desk.get(&format!("/v1/tickets/{id}/duplicates")).await;
    assert_eq!(found.status, 200, "{found:?}");
    found.body
}

#[tokio::test]
async fn one_matter_reported_twice_is_flagged_across_customers_and_channels() {
    let desk = DeskUnderTest::start().await;
    for other in OTHERS {
        desk.submit(other).await;
    }
    let first = reported_on_the_web(&desk).await;
    let second = reported_by_mail(&desk).await;

    let at_intake = &second["decision"]["duplicate_of"];
    assert_eq!(at_intake[0]["ticket_id"], first["id"], "{at_intake}");
    assert!(
        second["decision"]["reasons"]
            .to_string()
            .contains("Probably the same matter as #")
    );

    let found = duplicates_of(&desk, &second).await;
    assert_eq!(found["flagged"], true, "{found}");
    let best = &found["items"][0];
    assert_eq!(
        (&best["ticket_id"], &best["number"], &best["flagged"]),
        (&first["id"], &first["number"], &json!(true))
    );
    assert!(best["reasons"].to_string().contains("sync-5031"), "{best}");
    assert!(
        best["probability"].as_f64() >= found["threshold"].as_f64(),
        "{best} {found}"
    );
    let others = found["items"].as_array().expect("items").iter().skip(1);
    assert!(others.into_iter().all(|other| other["flagged"] == false), "{found}");
    assert_eq!(
        duplicates_of(&desk, &first).await["items"][0]["ticket_id"],
        second["id"]
    );
    desk.finish().await;
}

#[tokio::test]
async fn unrelated_tickets_are_not_flagged() {
    let desk = DeskUnderTest::start().await;
    let mut tickets = Vec::new();
    for other in OTHERS {
        tickets.push(desk.submit(other).await);
    }
    for ticket in &tickets {
        assert_eq!(ticket["decision"]["duplicate_of"], json!([]), "{ticket}");
        let found = duplicates_of(&desk, ticket).await;
        assert_eq!(found["flagged"], false, "{found}");
    }
    desk.finish().await;
}

async fn missing_item(desk: &DeskUnderTest, order: &str, email: &str) -> Value {
    let ticket = json!({"subject": format!("Order {order}: printer missing from the parcel"), "channel": "web",
        "body": format!("The box of order {order} came today without the receipt printer on the delivery note."),
        "requester_email": email});
    submit(desk, ticket).await
}

#[tokio::test]
async fn the_same_complaint_about_another_order_is_another_matter() {
    let desk = DeskUnderTest::start().await;
    for other in OTHERS {
        desk.submit(other).await;
    }
    missing_item(&desk, "LK-51877", "bakery@one.example").await;
    let other_order = missing_item(&desk, "LK-52013", "bookshop@two.example").await;
    assert_eq!(other_order["decision"]["duplicate_of"], json!([]), "{other_order}");
    let found = duplicates_of(&desk, &other_order).await;
    assert_eq!(found["flagged"], false, "{found}");
    assert!(
        found["items"].to_string().contains("they name different numbers"),
        "{found}"
    );
    desk.finish().await;
}

#[tokio::test]
async fn a_customer_who_asks_again_by_chat_is_flagged() {
    let desk = DeskUnderTest::start().await;
    for other in OTHERS {
        desk.submit(other).await;
    }
    let first = missing_item(&desk, "LK-51877", "bakery@one.example").await;
    let again = json!({"body": "any news on the printer that was missing? order 51877", "channel": "chat",
        "requester_email": "Bakery@one.example"});
    let again = submit(&desk, again).await;
    let at_intake = &again["decision"]["duplicate_of"];
    assert_eq!(at_intake[0]["ticket_id"], first["id"], "{at_intake}");
    desk.finish().await;
}

#[tokio::test]
async fn a_ticket_alone_has_no_duplicates() {
    let desk = DeskUnderTest::start().await;
    let ticket = reported_on_the_web(&desk).await;
    let found = duplicates_of(&desk, &ticket).await;
    assert_eq!((&found["flagged"], &found["items"]), (&json!(false), &json!([])));
    desk.finish().await;
}

#[tokio::test]
async fn duplicates_are_for_agents_and_for_tickets_there_are() {
    let desk = DeskUnderTest::start().await;
    let ticket = reported_on_the_web(&desk).await;
    let path = format!("/v1/tickets/{}/duplicates", ticket["id"].as_str().expect("an id"));
    for token in [&desk.tokens.intake, &desk.tokens.customer] {
        answer(desk.request(token, Method::GET, &path))
            .await
            .is_problem(403, &[]);
    }
    answer(desk.anonymous(Method::GET, &path)).await.is_problem(401, &[]);
    for unknown in ["0198d7f0-0000-7000-8000-000000000000", "not-an-id", "4711"] {
        desk.get(&format!("/v1/tickets/{unknown}/duplicates"))
            .await
            .is_problem(404, &[]);
    }
    let by_number = desk.get(&format!("/v1/tickets/{}/duplicates", ticket["number"])).await;
    assert_eq!(by_number.status, 200, "{by_number:?}");
    desk.finish().await;
}
