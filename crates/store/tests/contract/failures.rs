//! What fails underneath, each with an error of its own kind.

use desk::NewTicket;
use sqlx::Connection;
use store::{DataFolder, Fault, PageRequest, Store, StoreConfig, StoreError, TicketFilter};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::desk_under_test::{Desk, postgres_url, run, submission, within};

fn config(folder: &tempfile::TempDir) -> StoreConfig {
    StoreConfig::new(DataFolder::database_url(folder.path()))
}

#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = StoreConfig {
        max_bytes: Some(600_000),
        ..config(&folder)
    };
    let store = Store::open(&config).await.expect("room for the tables");
    let mut acknowledged = Vec::new();
    let error = loop {
        let ticket = NewTicket::from_body("x".repeat(20_000));
        match store.submit_ticket(submission(ticket)).await {
            Ok(submitted) => acknowledged.push(submitted.ticket.id),
            Err(error) => break error,
        }
        assert!(acknowledged.len() < 100, "the limit was never reached");
    };
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error:?}");
    assert_eq!(error.fault(), Fault::Dependency);
    let again = submission(NewTicket::from_body("x".repeat(20_000)));
    let error = store.submit_ticket(again).await.expect_err("still full");
    assert!(
        matches!(error, StoreError::DiskFull { .. }),
        "the connection is sound: {error:?}"
    );
    store.ping().await.expect("still readable");
    store.close().await;

    let more_room = StoreConfig {
        max_bytes: None,
        ..config
    };
    let store = Store::open(&more_room).await.expect("opens again");
    assert_eq!(
        store.get_tickets(&acknowledged).await.expect("readable").len(),
        acknowledged.len()
    );
    store
        .submit_ticket(submission(NewTicket::from_body("fits")))
        .await
        .expect("stored");
    store.close().await;
}

#[tokio::test]
async fn a_read_only_database_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let writable = config(&folder);
    let store = Store::open(&writable).await.expect("a fresh database");
    store.close().await;
    let read_only = StoreConfig::new(format!("{}?mode=ro", writable.url));
    let error = match Store::open(&read_only).await {
        Ok(store) => store
            .submit_ticket(submission(NewTicket::from_body("x")))
            .await
            .expect_err("read-only"),
        Err(error) => error,
    };
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
}

#[tokio::test]
async fn a_database_locked_by_another_process_is_busy() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = StoreConfig {
        wait_ms: 50,
        ..config(&folder)
    };
    let store = Store::open(&config).await.expect("a fresh database");
    let mut other = sqlx::AnyConnection::connect(&config.url)
        .await
        .expect("a second writer");
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .expect("the lock");
    let error = store
        .submit_ticket(submission(NewTicket::from_body("x")))
        .await
        .expect_err("locked");
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
    assert_eq!(error.fault(), Fault::Busy);
    store
        .list_tickets(&TicketFilter::default(), &PageRequest::default())
        .await
        .expect("readers go on");
    sqlx::query("ROLLBACK")
        .execute(&mut other)
        .await
        .expect("the lock given back");
    store
        .submit_ticket(submission(NewTicket::from_body("x")))
        .await
        .expect("stored");
    store.close().await;
}

#[tokio::test]
async fn a_full_queue_is_busy() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = StoreConfig {
        wait_ms: 2_000,
        queue_writes: 1,
        group_writes: 1,
        ..config(&folder)
    };
    let store = Store::open(&config).await.expect("a fresh database");
    let mut other = sqlx::AnyConnection::connect(&config.url)
        .await
        .expect("a second writer");
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .expect("the lock");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        tasks.spawn(async move { store.submit_ticket(submission(NewTicket::from_body("x"))).await });
    }
    let first = tasks
        .join_next()
        .await
        .expect("an answer")
        .expect("no panic")
        .expect_err("no room");
    assert!(matches!(first, StoreError::QueueFull), "{first:?}");
    assert_eq!(first.fault(), Fault::Busy);
    sqlx::query("ROLLBACK")
        .execute(&mut other)
        .await
        .expect("the lock given back");
    let stored = tasks.join_all().await.iter().flatten().count() as i64;
    assert_eq!(store.counts().await.expect("counts").tickets(), stored);
    store.close().await;
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("desk.db"), "no database at all ".repeat(500)).expect("a file");
    let error = Store::open(&config(&folder)).await.expect_err("not a database");
    assert_eq!(error.fault(), Fault::Dependency, "{error:?}");
    let error = Store::open(&StoreConfig::new("mysql://db/desk"))
        .await
        .expect_err("not supported");
    assert!(matches!(error, StoreError::UnsupportedUrl), "{error:?}");
    let nowhere = DataFolder::database_url(&folder.path().join("no/such/folder"));
    let error = Store::open(&StoreConfig::new(nowhere)).await.expect_err("no folder");
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn postgres_that_does_not_answer_is_unreachable() {
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port")
        .local_addr()
        .expect("its address");
    let config = StoreConfig {
        wait_ms: 200,
        ..StoreConfig::new(format!("postgres://desk@{free}/desk"))
    };
    let error = Store::open(&config).await.expect_err("nobody there");
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert_eq!(error.fault(), Fault::Dependency);
}

