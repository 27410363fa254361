//! Heads fitted anew from what agents have corrected, by command and by schedule, and tickets unlike those before.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::desk_under_test::{DeskUnderTest, deskwise, models_dir, refused, said};
use crate::models::{add, another_head, until_serving};
use crate::sql::texts;

const THINGS: [&str; 20] = [
    "bakery", "bookshop", "florist", "butcher", "pharmacy", "kiosk", "garage", "museum", "canteen", "library",
    "theatre", "market", "barber", "dairy", "tannery", "winery", "brewery", "gallery", "stable", "harbour",
];
const WISHES: [&str; 10] = [
    "points of my loyalty card are missing",
    "loyalty card shows another name",
    "customers ask why the loyalty card has no points",
    "please look at the loyalty card balance",
    "the loyalty card was not counted",
    "two loyalty cards, one customer",
    "birthday bonus on the loyalty card never came",
    "loyalty card points expired too early",
    "we printed loyalty cards and nobody gets points",
    "a loyalty card was stolen, move its points",
];

/// An empty desk that takes as many requests as come.
async fn unlimited_desk() -> DeskUnderTest {
    DeskUnderTest::start_empty(&[
        ("DESK_RATE_LIMIT__PER_SECOND", "1000"),
        ("DESK_RATE_LIMIT__BURST", "1000"),
    ])
    .await
}

/// A desk whose agents file everything about loyalty cards under another category than the shipped head does.
async fn corrected_desk() -> DeskUnderTest {
    let desk = unlimited_desk().await;
    for thing in THINGS {
        for wish in WISHES {
            let ticket = desk.submit(&format!("At the {thing}: {wish}")).await;
            let path = format!("/v1/tickets/{}", ticket["id"].as_str().expect("an id"));
            let version = ticket["version"].as_i64().expect("a version");
            let patch = json!({"category": "orders_delivery", "status": "solved"});
            let changed = desk.patch(&path, version, patch).await;
            assert_eq!(changed.status, 200, "{changed:?}");
        }
    }
    desk
}

fn retrain(desk: &DeskUnderTest) -> std::process::Command {
    let mut command = deskwise(desk.folder());
    command.args(["retrain", "--head", "category", "--json"]);
    command
}

#[tokio::test]
async fn a_head_learns_from_corrections_whose_vectors_are_in_the_index() {
    let mut desk = corrected_desk().await;
    desk.stop().await;
    let mut first = retrain(&desk);
    let outcome = said(first.env("DESK_TRIAGE__CATEGORY_PRECISION", "0.95"));
    let outcome: Value = serde_json::from_str(&outcome).expect("JSON");
    assert_eq!(
        (&outcome["version"], &outcome["outcome"]),
        (&json!(2), &json!("promoted")),
        "{outcome}"
    );
    let reason = outcome["reason"].as_str().expect("a text");
    assert!(
        reason.contains(" corrected, 0 merely solved)") && reason.contains("alone and is right on"),
        "{reason}"
    );
    assert_eq!(outcome["own_rows"], outcome["own_corrected"], "{outcome}");
    let accuracy = &outcome["comparison"]["accuracy"];
    assert!(accuracy["b"].as_f64() > accuracy["a"].as_f64(), "{outcome}");
    assert!(outcome["shipped_rows"].as_u64() > Some(1_000), "{outcome}");
    assert!(
        outcome["embedded"].as_u64() <= outcome["shipped_rows"].as_u64(),
        "the desk's own tickets are not embedded again: {outcome}"
    );
    let version = desk.folder().join("models/triage-category/2");
    let manifest = fs::read_to_string(version.join("manifest.toml")).expect("a manifest");
    assert!(manifest.contains("target_precision = 0.95\n"), "{manifest}");
    judges_no_ticket_it_has_learnt(&desk, &version);
    let added = texts(
        &desk.database_url(),
        "SELECT actor FROM events WHERE kind = 'model.added'",
    )
    .await;
    assert!(added.len() == 1 && added[0].contains("\"retrain\""), "{added:?}");
    desk.restart().await;
    let head = until_serving(&desk, 2).await;
    assert_eq!(head["versions"][1]["origin"], "retrained", "{head}");
    // Not told again, it keeps the precision of the head in force, and so comes to the same head.
    let again: Value = serde_json::from_str(&said(&mut retrain(&desk))).expect("JSON");
    assert_eq!(
        (&again["version"], &again["outcome"], &again["embedded"]),
        (&json!(2), &json!("unchanged"), &json!(0)),
        "{again}"
    );
    let versions = desk.get("/v1/models/category").await.body["versions"].clone();
    assert_eq!(versions.as_array().map(Vec::len), Some(2), "{versions}");
    assert!(
        head["activations"][0]["reason"]
            .as_str()
            .is_some_and(|why| why.contains("McNemar")),
        "{head}"
    );
    let learnt = desk.submit("At the cinema: loyalty card points are not there").await;
    assert_eq!(learnt["category"], "orders_delivery", "{learnt}");
    let known = desk
        .submit("Our card was charged twice for the October invoice, please refund one payment")
        .await;
    assert_eq!(
        known["category"], "billing_payment",
        "what it knew before is not forgotten: {known}"
    );
    desk.finish().await;
}

