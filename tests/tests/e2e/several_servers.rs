//! Several servers of one desk, each with a data folder of its own, all on one database.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::desk_under_test::{DeskUnderTest, said};
use crate::models::{OTHER_REVISION, another_head, category_revision, model, until_serving};
use crate::outages::fresh_database;
use crate::sql::run_sql;

/// A database in nobody's data folder: PostgreSQL where one is given, else a file of SQLite.
async fn shared_database(place: &Path) -> String {
    match std::env::var("DESK_TEST_POSTGRES_URL") {
        Ok(url) if !url.is_empty() => fresh_database(&url, "servers").await,
        _ => format!("sqlite://{}?mode=rwc", place.join("shared.db").display()),
    }
}

#[tokio::test]
async fn a_version_that_one_server_has_made_serves_on_every_other() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let database = shared_database(place.path()).await;
    let settings = [("DESK_STORE__URL", database.as_str())];
    let mut one = DeskUnderTest::start_empty(&settings).await;
    let mut other = DeskUnderTest::start_empty(&settings).await;
    let folder = another_head(place.path(), |_| {});
    let mut add = model(&one, &["add", "category", folder.to_str().expect("UTF-8")]);
    said(add.envs(settings));
    let version_of = |desk: &DeskUnderTest| desk.folder().join("models/triage-category/2");
    assert!(!version_of(&other).exists());

    let tried = other.post("/v1/models/category/shadow", json!({"version": 2})).await;
    assert_eq!(tried.body["shadow_refused"], json!(null), "{tried:?}");
    assert_eq!(tried.body["shadow"]["version"], 2, "{tried:?}");
    let active = one.post("/v1/models/category/activate", json!({"version": 2})).await;
    assert_eq!(active.body["serving"], 2, "{active:?}");
    let head = until_serving(&other, 2).await;
    assert_eq!(
        (&head["revision"], &head["refused"]),
        (&json!(OTHER_REVISION), &json!(null))
    );
    let weights = |desk: &DeskUnderTest| fs::read(version_of(desk).join("head.safetensors")).expect("weights");
    assert!(weights(&one) == weights(&other), "the same bytes");
    let ticket = other.submit("Please cancel my subscription").await;
    assert_eq!(category_revision(&ticket), Some(OTHER_REVISION), "{ticket}");

    // As it was before the database kept files: the first server to have them brings them in.
    other.stop().await;
    fs::remove_dir_all(version_of(&other)).expect("a folder");
    run_sql(&database, "DELETE FROM model_files").await;
    other.restart().await;
    let head = other.get("/v1/models/category").await.body;
    assert_eq!(
        (&head["serving"], &head["refused"]["version"]),
        (&json!(1), &json!(2)),
        "{head}"
    );
    one.stop().await;
    one.restart().await;
    until_serving(&other, 2).await;
    other.finish().await;
    one.finish().await;
}