/// A way to PostgreSQL that can be cut and mended.
struct Wire {
    listener: std::sync::Arc<TcpListener>,
    target: String,
    open: Option<tokio::task::JoinHandle<()>>,
}

impl Wire {
    async fn to(target: String) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mut wire = Wire {
            listener: listener.into(),
            target,
            open: None,
        };
        wire.mend();
        wire
    }

    fn mend(&mut self) {
        let (listener, target) = (self.listener.clone(), self.target.clone());
        self.open = Some(tokio::spawn(async move {
            let mut calls = tokio::task::JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let target = target.clone();
                calls.spawn(async move {
                    let mut far = TcpStream::connect(target).await.expect("PostgreSQL answers");
                    // A call that ends badly has been cut, which is what this is for.
                    let _ended = copy_bidirectional(&mut near, &mut far).await;
                });
            }
        }));
    }

    /// Ends every call; new ones are not taken until mended.
    async fn cut(&mut self) {
        if let Some(open) = self.open.take() {
            open.abort();
            open.await.expect_err("aborted");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_gone_in_the_middle_loses_nothing_that_was_acknowledged() {
    let Some(url) = postgres_url() else { return };
    let schema = format!("desk_test_{}", uuid::Uuid::now_v7().simple());
    run(&url, &format!("CREATE SCHEMA {schema}")).await;
    let (before_host, rest) = url.split_once('@').expect("a URL with a user");
    let (host, after_host) = rest.split_once('/').expect("a URL with a database");
    let mut wire = Wire::to(host.to_owned()).await;
    let address = wire.listener.local_addr().expect("its address");
    let through_wire = format!("{before_host}@{address}/{after_host}");
    let config = StoreConfig {
        wait_ms: 1_000,
        ..StoreConfig::new(within(&through_wire, &schema))
    };
    let store = Store::open(&config).await.expect("PostgreSQL answers");

    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..2_000 {
        let (store, one) = (store.clone(), submission(NewTicket::from_body(format!("ticket {at}"))));
        tasks.spawn(async move { store.submit_ticket(one).await });
    }
    let mut acknowledged = Vec::new();
    while acknowledged.len() < 50 {
        let answer = tasks.join_next().await.expect("more to come").expect("no panic");
        acknowledged.extend(answer.ok().map(|submitted| submitted.ticket.id));
    }
    wire.cut().await;
    let gone = store
        .submit_ticket(submission(NewTicket::from_body("during")))
        .await
        .expect_err("no database");
    assert!(matches!(gone, StoreError::Unreachable { .. }), "{gone:?}");
    assert_eq!(gone.fault(), Fault::Dependency);
    wire.mend();

    while let Some(answer) = tasks.join_next().await {
        acknowledged.extend(answer.expect("no panic").ok().map(|submitted| submitted.ticket.id));
    }
    store
        .submit_ticket(submission(NewTicket::from_body("after")))
        .await
        .expect("back again");
    assert_eq!(
        store.get_tickets(&acknowledged).await.expect("readable").len(),
        acknowledged.len()
    );
    store.close().await;
    run(&url, &format!("DROP SCHEMA {schema} CASCADE")).await;
}

#[tokio::test]
async fn a_group_shares_one_failure_and_the_next_one_goes_on() {
    let desk = Desk::sqlite().await;
    let mut lost = NewTicket::from_body("lost");
    lost.account_id = Some(uuid::Uuid::now_v7());
    let error = desk.try_submit(lost, None).await.expect_err("unknown");
    assert_eq!(error.fault(), Fault::Caller);
    desk.submit("next").await;
    desk.finish().await;
}
