//! The way of a ticket over HTTP.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::desk_under_test::{DeskUnderTest, answer};

#[tokio::test]
async fn a_submitted_ticket_comes_back_triaged_with_reasons() {
    let desk = DeskUnderTest::start().await;
    desk.submit("Our card was charged twice for the October invoice, please refund one payment")
        .await;
    let body = json!({
        "subject": "Charged twice",
        "body": "We were charged twice for the November invoice. Please refund one of the payments.",
    });
    let ticket = desk.post("/v1/tickets", body).await;
    assert_eq!(ticket.status, 201, "{ticket:?}");
    assert_eq!(
        ticket.headers["etag"],
        format!("\"{}\"", ticket.body["version"]).as_str()
    );
    let ticket = ticket.body;
    assert!(
        ["triaged", "needs_human"].contains(&ticket["state"].as_str().expect("a state")),
        "{ticket}"
    );
    assert_eq!(ticket["language"], "en");
    let decision = &ticket["decision"];
    assert_eq!(
        decision["category"]["probabilities"][0]["label"], "billing_payment",
        "{decision}"
    );
    assert!(!decision["reasons"].as_array().expect("reasons").is_empty());
    assert!(
        !decision["similar"].as_array().expect("similar").is_empty(),
        "the first ticket is like the second"
    );
    let models: Vec<_> = decision["models"]
        .as_array()
        .expect("models")
        .iter()
        .map(|m| m["role"].clone())
        .collect();
    assert_eq!(models, ["encoder", "category", "priority", "duplicates"]);
    let read = desk
        .get(&format!("/v1/tickets/{}", ticket["id"].as_str().expect("an id")))
        .await;
    assert_eq!(read.body, ticket);
    desk.finish().await;
}

#[tokio::test]
async fn the_same_key_gives_the_same_ticket_and_another_body_is_refused() {
    let desk = DeskUnderTest::start().await;
    let send = |body: &str| {
        let request = desk.request(&desk.tokens.intake, Method::POST, "/v1/tickets");
        answer(
            request
                .header("Idempotency-Key", "order-17")
                .json(&json!({"body": body})),
        )
    };
    let first = send("Where is my order 17?").await;
    let again = send("Where is my order 17?").await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 200));
    assert_eq!(first.body["id"], again.body["id"]);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    send("Where is my order 18?")
        .await
        .is_problem(422, &[("Idempotency-Key", "reused")]);
    let all = desk.get("/v1/tickets").await;
    assert_eq!(all.body["items"].as_array().map(Vec::len), Some(1));
    desk.finish().await;
}

#[tokio::test]
async fn a_key_is_forgotten_after_its_days() {
    let mut desk = DeskUnderTest::start_with(&[("DESK_TRIAGE__IDEMPOTENCY_DAYS", "0")]).await;
    let send = async |desk: &DeskUnderTest| {
        let request = desk.request(&desk.tokens.intake, Method::POST, "/v1/tickets");
        let body = json!({"body": "Where is my order 17?"});
        answer(request.header("Idempotency-Key", "order-17").json(&body)).await
    };
    let first = send(&desk).await;
    assert_eq!(first.status, 201, "{first:?}");
    desk.stop().await;
    desk.restart().await;
    desk.logged("old idempotency keys are forgotten").await;
    let second = send(&desk).await;
    assert_eq!(second.status, 201, "{second:?}");
    assert_ne!(second.body["id"], first.body["id"]);
    desk.finish().await;
}

#[tokio::test]
async fn lists_are_walked_page_by_page_in_a_stable_order() {
    let desk = DeskUnderTest::start().await;
    for at in 0..7 {
        desk.submit(&format!("How do I export report number {at}?")).await;
    }
    let (mut numbers, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = desk.get(&format!("/v1/tickets?limit=3{cursor}")).await;
        numbers.extend(
            page.body["items"]
                .as_array()
                .expect("items")
                .iter()
                .map(|t| t["number"].as_i64().expect("a number")),
        );
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), 7, "{numbers:?}");
    assert!(numbers.is_sorted_by(|a, b| a > b), "{numbers:?}");
    let page = desk.get("/v1/tickets?limit=3").await;
    let foreign = page.body["next_cursor"].as_str().expect("a cursor");
    desk.get(&format!("/v1/tickets?language=en&cursor={foreign}"))
        .await
        .is_problem(422, &[("cursor", "foreign")]);
    desk.get(&format!("/v1/accounts?cursor={foreign}"))
        .await
        .is_problem(422, &[("cursor", "foreign")]);
    desk.finish().await;
}

