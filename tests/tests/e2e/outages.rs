//! Something the desk needs goes away in the middle: tickets are kept or refused, never lost.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::json;
use sqlx::Connection;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use crate::desk_under_test::DeskUnderTest;
use crate::sql::run_sql;

/// A wire to a real server that can be cut and mended.
struct Wire {
    address: SocketAddr,
    target: String,
    carrying: Option<AbortHandle>,
}

impl Wire {
    async fn to(target: &str) -> Self {
        let mut wire = Wire {
            address: ([127, 0, 0, 1], 0).into(),
            target: target.to_owned(),
            carrying: None,
        };
        wire.mend().await;
        wire
    }

    /// Cuts every connection and takes no more.
    fn cut(&mut self) {
        if let Some(carrying) = self.carrying.take() {
            carrying.abort();
        }
    }

    async fn mend(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the port that was ours");
        self.address = listener.local_addr().expect("an address");
        let target = self.target.clone();
        self.carrying = Some(tokio::spawn(carry(listener, Arc::from(target))).abort_handle());
    }
}

async fn carry(listener: TcpListener, target: Arc<str>) {
    let mut connections = JoinSet::new();
    while let Ok((mut near, _)) = listener.accept().await {
        let target = Arc::clone(&target);
        connections.spawn(async move {
            if let Ok(mut far) = TcpStream::connect(&*target).await {
                // Either side may end it.
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            }
        });
    }
}

/// URL of a new database on the same server; `purpose` tells it from those of other tests.
pub async fn fresh_database(url: &str, purpose: &str) -> String {
    sqlx::any::install_default_drivers();
    let mut connection = sqlx::AnyConnection::connect(url)
        .await
        .expect("the server of DESK_TEST_POSTGRES_URL");
    let name = format!("e2e_{purpose}_{}", std::process::id());
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(create)
        .execute(&mut connection)
        .await
        .expect("a new database");
    let (server, _) = url.rsplit_once('/').expect("a database");
    format!("{server}/{name}")
}

#[tokio::test]
async fn without_an_index_tickets_are_accepted_and_wait() {
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port")
        .local_addr()
        .expect("an address");
    let url = format!("http://{free}");
    let settings = [
        ("DESK_SEARCH__BACKEND", "server"),
        ("DESK_SEARCH__URL", url.as_str()),
        ("DESK_TRIAGE__DEADLINE_MS", "100"),
        ("DESK_TRIAGE__MAX_ATTEMPTS", "2"),
        ("DESK_TRIAGE__BACKOFF_MS", "50"),
    ];
    let desk = DeskUnderTest::start_with(&settings).await;
    let ready = desk.get("/readyz").await;
    assert_eq!(
        (ready.status.as_u16(), &ready.body),
        (200, &json!({"index": false})),
        "{ready:?}"
    );
    let ticket = desk.submit("The stock count is wrong after the update").await;
    desk.until_all_decided().await;
    let decided = desk
        .get(&format!("/v1/tickets/{}", ticket["id"].as_str().expect("an id")))
        .await;
    assert_ne!(
        decided.body["state"], "received",
        "the last attempt goes through without neighbours"
    );
    desk.finish().await;
}

/// Settings of a desk whose index answers nobody, and whose tickets are tried again after an hour or a restart.
fn waiting_settings(url: &str) -> [(&str, &str); 5] {
    [
        ("DESK_SEARCH__BACKEND", "server"),
        ("DESK_SEARCH__URL", url),
        ("DESK_TRIAGE__MAX_ATTEMPTS", "2"),
        ("DESK_TRIAGE__BACKOFF_MS", "3600000"),
        ("DESK_TRIAGE__MAX_BACKOFF_MS", "3600000"),
    ]
}

