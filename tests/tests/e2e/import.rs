//! `deskwise import tickets`: files in, nothing twice, nothing silently left out.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::desk_under_test::{DeskUnderTest, deskwise, refused, said, weights};

/// Longest wait for a command to end.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);

#[tokio::test]
async fn a_file_is_imported_once_and_its_bad_lines_are_written_down() {
    let desk = DeskUnderTest::start().await;
    let file = desk.folder().join("old.jsonl");
    let lines = [
        json!({"ref": "a-1", "title": "Login", "text": "I cannot sign in since this morning"}).to_string(),
        json!({"ref": "a-2", "title": "", "text": "  "}).to_string(),
        "not json".to_owned(),
        json!({"ref": "a-3", "title": "Factura", "text": "No encuentro la factura de octubre"}).to_string(),
    ];
    fs::write(&file, lines.join("\n")).expect("a file");
    let path = file.to_str().expect("UTF-8");
    let import = [
        "import",
        "tickets",
        path,
        "--subject",
        "title",
        "--text",
        "text",
        "--external-id",
        "ref",
    ];
    // The server runs: rows go into its database and it triages them.
    let first = said(deskwise(desk.folder()).args(import));
    assert!(first.starts_with("2 stored, 0 known before, 2 rejected"), "{first}");
    let again = said(deskwise(desk.folder()).args(import));
    assert!(again.starts_with("0 stored, 2 known before, 2 rejected"), "{again}");
    let rejected = fs::read_to_string(desk.folder().join("old.jsonl.rejected.jsonl")).expect("rejected lines");
    let rejected: Vec<Value> = rejected
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let said: Vec<_> = rejected
        .iter()
        .map(|r| (r["line"].as_u64(), r["reasons"][0]["field"].as_str()))
        .collect();
    assert_eq!(said, [(Some(2), Some("body")), (Some(3), Some("(row)"))]);
    let stored = desk.get("/v1/tickets").await;
    let stored = stored.body["items"].as_array().expect("items").clone();
    assert_eq!(stored.len(), 2);
    assert!(stored.iter().all(|ticket| ticket["state"] != "received"), "{stored:?}");
    desk.finish().await;
}

#[test]
fn a_file_is_imported_and_triaged_without_a_server() {
    weights();
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let file = scratch.path().join("old.csv");
    fs::write(
        &file,
        "id,subject,body\n1,Printer,\"The printer\nis jammed\"\n2,,How do I export?\n",
    )
    .expect("a file");
    let output = said(deskwise(scratch.path()).args(["import", "tickets"]).arg(&file));
    assert!(output.starts_with("2 stored, 0 known before, 0 rejected"), "{output}");
    let indexed = said(deskwise(scratch.path()).arg("reindex"));
    assert!(indexed.contains("the index holds 2 tickets"), "{indexed}");
}

#[test]
fn an_import_does_the_work_itself_when_whoever_had_the_data_folder_is_gone() {
    weights();
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let data = scratch.path().join("data");
    fs::create_dir(&data).expect("a folder");
    let held = fs::File::create(data.join("desk.lock")).expect("a file");
    held.try_lock().expect("free");
    let file = scratch.path().join("old.csv");
    fs::write(&file, "id,body\n1,The printer is jammed\n").expect("a file");
    let mut import = deskwise(&data);
    import.args(["import", "tickets"]).arg(&file);
    let import = import.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut import = import.expect("a program that starts");
    let mut said = String::new();
    let mut out = BufReader::new(import.stdout.take().expect("an output"));
    out.read_line(&mut said).expect("what was stored");
    assert!(said.starts_with("1 stored, 0 known before, 0 rejected"), "{said}");
    drop(held);
    let began = Instant::now();
    let ended = loop {
        match import.try_wait().expect("a child") {
            Some(status) => break status,
            None if began.elapsed() > PATIENCE => {
                import.kill().expect("a running process");
                panic!("it waits for nobody");
            }
            None => std::thread::sleep(LOOK),
        }
    };
    assert!(ended.success(), "{ended}");
}

#[test]
fn a_broken_quote_in_line_70_000_is_named_and_nothing_is_stored() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let file = scratch.path().join("big.csv");
    let mut text = String::from("id,body\n");
    for line in 2..70_000 {
        text.push_str(&format!("{line},\"Ticket, number {line}\"\n"));
    }
    text.push_str("70000,\"A quote that is never closed\n");
    for line in 70_001..70_101 {
        text.push_str(&format!("{line},\"Ticket, number {line}\"\n"));
    }
    fs::write(&file, text).expect("a file");
    let data = scratch.path().join("data");
    let error = refused(deskwise(&data).args(["import", "tickets"]).arg(&file));
    assert!(error.contains("big.csv line 70000:"), "{error}");
    assert!(!data.join("desk.db").exists(), "nothing was stored");
}