#[tokio::test]
async fn a_correction_is_kept_and_a_stale_one_is_refused() {
    let desk = DeskUnderTest::start().await;
    let ticket = desk.submit("The till shows error TL-5031 and will not start").await;
    let (path, version) = (
        format!("/v1/tickets/{}", ticket["id"].as_str().expect("an id")),
        version(&ticket),
    );
    let without = desk
        .request(&desk.tokens.agent, Method::PATCH, &path)
        .json(&json!({"category": "how_to"}));
    answer(without).await.is_problem(428, &[("If-Match", "missing")]);
    desk.patch(&path, version, json!({"category": "billing"}))
        .await
        .is_problem(422, &[("category", "unknown")]);
    desk.patch(&path, version, json!({}))
        .await
        .is_problem(422, &[("(body)", "empty")]);
    let other = if ticket["category"] == "how_to" {
        "other"
    } else {
        "how_to"
    };
    let changed = desk
        .patch(&path, version, json!({"category": other, "status": "pending"}))
        .await;
    assert_eq!(
        (changed.status.as_u16(), &changed.body["category"]),
        (200, &json!(other)),
        "{changed:?}"
    );
    assert_eq!(changed.body["status"], "pending");
    desk.patch(&path, version, json!({"priority": "low"}))
        .await
        .is_problem(412, &[("If-Match", "stale")]);
    let events = desk.get(&format!("{path}/events")).await;
    let kinds: Vec<_> = events.body["items"]
        .as_array()
        .expect("events")
        .iter()
        .map(|e| e["kind"].clone())
        .collect();
    assert_eq!(kinds[0], "ticket.submitted");
    assert!(kinds.contains(&json!("ticket.corrected")), "{kinds:?}");
    desk.finish().await;
}

#[tokio::test]
async fn messages_are_added_and_read_in_order() {
    let desk = DeskUnderTest::start().await;
    let ticket = desk.submit("Please add a dark mode").await;
    let path = format!("/v1/tickets/{}/messages", ticket["number"]);
    let first = desk
        .post(
            &path,
            json!({"author": {"kind": "agent", "name": "Ana"}, "body": "Thank you"}),
        )
        .await;
    assert_eq!(first.status, 201, "{first:?}");
    desk.post(&path, json!({"author": {"kind": "customer"}, "body": "When?"}))
        .await;
    let internal = json!({"author": {"kind": "customer"}, "visibility": "internal", "body": "psst"});
    desk.post(&path, internal)
        .await
        .is_problem(422, &[("visibility", "malformed")]);
    desk.post(&path, json!({"author": {"kind": "robot"}, "body": "x"}))
        .await
        .is_problem(422, &[("author.kind", "unknown")]);
    let all = desk.get(&path).await;
    let said: Vec<_> = all.body["items"]
        .as_array()
        .expect("messages")
        .iter()
        .map(|m| m["body"].clone())
        .collect();
    assert_eq!(said, ["Thank you", "When?"]);
    desk.finish().await;
}

#[tokio::test]
async fn an_assessment_stores_nothing() {
    let desk = DeskUnderTest::start().await;
    let assessed = desk
        .post(
            "/v1/triage",
            json!({"body": "¿Cómo exporto las ventas del mes a una hoja de cálculo?"}),
        )
        .await;
    assert_eq!(assessed.status, 200, "{assessed:?}");
    assert_eq!(assessed.body["language"], "es");
    assert_eq!(
        assessed.body["decision"]["category"]["probabilities"]
            .as_array()
            .map(Vec::len),
        Some(11)
    );
    let all = desk.get("/v1/tickets").await;
    assert_eq!(all.body["items"], json!([]));
    desk.finish().await;
}

