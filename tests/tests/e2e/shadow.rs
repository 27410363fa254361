//! A version that is tried out beside the active one: counted, settled by corrections, and never in the way.

use std::fs;
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};

use crate::desk_under_test::{Answer, DeskUnderTest, answer, deskwise, models_dir, refused, said};
use crate::sql::run_sql;

const LABELS: [&str; 11] = [
    "account_access",
    "billing_payment",
    "cancellation",
    "complaint_feedback",
    "feature_request",
    "how_to",
    "onboarding_training",
    "orders_delivery",
    "other",
    "security_privacy",
    "technical_problem",
];

/// The label after this one: what the contrary head has learnt to say instead.
fn contrary(label: &str) -> &'static str {
    let at = LABELS.iter().position(|known| *known == label);
    LABELS[(at.expect("a label") + 1) % LABELS.len()]
}

/// A sound head that has learnt another label for everything.
fn contrary_head(desk: &DeskUnderTest, place: &Path) -> PathBuf {
    let rows = fs::read_to_string(models_dir().join("../training/data/tickets.jsonl")).expect("the shipped rows");
    let turned = rows.lines().take(400).map(|line| {
        let row: Value = serde_json::from_str(line).expect("JSON");
        let label = contrary(row["category"].as_str().expect("a label"));
        json!({"text": row["body"], "label": label}).to_string()
    });
    let data = place.join("turned.jsonl");
    fs::write(&data, turned.collect::<Vec<_>>().join("\n")).expect("written");
    let folder = place.join("contrary");
    let mut train = deskwise(desk.folder());
    train
        .args(["train", "classify", "--data"])
        .arg(&data)
        .arg("--out")
        .arg(&folder);
    said(&mut train);
    folder
}

fn model(desk: &DeskUnderTest, arguments: &[&str]) -> std::process::Command {
    let mut command = deskwise(desk.folder());
    command.arg("model").args(arguments);
    command
}

/// A desk whose second version of the category head is contrary.
async fn desk_with_contrary_version() -> DeskUnderTest {
    let desk = DeskUnderTest::start().await;
    let place = tempfile::tempdir().expect("a temporary folder");
    let folder = contrary_head(&desk, place.path());
    let folder = folder.to_str().expect("UTF-8");
    said(&mut model(&desk, &["add", "category", folder]));
    desk
}

async fn shadow(desk: &DeskUnderTest) -> Value {
    desk.get("/v1/models/category").await.body["shadow"].clone()
}

async fn call_off(desk: &DeskUnderTest) -> Answer {
    let path = "/v1/models/category/shadow";
    answer(desk.request(&desk.tokens.admin, Method::DELETE, path)).await
}

async fn invoices(desk: &DeskUnderTest, months: &[&str]) -> Vec<Value> {
    let mut tickets = Vec::new();
    for month in months {
        let body = format!("Our card was charged twice for the {month} invoice, please refund one payment");
        tickets.push(desk.submit(&body).await);
    }
    tickets
}

async fn change(desk: &DeskUnderTest, ticket: &Value, patch: Value) {
    let path = format!("/v1/tickets/{}", ticket["id"].as_str().expect("an id"));
    let version = ticket["version"].as_i64().expect("a version");
    let changed = desk.patch(&path, version, patch).await;
    assert_eq!(changed.status, 200, "{changed:?}");
}