#[tokio::test]
async fn what_a_person_sets_on_a_ticket_that_waits_is_what_it_is_routed_by() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", nobody.local_addr().expect("an address"));
    drop(nobody);
    let mut desk = DeskUnderTest::start_empty(&waiting_settings(&url)).await;
    for (team, category, agent) in [
        ("Billing", "billing_payment", "Ana"),
        ("Leavers", "cancellation", "Ben"),
    ] {
        let team = desk
            .post("/v1/teams", json!({"name": team, "categories": [category]}))
            .await;
        let agent = json!({"name": agent, "team_id": team.body["id"], "languages": ["en"], "capacity": 9});
        assert_eq!(desk.post("/v1/agents", agent).await.status, 201);
    }
    let text = "Our card was charged twice for the October invoice, please refund one of the two payments";
    let waiting = desk.submit(text).await;
    let path = format!("/v1/tickets/{}", waiting["id"].as_str().expect("an id"));
    assert_eq!(
        (&waiting["state"], &waiting["attempts"]),
        (&json!("received"), &json!(1))
    );
    assert_eq!(
        desk.get(&path).await.body,
        waiting,
        "it is answered as it stands after the attempt"
    );

    let said = json!({"category": "cancellation", "priority": "urgent"});
    let version = waiting["version"].as_i64().expect("a version");
    assert_eq!(desk.patch(&path, version, said).await.status, 200);
    desk.stop().await;
    desk.restart().await;
    desk.until_all_decided().await;
    let decided = desk.get(&path).await.body;
    assert_eq!(
        (&decided["state"], &decided["category"], &decided["priority"]),
        (&json!("triaged"), &json!("cancellation"), &json!("urgent")),
        "{decided}"
    );
    assert_eq!(
        (&decided["team"]["name"], &decided["agent"]["name"]),
        (&json!("Leavers"), &json!("Ben")),
        "{decided}"
    );
    let reasons = decided["decision"]["reasons"].to_string();
    assert!(
        reasons.contains("Category cancellation was set by a person."),
        "{reasons}"
    );
    desk.finish().await;
}

#[tokio::test]
async fn what_is_stored_is_answered_though_what_belongs_to_it_cannot_be_read() {
    let mut desk = DeskUnderTest::start_empty(&[
        ("DESK_TRIAGE__BACKOFF_MS", "3600000"),
        ("DESK_TRIAGE__MAX_BACKOFF_MS", "3600000"),
    ])
    .await;
    let database = format!("sqlite://{}", desk.folder().join("desk.db").display());
    run_sql(&database, "ALTER TABLE agents RENAME TO agents_away").await;
    let stored = desk.submit("Please refund one of the two payments").await;
    let path = format!("/v1/tickets/{}", stored["id"].as_str().expect("an id"));
    let version = stored["version"].as_i64().expect("a version");
    let changed = desk.patch(&path, version, json!({"priority": "urgent"})).await;
    assert_eq!(
        (changed.status.as_u16(), &changed.body["priority"]),
        (200, &json!("urgent")),
        "{changed:?}"
    );
    desk.get(&path).await.is_problem(500, &[]);
    run_sql(&database, "ALTER TABLE agents_away RENAME TO agents").await;
    desk.stop().await;
    desk.restart().await;
    desk.finish().await;
}

#[tokio::test]
async fn an_encoder_with_too_much_to_do_costs_no_attempt() {
    let settings = [
        ("DESK_ENCODER__QUEUE_TEXTS", "1"),
        ("DESK_TRIAGE__MAX_ATTEMPTS", "1"),
        ("DESK_TRIAGE__BACKOFF_MS", "20"),
        ("DESK_TRIAGE__SWEEP_INTERVAL_MS", "20"),
    ];
    let desk = Arc::new(DeskUnderTest::start_with(&settings).await);
    let mut clients = JoinSet::new();
    for at in 0..30 {
        let desk = Arc::clone(&desk);
        let text = format!("Our card was charged twice for invoice {at}, please refund one of the two payments");
        clients.spawn(async move { desk.submit(&text).await });
    }
    let tickets = clients.join_all().await;
    desk.until_all_decided().await;
    let were_put_off = tickets.iter().filter(|ticket| ticket["state"] == "received").count();
    assert!(were_put_off > 0, "the encoder was never busy");
    for ticket in &tickets {
        let path = format!("/v1/tickets/{}", ticket["id"].as_str().expect("an id"));
        let decided = desk.get(&path).await.body;
        assert_eq!(decided["attempts"], 0, "{decided}");
        assert!(decided["decision"].is_object(), "{decided}");
    }
    Arc::into_inner(desk).expect("every client is done").finish().await;
}

#[tokio::test]
async fn an_index_deleted_while_the_server_was_stopped_is_filled_again() {
    let mut desk = DeskUnderTest::start().await;
    for text in [
        "The dock does not charge",
        "The scanner does not read",
        "The till does not open",
    ] {
        desk.submit(text).await;
    }
    desk.stop().await;
    std::fs::remove_dir_all(desk.folder().join("index")).expect("an index");
    desk.restart().await;
    desk.until_indexed(3).await;
    desk.finish().await;
}