#[tokio::test]
async fn a_spanish_ticket_is_most_like_the_english_one_of_the_same_matter() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let parcel = desk
        .submit("My parcel has not arrived and the courier has no record of it")
        .await;
    for other in [
        "I forgot my password and the reset link has expired",
        "Please add a dark theme to the calendar",
        "The report takes minutes to open since the update",
    ] {
        desk.submit(other).await;
    }
    let spanish = json!({"body": "Mi paquete no ha llegado y el mensajero no tiene constancia de él"});
    let assessed = desk.post("/v1/triage", spanish).await;
    let nearest = &assessed.body["decision"]["similar"][0];
    assert_eq!(nearest["ticket_id"], parcel["id"], "{assessed:?}");
    assert!(nearest["cosine"].as_f64() > Some(0.5), "{nearest}");
    desk.finish().await;
}

#[tokio::test]
async fn a_corrected_category_is_shown_of_similar_tickets_at_once() {
    let desk = DeskUnderTest::start().await;
    let text = "Our card was charged twice for the October invoice, please refund one of the two payments";
    let first = desk.submit(text).await;
    let nearest = async || desk.submit(text).await["decision"].clone();
    let before = nearest().await;
    assert_eq!(before["similar"][0]["category"], "billing_payment", "{before}");
    for similar in desk.get("/v1/tickets").await.body["items"].as_array().expect("items") {
        let path = format!("/v1/tickets/{}", similar["id"].as_str().expect("an id"));
        let corrected = desk
            .patch(&path, version(similar), json!({"category": "complaint_feedback"}))
            .await;
        assert_eq!(corrected.status, 200, "{corrected:?}");
    }
    let after = nearest().await;
    assert_eq!(after["similar"][0]["category"], "complaint_feedback", "{after}");
    let reasons = after["reasons"].to_string();
    assert!(reasons.contains(", complaint_feedback, cosine"), "{reasons}");
    let asked = format!(
        "/v1/search?kind=tickets&q={}",
        text.replace(' ', "%20").replace(',', "")
    );
    let found = desk.get(&asked).await.body.to_string();
    assert!(found.contains(first["id"].as_str().expect("an id")), "{found}");
    desk.finish().await;
}

/// The desk is read anew for every ticket, so that each is routed while others are on their way to the database.
#[tokio::test]
async fn the_last_place_of_an_agent_is_given_once() {
    const PLACES: usize = 3;
    let desk = DeskUnderTest::start_empty(&[("DESK_TRIAGE__ROSTER_MAX_AGE_MS", "0")]).await;
    let team = json!({"name": "Billing", "categories": ["billing_payment"]});
    let team = desk.post("/v1/teams", team).await.body["id"].clone();
    for name in ["Ana", "Ben"] {
        let agent = json!({"name": name, "team_id": team, "languages": ["en"], "capacity": PLACES});
        assert_eq!(desk.post("/v1/agents", agent).await.status, 201);
    }
    let text = "Our card was charged twice for the October invoice, please refund one of the two payments";
    let desk = Arc::new(desk);
    let mut clients = JoinSet::new();
    for _ in 0..30 {
        let desk = Arc::clone(&desk);
        clients.spawn(async move { desk.submit(text).await });
    }
    let mut places = BTreeMap::new();
    for ticket in clients.join_all().await {
        assert_eq!(ticket["team"]["name"], "Billing", "{ticket}");
        *places.entry(ticket["agent"]["name"].to_string()).or_insert(0) += 1;
    }
    let expected = [("\"Ana\"", PLACES), ("\"Ben\"", PLACES), ("null", 30 - 2 * PLACES)];
    assert_eq!(
        places,
        BTreeMap::from(expected.map(|(name, tickets)| (name.to_owned(), tickets)))
    );
    Arc::into_inner(desk).expect("every client is done").finish().await;
}

fn version(ticket: &Value) -> i64 {
    ticket["version"].as_i64().expect("a version")
}
