//! Versions of the heads: switched under load, refused when broken, taken back.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::desk_under_test::{DeskUnderTest, answer, deskwise, models_dir, refused, said};
use crate::sql::run_sql;

/// Longest wait for a server to follow.
const PATIENCE: Duration = Duration::from_secs(900);
/// The revision of the version that tests add.
pub const OTHER_REVISION: &str = "ffffffffffff";

/// A sound category head of another revision: the shipped one, its manifest changed.
pub fn another_head(place: &Path, change: impl Fn(&mut toml::Table)) -> PathBuf {
    let from = models_dir().join("triage-category");
    let folder = place.join("candidate");
    fs::create_dir_all(&folder).expect("a folder");
    fs::copy(from.join("head.safetensors"), folder.join("head.safetensors")).expect("a copy");
    let manifest = fs::read_to_string(from.join("manifest.toml")).expect("a manifest");
    let mut manifest: toml::Table = manifest.parse().expect("TOML");
    manifest.insert("revision".into(), OTHER_REVISION.into());
    change(&mut manifest);
    fs::write(folder.join("manifest.toml"), manifest.to_string()).expect("written");
    folder
}

pub fn model(desk: &DeskUnderTest, arguments: &[&str]) -> std::process::Command {
    let mut command = deskwise(desk.folder());
    command.arg("model").args(arguments);
    command
}

pub fn add(desk: &DeskUnderTest, folder: &Path) {
    let folder = folder.to_str().expect("UTF-8");
    said(&mut model(desk, &["add", "category", folder]));
}

pub async fn until_serving(desk: &DeskUnderTest, version: i64) -> Value {
    let began = Instant::now();
    loop {
        let head = desk.get("/v1/models/category").await;
        assert_eq!(head.status, 200, "{head:?}");
        if head.body["serving"] == version {
            return head.body;
        }
        assert!(began.elapsed() < PATIENCE, "never followed: {}", head.body);
        tokio::task::yield_now().await;
    }
}

pub fn category_revision(ticket: &Value) -> Option<&str> {
    let models = ticket["decision"]["models"].as_array()?;
    let category = models.iter().find(|model| model["role"] == "category")?;
    category["revision"].as_str()
}

#[tokio::test]
async fn a_version_is_switched_under_load_and_taken_back_without_losing_a_request() {
    let desk = DeskUnderTest::start().await;
    let place = tempfile::tempdir().expect("a temporary folder");
    add(&desk, &another_head(place.path(), |_| {}));
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..4 {
        let request = desk.request(&desk.tokens.admin, Method::POST, "/v1/tickets");
        let stop = Arc::clone(&stop);
        clients.spawn(async move {
            let mut answers = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let body = json!({"body": format!("Client {client}, letter {}: the invoice is wrong", answers.len())});
                let request = request.try_clone().expect("no stream");
                answers.push(answer(request.json(&body)).await);
            }
            answers
        });
    }
    said(&mut model(&desk, &["activate", "category", "2", "--reason", "a trial"]));
    let head = until_serving(&desk, 2).await;
    assert_eq!(
        (&head["active"], &head["revision"]),
        (&json!(2), &json!(OTHER_REVISION))
    );
    let ticket = desk.submit("Please cancel my subscription").await;
    assert_eq!(category_revision(&ticket), Some(OTHER_REVISION), "{ticket}");
    let back = desk.post("/v1/models/category/rollback", json!({})).await;
    assert_eq!(
        (back.status.as_u16(), &back.body["serving"]),
        (200, &json!(1)),
        "{back:?}"
    );
    let again = desk.post("/v1/models/category/rollback", json!({})).await;
    again.is_problem(409, &[]);
    stop.store(true, Ordering::Relaxed);
    let answers: Vec<_> = clients.join_all().await.into_iter().flatten().collect();
    assert!(!answers.is_empty());
    for answer in &answers {
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    desk.finish().await;
}

