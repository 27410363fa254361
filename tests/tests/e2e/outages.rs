//! Something the desk needs goes away in the middle: tickets are kept or refused, never lost.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::json;
use sqlx::Connection;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use crate::desk_under_test::DeskUnderTest;

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

/// URL of a new database on the same server.
async fn fresh_database(url: &str) -> String {
    sqlx::any::install_default_drivers();
    let mut connection = sqlx::AnyConnection::connect(url)
        .await
        .expect("the server of DESK_TEST_POSTGRES_URL");
    let name = format!("e2e_{}", std::process::id());
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
        (&ready.body["ready"], &ready.body["index"]),
        (&json!(true), &json!(false)),
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

// The wire carries while commands block this thread.
#[tokio::test(flavor = "multi_thread")]
async fn postgresql_goes_away_and_comes_back() {
    let Ok(url) = std::env::var("DESK_TEST_POSTGRES_URL") else {
        eprintln!("skipped: DESK_TEST_POSTGRES_URL is not set");
        return;
    };
    let url = fresh_database(&url).await;
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