/// A version of the desk is judged by what no version learns from: about a fifth of the 180 newest tickets.
fn judges_no_ticket_it_has_learnt(desk: &DeskUnderTest, version: &Path) {
    let mut command = deskwise(desk.folder());
    command.args(["eval", "history", "--newest", "0.9", "--json", "--head"]);
    command.arg(version).arg("--report").arg(desk.folder().join("report"));
    let out = said(&mut command);
    let measured: Value = serde_json::from_str(out.lines().last().expect("a line")).expect("JSON");
    let judged = measured["rows"].as_f64().expect("a number");
    let learnt = measured["facts"]["rows_left_out_as_learnt"].as_f64().expect("a number");
    assert_eq!(judged + learnt, 180.0, "{measured}");
    assert!((10.0..70.0).contains(&judged), "{judged} rows are judged");
}

#[tokio::test]
async fn a_desk_with_little_to_learn_from_is_told_so() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    desk.submit("Please cancel my subscription").await;
    let reason = refused(&mut retrain(&desk));
    assert!(reason.contains("0 settled tickets"), "{reason}");
    assert_eq!(
        desk.get("/v1/models/category").await.body["versions"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    desk.finish().await;
}

#[tokio::test]
async fn what_the_shipped_heads_have_learnt_judges_no_new_one() {
    let desk = unlimited_desk().await;
    let sample = fs::read_to_string(models_dir().join("../training/data/tickets.jsonl")).expect("the shipped rows");
    let sample: Vec<Value> = sample
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    for row in sample.iter().take(150) {
        let subject = row["subject"].as_str().filter(|subject| !subject.is_empty());
        let ticket = desk
            .post("/v1/tickets", json!({"subject": subject, "body": row["body"]}))
            .await;
        assert_eq!(ticket.status, 201, "{ticket:?}");
        let ticket = ticket.body;
        let path = format!("/v1/tickets/{}", ticket["id"].as_str().expect("an id"));
        let version = ticket["version"].as_i64().expect("a version");
        let solved = desk.patch(&path, version, json!({"status": "solved"})).await;
        assert_eq!(solved.status, 200, "{solved:?}");
    }
    let reason = refused(&mut retrain(&desk));
    assert!(reason.contains("0 to judge it by"), "{reason}");
    assert!(reason.contains("more have texts that the shipped head"), "{reason}");
    desk.finish().await;
}

#[tokio::test]
async fn a_running_server_retrains_by_its_schedule() {
    let desk = DeskUnderTest::start_empty(&[("DESK_LEARNING__RETRAIN_SECONDS", "1")]).await;
    for head in ["category", "priority"] {
        let line = desk.logged(&format!("a head was not retrained head={head}")).await;
        assert!(line.contains("0 settled tickets"), "{line}");
    }
    desk.submit("Please cancel my subscription").await;
    desk.finish().await;
}

#[tokio::test]
async fn a_running_server_learns_by_its_schedule_from_the_vectors_it_has() {
    let mut desk = corrected_desk().await;
    desk.stop().await;
    // Not before: a process that waits for the processor while tickets come in meets more of them than it was handed vectors.
    desk.set("DESK_LEARNING__RETRAIN_SECONDS", "2");
    desk.restart().await;
    let line = desk.logged("a head was retrained head=category version=2").await;
    let embedded = line.split("embedded=").nth(1).and_then(|rest| rest.split(' ').next());
    let embedded: usize = embedded.and_then(|count| count.parse().ok()).expect("a number");
    let shipped = fs::read_to_string(models_dir().join("../training/data/tickets.jsonl")).expect("the shipped rows");
    assert!(
        embedded <= shipped.lines().count(),
        "the desk's own tickets are not embedded again: {line}"
    );
    until_serving(&desk, 2).await;
    // By the server: a process that runs only when nothing else does would hold up whoever writes for too long.
    desk.logged("the files of a version are kept in the database head=category version=2")
        .await;
    desk.finish().await;
}

#[tokio::test]
async fn tickets_of_one_kind_alone_are_seen_as_drift() {
    let desk = unlimited_desk().await;
    let nothing = json!({
        "tickets": 0, "labels_psi": null, "labels_psi_by_chance": null, "vectors_distance": null
    });
    let before = desk.get("/v1/models/category").await.body;
    assert_eq!(before["drift"], nothing);
    for month in ["January", "February", "March", "April", "May"] {
        for thing in THINGS {
            let body = format!("Our {thing} was charged twice for the {month} invoice, please refund one payment");
            desk.submit(&body).await;
        }
        let drift = desk.get("/v1/models/category").await.body["drift"].clone();
        let is_enough = drift["tickets"].as_u64() >= Some(65);
        assert_eq!(drift["labels_psi"].is_null(), !is_enough, "{drift}");
    }
    let drift = desk.get("/v1/models/category").await.body["drift"].clone();
    assert_eq!(drift["tickets"], 100, "{drift}");
    assert!(drift["labels_psi"].as_f64() > Some(0.25), "{drift}");
    assert!(
        drift["labels_psi"].as_f64() > drift["labels_psi_by_chance"].as_f64(),
        "{drift}"
    );
    assert!(drift["vectors_distance"].as_f64() > Some(0.2), "{drift}");
    let figures = desk.get("/metrics").await.body;
    let figures = figures.as_str().expect("text");
    assert!(
        figures.contains("desk_drift_tickets{head=\"category\"} 100"),
        "{figures}"
    );

    let place = tempfile::tempdir().expect("a temporary folder");
    add(&desk, &another_head(place.path(), |_| {}));
    let switched = desk.post("/v1/models/category/activate", json!({"version": 2})).await;
    assert_eq!(
        switched.body["drift"], nothing,
        "what another version said counts no more"
    );
    desk.finish().await;
}
