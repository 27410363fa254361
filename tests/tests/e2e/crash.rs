//! A power cut in the middle of the work: nothing acknowledged is lost, nothing is done twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::desk_under_test::DeskUnderTest;

const TICKETS: usize = 500;
const CLIENTS: usize = 8;
/// Acknowledged tickets after which the server is killed.
const KILL_AFTER: usize = 120;

#[tokio::test(flavor = "multi_thread")]
async fn sigkill_in_the_middle_of_500_submissions() {
    // A short lease and deadline: most are acknowledged before they are triaged, which is the harder case.
    let settings = [
        ("DESK_TRIAGE__DEADLINE_MS", "20"),
        ("DESK_RATE_LIMIT__PER_SECOND", "100000"),
        ("DESK_RATE_LIMIT__BURST", "100000"),
    ];
    let mut desk = DeskUnderTest::start_with(&settings).await;
    let acknowledged = submit_until_killed(&mut desk).await;
    assert!(
        (KILL_AFTER..TICKETS).contains(&acknowledged.len()),
        "{} before the kill",
        acknowledged.len()
    );
    // Stopped again before the index can have caught up: what it lacks is still to be added.
    desk.restart().await;
    desk.stop().await;
    desk.restart().await;
    desk.until_all_decided().await;
    for id in &acknowledged {
        decided_exactly_once(&desk, id).await;
    }
    let stored = desk.get("/v1/tickets?limit=1").await;
    let stored = stored.body["items"][0]["number"].as_u64().expect("a number");
    desk.until_indexed(stored as usize).await;
    desk.finish().await;
}

/// Ids of the tickets whose acknowledgement arrived.
async fn submit_until_killed(desk: &mut DeskUnderTest) -> Vec<String> {
    let (next, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (url, token) = (desk.url().to_owned(), desk.tokens.intake.clone());
            tokio::spawn(client(url, token, Arc::clone(&next), Arc::clone(&done)))
        })
        .collect();
    while done.load(Ordering::Relaxed) < KILL_AFTER {
        tokio::task::yield_now().await;
    }
    desk.kill();
    let mut ids = Vec::new();
    for client in clients {
        ids.extend(client.await.expect("a client"));
    }
    ids
}

async fn client(url: String, token: String, next: Arc<AtomicUsize>, done: Arc<AtomicUsize>) -> Vec<String> {
    let http = Client::new();
    let mut ids = Vec::new();
    loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        if at >= TICKETS {
            return ids;
        }
        let body =
            json!({"body": format!("Order {at} has not arrived, where is it?"), "external_id": format!("order-{at}")});
        let sent = http
            .request(Method::POST, format!("{url}/v1/tickets"))
            .bearer_auth(&token)
            .json(&body)
            .send()
            .await;
        let Ok(answer) = sent else { return ids };
        let Ok(ticket) = answer.json::<Value>().await else {
            return ids;
        };
        ids.push(ticket["id"].as_str().expect("an id").to_owned());
        done.fetch_add(1, Ordering::Relaxed);
    }
}

async fn decided_exactly_once(desk: &DeskUnderTest, id: &str) {
    let ticket = desk.get(&format!("/v1/tickets/{id}")).await;
    assert_eq!(ticket.status, 200, "acknowledged and lost: {id}");
    assert_ne!(ticket.body["state"], "received");
    let events = desk.get(&format!("/v1/tickets/{id}/events?limit=200")).await;
    let kinds: Vec<&str> = events.body["items"]
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|e| e["kind"].as_str())
        .collect();
    let decided = kinds
        .iter()
        .filter(|kind| ["ticket.triaged", "ticket.needs_human"].contains(kind))
        .count();
    assert_eq!(decided, 1, "{id}: {kinds:?}");
}
