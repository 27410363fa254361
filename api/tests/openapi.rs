//! The OpenAPI document is a promise: a change must be accepted by hand.

use std::path::Path;

/// Set to write the document as it is now.
const ACCEPT: &str = "DESK_TEST_ACCEPT_SNAPSHOTS";

#[test]
fn the_document_is_the_accepted_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let now = api::http::openapi().to_pretty_json().expect("JSON") + "\n";
    if std::env::var_os(ACCEPT).is_some() {
        std::fs::write(&path, &now).expect("a writable file");
    }
    let accepted = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        accepted == now,
        "the API changed; look at it and accept it with {ACCEPT}=1 cargo test -p api --test openapi"
    );
}

#[test]
fn every_operation_says_what_it_answers_and_refuses() {
    let document = serde_json::to_value(api::http::openapi()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    assert!(paths.len() >= 16, "{}", paths.len());
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().expect("operations") {
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            let answers = operation["responses"].as_object().expect("responses");
            assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path}");
        }
    }
}
