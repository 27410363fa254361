//! An incident from its first ticket to its closing: one reply to all, closed and reopened together.

use reqwest::Method;
use serde_json::{Value, json};

use crate::desk_under_test::{Answer, DeskUnderTest, answer};

async fn tickets(desk: &DeskUnderTest) -> Vec<Value> {
    let mut tickets = Vec::new();
    for customer in ["bakery@one.example", "bookshop@two.example", "florist@three.example"] {
        let body = format!("The till of {customer} does not sync");
        let ticket = json!({"subject": "Till does not sync", "body": body, "requester_email": customer});
        tickets.push(desk.post("/v1/tickets", ticket).await.body);
    }
    desk.until_all_decided().await;
    tickets
}

async fn make(desk: &DeskUnderTest, tickets: &[&Value]) -> Value {
    let ids: Vec<_> = tickets.iter().map(|ticket| ticket["id"].clone()).collect();
    let made = desk
        .post("/v1/incidents", json!({"title": "Tills do not sync", "tickets": ids}))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.headers["etag"], "\"1\"");
    made.body
}

fn path(incident: &Value, act: &str) -> String {
    format!("/v1/incidents/{}{act}", incident["id"].as_str().expect("an id"))
}

async fn act(desk: &DeskUnderTest, method: Method, path: &str, version: i64, body: Option<Value>) -> Answer {
    let request = desk.request(&desk.tokens.admin, method, path);
    let request = request.header("If-Match", format!("\"{version}\""));
    answer(match body {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

async fn reply(desk: &DeskUnderTest, incident: &Value, key: &str, body: &str) -> Answer {
    let request = desk.request(&desk.tokens.admin, Method::POST, &path(incident, "/replies"));
    let request = request.header("Idempotency-Key", key);
    answer(request.json(&json!({"body": body, "author": {"name": "Noor"}}))).await
}

async fn said(desk: &DeskUnderTest, ticket: &Value) -> Vec<String> {
    let id = ticket["id"].as_str().expect("an id");
    let said = desk.get(&format!("/v1/tickets/{id}/messages")).await.body;
    let items = said["items"].as_array().expect("items");
    items
        .iter()
        .map(|message| format!("{}: {}", message["author"]["name"], message["body"]))
        .collect()
}

fn of_members(incident: &Value, field: &str) -> Vec<Value> {
    let tickets = incident["tickets"].as_array().expect("tickets");
    tickets.iter().map(|ticket| ticket[field].clone()).collect()
}

#[tokio::test]
async fn everyone_is_answered_and_closed_together() {
    let desk = DeskUnderTest::start().await;
    let tickets = tickets(&desk).await;
    let incident = make(&desk, &[&tickets[0], &tickets[1]]).await;
    assert_eq!(
        (&incident["state"], &incident["reporters"]),
        (&json!("open"), &json!(2))
    );
    let added = act(
        &desk,
        Method::POST,
        &path(&incident, "/tickets"),
        1,
        Some(json!({"tickets": [tickets[2]["number"]]})),
    )
    .await;
    assert_eq!(added.status, 200, "{added:?}");
    let ids: Vec<_> = tickets.iter().map(|ticket| ticket["id"].clone()).collect();
    assert_eq!(of_members(&added.body, "id"), ids);
    assert_eq!(of_members(&added.body, "requester_email")[2], "florist@three.example");

    let first = reply(&desk, &incident, "note-1", "We look into it.").await;
    assert_eq!(first.status, 201, "{first:?}");
    let again = reply(&desk, &incident, "note-1", "We look into it.").await;
    assert_eq!((again.status.as_u16(), &again.body), (200, &first.body));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    reply(&desk, &incident, "note-1", "Something else.")
        .await
        .is_problem(422, &[("Idempotency-Key", "reused")]);

    let word = json!({"reply": {"body": "It works again.", "author": {"name": "Noor"}}});
    let closed = act(&desk, Method::POST, &path(&incident, "/close"), 2, Some(word)).await;
    assert_eq!((closed.status.as_u16(), &closed.body["state"]), (200, &json!("closed")));
    assert_eq!(of_members(&closed.body, "status"), ["solved", "solved", "solved"]);
    for ticket in &tickets {
        let expected = ["\"Noor\": \"We look into it.\"", "\"Noor\": \"It works again.\""];
        assert_eq!(said(&desk, ticket).await, expected);
    }
    let reopened = act(&desk, Method::POST, &path(&incident, "/reopen"), 3, None).await;
    assert_eq!(of_members(&reopened.body, "status"), ["open", "open", "open"]);
    let closed = act(&desk, Method::POST, &path(&incident, "/close"), 4, None).await;
    assert_eq!(closed.body, desk.get(&path(&incident, "")).await.body);
    let listed = desk.get("/v1/incidents?state=closed").await.body;
    assert_eq!(listed["items"][0]["id"], incident["id"]);
    assert_eq!(desk.get("/v1/incidents?state=open").await.body["items"], json!([]));

    let told = desk.get(&path(&incident, "/events")).await.body.to_string();
    for kind in ["created", "ticket_added", "replied", "closed", "reopened"] {
        assert!(told.contains(&format!("\"incident.{kind}\"")), "{kind}: {told}");
    }
    desk.finish().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_said_why() {
    let desk = DeskUnderTest::start().await;
    let tickets = tickets(&desk).await;
    let incident = make(&desk, &[&tickets[0]]).await;
    let nobody = "0198d7f0-0000-7000-8000-000000000000";
    for (body, field, code) in [
        (json!({"title": "Tills", "tickets": []}), "tickets", "empty"),
        (
            json!({"title": "Tills", "tickets": vec![1; 501]}),
            "tickets",
            "too_long",
        ),
        (json!({"title": " ", "tickets": [tickets[1]["id"]]}), "title", "empty"),
        (json!({"title": "Tills", "tickets": [nobody]}), "tickets[0]", "unknown"),
        (
            json!({"title": "Tills", "tickets": [tickets[1]["id"], 4711]}),
            "tickets[1]",
            "unknown",
        ),
        (
            json!({"title": "Tills", "tickets": [tickets[1]["id"]], "parent": nobody}),
            "parent",
            "unknown",
        ),
        (
            json!({"title": "Tills", "tickets": [tickets[0]["id"]]}),
            "tickets[0]",
            "refused",
        ),
    ] {
        desk.post("/v1/incidents", body).await.is_problem(422, &[(field, code)]);
    }
    desk.get("/v1/incidents?state=new")
        .await
        .is_problem(422, &[("state", "malformed")]);
    let add = path(&incident, "/tickets");
    let body = json!({"tickets": [tickets[1]["id"]]});
    let stale = act(&desk, Method::POST, &add, 7, Some(body.clone())).await;
    stale.is_problem(412, &[("If-Match", "stale")]);
    desk.post(&add, body.clone())
        .await
        .is_problem(428, &[("If-Match", "missing")]);
    let foreign = format!("{add}/{}", tickets[1]["number"]);
    act(&desk, Method::DELETE, &foreign, 1, None).await.is_problem(404, &[]);
    desk.get(&format!("/v1/incidents/{nobody}")).await.is_problem(404, &[]);
    let empty = desk.post(&path(&incident, "/replies"), json!({"body": " "})).await;
    empty.is_problem(422, &[("body", "empty")]);

    let own = format!("{add}/{}", tickets[0]["id"].as_str().expect("an id"));
    let left = act(&desk, Method::DELETE, &own, 1, None).await;
    assert_eq!(left.body["tickets"], json!([]), "{left:?}");
    let unheard = desk.post(&path(&incident, "/replies"), json!({"body": "Hello?"})).await;
    unheard.is_problem(422, &[("tickets", "empty")]);
    assert_eq!(
        act(&desk, Method::POST, &path(&incident, "/close"), 2, None)
            .await
            .status,
        200
    );
    let shut = act(&desk, Method::POST, &add, 3, Some(body)).await;
    shut.is_problem(422, &[("id", "refused")]);
    let late = desk.post(&path(&incident, "/replies"), json!({"body": "Hello?"})).await;
    late.is_problem(422, &[("id", "refused")]);
    desk.finish().await;
}

#[tokio::test]
async fn only_agents_see_incidents() {
    let desk = DeskUnderTest::start().await;
    let tickets = tickets(&desk).await;
    let incident = make(&desk, &[&tickets[0]]).await;
    for token in [&desk.tokens.intake, &desk.tokens.customer] {
        for (method, path) in [
            (Method::GET, "/v1/incidents".to_owned()),
            (Method::POST, "/v1/incidents".to_owned()),
            (Method::GET, path(&incident, "")),
            (Method::GET, path(&incident, "/events")),
            (Method::POST, path(&incident, "/tickets")),
            (Method::DELETE, path(&incident, "/tickets/1")),
            (Method::POST, path(&incident, "/replies")),
            (Method::POST, path(&incident, "/close")),
            (Method::POST, path(&incident, "/reopen")),
        ] {
            answer(desk.request(token, method, &path)).await.is_problem(403, &[]);
        }
    }
    desk.finish().await;
}