// The wire carries while commands block this thread.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_without_the_index_is_added_when_it_is_back() {
    let Ok(url) = std::env::var("DESK_TEST_QDRANT_URL") else {
        eprintln!("skipped: DESK_TEST_QDRANT_URL is not set");
        return;
    };
    let mut wire = Wire::to(url.split_once("://").expect("a URL").1.trim_end_matches('/')).await;
    let through = format!("http://{}", wire.address);
    let prefix = format!("e2e-left-out-{}", std::process::id());
    let settings = [
        ("DESK_SEARCH__BACKEND", "server"),
        ("DESK_SEARCH__URL", through.as_str()),
        ("DESK_SEARCH__PREFIX", prefix.as_str()),
        ("DESK_TRIAGE__MAX_ATTEMPTS", "1"),
        ("DESK_TRIAGE__INDEX_FLUSH_MS", "200"),
    ];
    let desk = DeskUnderTest::start_with(&settings).await;
    desk.submit("The dock does not charge the scanner").await;
    desk.until_indexed(1).await;
    wire.cut();
    let without = desk.submit("The scanner does not charge in the dock").await;
    assert_ne!(
        without["state"], "received",
        "the last attempt goes through without the index"
    );
    wire.mend().await;
    desk.until_indexed(2).await;
    desk.finish().await;
}

// The wire carries while commands block this thread.
#[tokio::test(flavor = "multi_thread")]
async fn postgresql_goes_away_and_comes_back() {
    let Ok(url) = std::env::var("DESK_TEST_POSTGRES_URL") else {
        eprintln!("skipped: DESK_TEST_POSTGRES_URL is not set");
        return;
    };
    let url = fresh_database(&url, "outage").await;
    let (login, rest) = url
        .split_once("://")
        .expect("a URL")
        .1
        .rsplit_once('@')
        .expect("a login");
    let (host, database) = rest.split_once('/').expect("a database");
    let mut wire = Wire::to(host).await;
    let through = format!("postgres://{login}@{}/{database}", wire.address);
    let desk = DeskUnderTest::start_empty(&[("DESK_STORE__URL", &through), ("DESK_STORE__WAIT_MS", "1000")]).await;
    let kept = desk.submit("Refund the second payment please").await;
    wire.cut();
    let refused = desk.post("/v1/tickets", json!({"body": "Is anyone there?"})).await;
    refused.is_problem(503, &[]);
    assert!(refused.headers.contains_key("retry-after"));
    wire.mend().await;
    let read = desk
        .get(&format!("/v1/tickets/{}", kept["id"].as_str().expect("an id")))
        .await;
    assert_eq!(read.status, 200, "{read:?}");
    desk.submit("Is anyone there now?").await;
    desk.finish().await;
}

// The wire carries while commands block this thread.
#[tokio::test(flavor = "multi_thread")]
async fn qdrant_goes_away_and_comes_back() {
    let Ok(url) = std::env::var("DESK_TEST_QDRANT_URL") else {
        eprintln!("skipped: DESK_TEST_QDRANT_URL is not set");
        return;
    };
    let mut wire = Wire::to(url.split_once("://").expect("a URL").1.trim_end_matches('/')).await;
    let through = format!("http://{}", wire.address);
    let prefix = format!("e2e{}", std::process::id());
    let settings = [
        ("DESK_SEARCH__BACKEND", "server"),
        ("DESK_SEARCH__URL", through.as_str()),
        ("DESK_SEARCH__PREFIX", prefix.as_str()),
        ("DESK_TRIAGE__DEADLINE_MS", "500"),
        ("DESK_TRIAGE__BACKOFF_MS", "100"),
        ("DESK_TRIAGE__MAX_BACKOFF_MS", "500"),
        ("DESK_TRIAGE__MAX_ATTEMPTS", "1000"),
    ];
    let desk = DeskUnderTest::start_with(&settings).await;
    desk.submit("The dock does not charge the scanner").await;
    desk.until_all_decided().await;
    wire.cut();
    let waiting = desk.submit("The scanner does not charge in the dock").await;
    assert_eq!(waiting["state"], "received", "accepted, and waits for the index");
    wire.mend().await;
    desk.until_all_decided().await;
    let decided = desk
        .get(&format!("/v1/tickets/{}", waiting["id"].as_str().expect("an id")))
        .await;
    assert!(
        !decided.body["decision"]["similar"]
            .as_array()
            .expect("similar")
            .is_empty(),
        "{decided:?}"
    );
    desk.finish().await;
}