#[tokio::test]
async fn a_challenger_is_counted_settled_and_called_off_and_never_decides() {
    let mut desk = desk_with_contrary_version().await;
    said(&mut model(&desk, &["shadow", "category", "2"]));
    desk.logged("a version is tried out").await;
    let tickets = invoices(&desk, &["January", "February", "March", "April"]).await;
    for ticket in &tickets {
        assert_eq!(
            ticket["category"], "billing_payment",
            "the active version decides: {ticket}"
        );
    }
    let before = shadow(&desk).await;
    assert_eq!(
        (&before["version"], &before["active"]),
        (&json!(2), &json!(1)),
        "{before}"
    );
    assert_eq!(
        (&before["tickets"], &before["settled"]),
        (&json!(4), &json!(0)),
        "{before}"
    );
    assert_eq!(before["agreement"]["value"], 0.0, "it disagrees: {before}");
    assert_eq!(
        (&before["accuracy"], &before["standing"]),
        (&Value::Null, &json!("unclear"))
    );

    for ticket in &tickets[..3] {
        change(&desk, ticket, json!({"status": "solved"})).await;
    }
    let settled = shadow(&desk).await;
    assert_eq!(settled["settled"], 3, "{settled}");
    assert_eq!(
        (&settled["active_accuracy"]["value"], &settled["accuracy"]["value"]),
        (&json!(1.0), &json!(0.0)),
        "{settled}"
    );
    change(&desk, &tickets[3], json!({"category": contrary("billing_payment")})).await;
    let corrected = shadow(&desk).await;
    assert_eq!(
        (&corrected["active_accuracy"]["value"], &corrected["accuracy"]["value"]),
        (&json!(0.75), &json!(0.25)),
        "a correction moves both: {corrected}"
    );
    let figures = desk.get("/metrics").await.body;
    let figures = figures.as_str().expect("text");
    assert!(
        figures.contains("desk_shadow_tickets{head=\"category\"} 4"),
        "{figures}"
    );
    assert!(
        figures.contains("desk_shadow_accuracy{head=\"category\",version=\"challenger\"} 0.25"),
        "{figures}"
    );

    desk.stop().await;
    desk.restart().await;
    assert_eq!(shadow(&desk).await["tickets"], 4, "a restart loses nothing");
    invoices(&desk, &["May"]).await;
    assert_eq!(shadow(&desk).await["tickets"], 5, "and goes on");
    let shown = said(&mut model(&desk, &["show", "category"]));
    assert!(
        shown.contains("tried out beside 1") && shown.contains("McNemar"),
        "{shown}"
    );

    let off = call_off(&desk).await;
    assert_eq!(
        (off.status.as_u16(), &off.body["shadow"]),
        (200, &Value::Null),
        "{off:?}"
    );
    invoices(&desk, &["June"]).await;
    let on = desk.post("/v1/models/category/shadow", json!({"version": 2})).await;
    assert_eq!(on.body["shadow"]["tickets"], 5, "nothing was counted meanwhile: {on:?}");
    let active = desk.post("/v1/models/category/activate", json!({"version": 2})).await;
    assert_eq!(
        active.body["shadow"],
        Value::Null,
        "what is in force is tried out no longer"
    );
    assert!(said(&mut model(&desk, &["shadow", "category", "off"])).contains("was tried out"));
    desk.finish().await;
}

#[tokio::test]
async fn a_challenger_that_cannot_be_used_is_told_and_keeps_nothing_from_its_decision() {
    let mut desk = desk_with_contrary_version().await;
    let in_force = desk.post("/v1/models/category/shadow", json!({"version": 1})).await;
    in_force.is_problem(409, &[]);
    let unknown = desk.post("/v1/models/category/shadow", json!({"version": 9})).await;
    unknown.is_problem(422, &[("version", "unknown")]);
    let reason = refused(&mut model(&desk, &["shadow", "category", "on"]));
    assert!(
        reason.contains("neither the number of a version nor \"off\""),
        "{reason}"
    );
    let path = "/v1/models/category/shadow";
    let body = json!({"version": 2});
    let agent = answer(desk.request(&desk.tokens.agent, Method::POST, path).json(&body)).await;
    agent.is_problem(403, &[]);
    let on = desk.post(path, body).await;
    assert_eq!(on.body["shadow"]["version"], 2, "{on:?}");

    desk.stop().await;
    let weights = desk.folder().join("models/triage-category/2/head.safetensors");
    fs::write(&weights, b"not a head").expect("written");
    run_sql(&desk.database_url(), "DELETE FROM model_files").await;
    desk.restart().await;
    let head = desk.get("/v1/models/category").await.body;
    assert_eq!(head["shadow_refused"]["version"], 2, "{head}");
    let tickets = invoices(&desk, &["July"]).await;
    assert_eq!(tickets[0]["category"], "billing_payment");
    assert_eq!(shadow(&desk).await["tickets"], 0);
    desk.finish().await;
}