#[tokio::test]
async fn the_precision_a_desk_asks_for_holds_for_every_version() {
    async fn threshold(desk: &DeskUnderTest) -> f64 {
        let said = desk
            .post("/v1/triage", json!({"body": "Please cancel my subscription"}))
            .await;
        said.body["decision"]["category"]["threshold"]
            .as_f64()
            .unwrap_or_else(|| panic!("{said:?}"))
    }
    let by_manifest = DeskUnderTest::start_empty(&[]).await;
    let shipped = threshold(&by_manifest).await;
    by_manifest.finish().await;
    let desk = DeskUnderTest::start_empty(&[("DESK_TRIAGE__CATEGORY_PRECISION", "0.97")]).await;
    let asked = threshold(&desk).await;
    assert!(asked > shipped, "{asked} against {shipped}");
    let place = tempfile::tempdir().expect("a temporary folder");
    add(&desk, &another_head(place.path(), |_| {}));
    let active = desk.post("/v1/models/category/activate", json!({"version": 2})).await;
    assert_eq!(active.body["serving"], 2, "{active:?}");
    assert_eq!(threshold(&desk).await, asked);
    desk.finish().await;
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_and_the_old_version_serves() {
    let mut desk = DeskUnderTest::start().await;
    let place = tempfile::tempdir().expect("a temporary folder");
    let stranger = another_head(place.path(), |manifest| {
        manifest["head"]["encoder"]["name"] = "another-encoder".into();
    });
    let reason = refused(&mut model(
        &desk,
        &["add", "category", stranger.to_str().expect("UTF-8")],
    ));
    assert!(reason.contains("another-encoder"), "{reason}");
    let reason = refused(&mut model(&desk, &["activate", "category", "2"]));
    assert!(reason.contains("no version 2"), "{reason}");
    add(&desk, &another_head(place.path(), |_| {}));
    let unknown = desk.post("/v1/models/category/activate", json!({"version": 9})).await;
    unknown.is_problem(422, &[("version", "unknown")]);
    let why = json!({"version": 2, "reason": "better\u{0}"});
    let unfit = desk.post("/v1/models/category/activate", why).await;
    unfit.is_problem(422, &[("reason", "control_character")]);
    let why = json!({"version": 2, "reason": "so ".repeat(1_000)});
    let unfit = desk.post("/v1/models/category/activate", why).await;
    unfit.is_problem(422, &[("reason", "too_long")]);
    let active = desk.post("/v1/models/category/activate", json!({"version": 2})).await;
    assert_eq!(active.body["serving"], 2, "{active:?}");

    desk.stop().await;
    let weights = desk.folder().join("models/triage-category/2/head.safetensors");
    fs::write(&weights, b"not a head").expect("written");
    desk.restart().await;
    let head = desk.get("/v1/models/category").await.body;
    assert_eq!(head["serving"], 2, "the database has its files: {head}");

    desk.stop().await;
    fs::write(&weights, b"not a head").expect("written");
    run_sql(&desk.database_url(), "DELETE FROM model_files").await;
    desk.restart().await;
    let head = desk.get("/v1/models/category").await.body;
    assert_eq!((&head["active"], &head["serving"]), (&json!(2), &json!(1)), "{head}");
    assert_eq!(head["refused"]["version"], 2, "{head}");
    assert!(
        head["refused"]["reason"]
            .as_str()
            .is_some_and(|why| why.contains("sha256")),
        "{head}"
    );
    desk.submit("Please cancel my subscription").await;
    desk.post("/v1/models/category/rollback", json!({})).await;
    let broken = desk.post("/v1/models/category/activate", json!({"version": 2})).await;
    broken.is_problem(409, &[]);
    let head = until_serving(&desk, 1).await;
    assert_eq!((&head["active"], &head["refused"]), (&json!(1), &Value::Null), "{head}");
    desk.finish().await;
}

#[tokio::test]
async fn what_a_crash_left_where_a_version_belongs_is_replaced() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let place = tempfile::tempdir().expect("a temporary folder");
    for left in ["2", "2.incoming"] {
        let left = desk.folder().join("models/triage-category").join(left);
        fs::create_dir_all(&left).expect("a folder");
        fs::write(left.join("half"), b"of a head").expect("written");
    }
    let candidate = another_head(place.path(), |_| {});
    add(&desk, &candidate);
    assert!(!desk.folder().join("models/triage-category/2/half").exists());
    let active = desk.post("/v1/models/category/activate", json!({"version": 2})).await;
    assert_eq!(active.body["serving"], 2, "{active:?}");
    let again = refused(&mut model(
        &desk,
        &["add", "category", candidate.to_str().expect("UTF-8")],
    ));
    assert!(again.contains("is version 2 already"), "{again}");
    let third = another_head(place.path(), |manifest| {
        manifest.insert("revision".into(), "eeeeeeeeeeee".into());
    });
    add(&desk, &third);
    let weights = "models/triage-category";
    for file in ["manifest.toml", "head.safetensors"] {
        let of = |version: &str| desk.folder().join(weights).join(version).join(file);
        fs::copy(of("2"), of("3")).expect("a copy");
    }
    run_sql(&desk.database_url(), "DELETE FROM model_files").await;
    let swapped = desk.post("/v1/models/category/activate", json!({"version": 3})).await;
    swapped.is_problem(409, &[]);
    desk.finish().await;
}
