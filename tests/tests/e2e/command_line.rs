//! The command line: settings, folders, ports and models that cannot be used, each with advice.

use std::fs;

use serde_json::json;

use crate::desk_under_test::{DeskUnderTest, deskwise, models_dir, refused, said, weights};

#[test]
fn config_prints_what_is_in_force_with_masks() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let file = scratch.path().join("desk.toml");
    fs::write(
        &file,
        "[store]\nurl = \"postgres://desk:hunter2@db/desk\"\n[http]\ntimeout_ms = 5\n",
    )
    .expect("a file");
    let mut command = deskwise(scratch.path());
    command
        .args(["config", "--config"])
        .arg(&file)
        .env("DESK_HTTP__TIMEOUT_MS", "7")
        .env("DESK_SEARCH__API_KEY", "123456");
    let shown = said(&mut command);
    assert!(
        shown.contains("timeout_ms = 7") && shown.contains("listen = \"127.0.0.1:8080\""),
        "{shown}"
    );
    assert!(!shown.contains("hunter2") && !shown.contains("123456"), "{shown}");
}

#[test]
fn unknown_keys_are_refused_in_files_and_variables() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let file = scratch.path().join("desk.toml");
    fs::write(&file, "[http]\nlisen = \"127.0.0.1:1\"\n").expect("a file");
    let error = refused(deskwise(scratch.path()).args(["config", "--config"]).arg(&file));
    assert!(
        error.contains("http.lisen is not a setting") && error.contains("desk.toml"),
        "{error}"
    );
    let error = refused(deskwise(scratch.path()).arg("config").env("DESK_HTTP_LISTEN", "x"));
    assert!(error.contains("DESK_HTTP__LISTEN"), "{error}");
    let error = refused(
        deskwise(scratch.path())
            .arg("config")
            .env("DESK_HTTP__TIMEOUT_MS", "soon"),
    );
    assert!(error.contains("http.timeout_ms"), "{error}");
}

#[tokio::test]
async fn a_folder_or_a_port_in_use_is_said_with_advice() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let error = refused(deskwise(desk.folder()).args(["serve", "--listen", "127.0.0.1:0"]));
    assert!(
        error.contains("in use by another process") && error.contains("--data-dir"),
        "{error}"
    );
    let taken = desk.url().trim_start_matches("http://").to_owned();
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let error = refused(deskwise(scratch.path()).args(["serve", "--listen", &taken]));
    assert!(
        error.contains("in use by another program") && error.contains("--listen"),
        "{error}"
    );
    desk.finish().await;
}

/// Below a file no folder can be made, whoever asks; permissions alone do not stop root.
#[test]
fn a_folder_that_cannot_be_written_is_said_with_advice() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let file = scratch.path().join("file");
    fs::write(&file, "").expect("a file");
    let error = refused(deskwise(&file.join("data")).args(["serve", "--listen", "127.0.0.1:0"]));
    assert!(
        error.contains("could not write to the data folder") && error.contains("what to do:"),
        "{error}"
    );
}

#[test]
fn a_model_with_a_missing_file_or_a_wrong_sum_is_named() {
    weights();
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let head = scratch.path().join("head");
    fs::create_dir(&head).expect("a folder");
    fs::copy(
        models_dir().join("triage-category/manifest.toml"),
        head.join("manifest.toml"),
    )
    .expect("a copy");
    let serve = || {
        let mut command = deskwise(&scratch.path().join("data"));
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("DESK_MODELS__CATEGORY", &head);
        command
    };
    let error = refused(&mut serve());
    assert!(error.contains("head.safetensors"), "{error}");
    fs::write(head.join("head.safetensors"), "something else").expect("a file");
    let error = refused(&mut serve());
    let manifest = fs::read_to_string(head.join("manifest.toml")).expect("a manifest");
    let expected = manifest
        .lines()
        .find_map(|line| line.split_once("sha256 = \""))
        .expect("a sum")
        .1;
    assert!(
        error.contains(expected.trim_end_matches(['"', ' ', '}', ']'])),
        "names the expected sum: {error}"
    );
}

#[test]
fn texts_become_a_numpy_file() {
    weights();
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let (texts, out) = (scratch.path().join("texts"), scratch.path().join("vectors.npy"));
    fs::write(&texts, "hello\n\nadiós\n").expect("a file");
    said(
        deskwise(scratch.path())
            .args(["embed", "--texts"])
            .arg(&texts)
            .arg("--out")
            .arg(&out),
    );
    let bytes = fs::read(&out).expect("a file");
    assert!(bytes.starts_with(b"\x93NUMPY"));
    assert!(String::from_utf8_lossy(&bytes[..128]).contains("'shape': (3, 384)"));
    assert_eq!(bytes.len() % 64, 3 * 384 * 4 % 64);
}

#[tokio::test]
async fn a_full_disk_loses_nothing() {
    // The size limit of the database stands for the disk's: SQLite says the same of both.
    let desk = DeskUnderTest::start_with(&[("DESK_STORE__MAX_BYTES", "700000")]).await;
    let long = "The same line of a very long log. ".repeat(2_000);
    let mut acknowledged = Vec::new();
    let refused = loop {
        let answer = desk
            .post("/v1/tickets", json!({"body": format!("{} {long}", acknowledged.len())}))
            .await;
        match answer.status.as_u16() {
            201 => acknowledged.push(answer.body["id"].as_str().expect("an id").to_owned()),
            _ => break answer,
        }
        assert!(acknowledged.len() < 100, "the limit is never reached");
    };
    refused.is_problem(503, &[]);
    for id in acknowledged {
        assert_eq!(desk.get(&format!("/v1/tickets/{id}")).await.status, 200);
    }
}
