//! `deskwise train fusion`: judged sets in, weights that the program searches with out.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::desk_under_test::{deskwise, refused, said, weights};

const TOPICS: [&str; 16] = [
    "invoice", "printer", "password", "delivery", "refund", "router", "licence", "export", "backup", "webhook",
    "login", "calendar", "keyboard", "camera", "warranty", "voucher",
];

/// Sixteen entries with two questions each.
fn write_set(folder: &Path) {
    let lines = |rows: Vec<Value>| rows.iter().map(|row| format!("{row}\n")).collect::<String>();
    let entry = |topic: &&str| {
        let text = format!("Here is what to do about the {topic} and whom to ask.");
        json!({"_id": topic, "title": format!("All about the {topic}"), "text": text, "language": "en"})
    };
    let questions = |topic: &&str| {
        [("a", "My {} does not work"), ("b", "Who knows about the {}?")].map(
            |(id, text)| json!({"_id": format!("{topic}-{id}"), "text": text.replace("{}", topic), "language": "en"}),
        )
    };
    let judgement = |topic: &&str| format!("{topic}-a\t{topic}\t1\n{topic}-b\t{topic}\t1\n");
    fs::create_dir_all(folder.join("qrels")).expect("a folder");
    let write = |name: &str, text: String| fs::write(folder.join(name), text).expect("a file");
    write("corpus.jsonl", lines(TOPICS.iter().map(entry).collect()));
    write("queries.jsonl", lines(TOPICS.iter().flat_map(questions).collect()));
    let judgements: String = TOPICS.iter().map(judgement).collect();
    write("qrels/test.tsv", format!("query-id\tcorpus-id\tscore\n{judgements}"));
}

#[test]
fn weights_are_learnt_reported_on_what_was_held_out_and_read_again() {
    weights();
    let place = tempfile::tempdir().expect("a temporary folder");
    write_set(&place.path().join("sets/desk"));
    let mut train = deskwise(&place.path().join("data"));
    train.current_dir(place.path());
    train.args(["train", "fusion", "--data", "sets", "--out", "mine", "--json"]);
    let out = said(&mut train);
    let report: Value = serde_json::from_str(out.lines().last().expect("a line")).expect("one JSON object");
    let set = &report["desk"];
    let held_out = set["fused"]["queries"].as_u64().expect("a number");
    assert!((1..32).contains(&held_out), "{set}");
    assert!(
        set["fused"]["ndcg_at_10"]["value"].as_f64().expect("a number") > 0.8,
        "{set}"
    );
    assert!(
        fs::read_to_string(place.path().join("mine/card.md"))
            .expect("a card")
            .contains("held"),
        "card"
    );

    let mut eval = deskwise(&place.path().join("data"));
    eval.current_dir(place.path()).env("DESK_MODELS__SEARCH", "./mine");
    let out = said(eval.args([
        "eval",
        "retrieval",
        "--data",
        "sets/desk",
        "--report",
        "report",
        "--json",
    ]));
    let figures: Value = serde_json::from_str(out.lines().last().expect("a line")).expect("one JSON object");
    assert!(
        figures["recall_at_10"]["value"].as_f64().expect("a number") > 0.9,
        "{figures}"
    );
}

#[test]
fn a_folder_without_judged_sets_is_named() {
    weights();
    let place = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(place.path().join("sets")).expect("a folder");
    let mut train = deskwise(&place.path().join("data"));
    train.current_dir(place.path());
    let error = refused(train.args(["train", "fusion", "--data", "sets", "--out", "mine"]));
    assert!(error.contains("sets has no judged set"), "{error}");
    assert!(!place.path().join("mine").exists());
}
