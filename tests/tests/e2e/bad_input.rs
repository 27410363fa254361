//! What nobody should send, each answered with a problem that names the field, and nothing stored.

use reqwest::Method;
use serde_json::json;

use crate::desk_under_test::{DeskUnderTest, answer};

/// Checks that nothing came of it and the desk still works.
async fn nothing_was_stored(desk: DeskUnderTest) {
    let tickets = desk.get("/v1/tickets").await;
    assert_eq!(tickets.body["items"], json!([]), "{tickets:?}");
    desk.submit("The till does not open").await;
    desk.finish().await;
}

#[tokio::test]
async fn not_json() {
    let desk = DeskUnderTest::start().await;
    desk.post_raw("/v1/tickets", "hello")
        .await
        .is_problem(400, &[("(body)", "not_json")]);
    desk.post_raw("/v1/tickets", "")
        .await
        .is_problem(400, &[("(body)", "empty")]);
    desk.post_raw("/v1/tickets", "{\"body\": \"x\"")
        .await
        .is_problem(400, &[("(body)", "not_json")]);
    desk.post_raw("/v1/tickets", "[\"x\"]")
        .await
        .is_problem(400, &[("(body)", "wrong_type")]);
    let form = desk
        .request(&desk.tokens.admin, Method::POST, "/v1/tickets")
        .header("Content-Type", "text/plain")
        .body("x");
    answer(form).await.is_problem(415, &[("Content-Type", "unsupported")]);
    nothing_was_stored(desk).await;
}

#[tokio::test]
async fn wrong_types_and_unknown_fields_are_all_named() {
    let desk = DeskUnderTest::start().await;
    let body = json!({"subject": 5, "body": "x", "tags": ["a", 7], "priority": "high"});
    let answer = desk.post("/v1/tickets", body).await;
    answer.is_problem(
        422,
        &[
            ("priority", "unknown_field"),
            ("subject", "wrong_type"),
            ("tags[1]", "wrong_type"),
        ],
    );
    desk.post("/v1/tickets", json!({"subject": "x"}))
        .await
        .is_problem(422, &[("body", "missing")]);
    nothing_was_stored(desk).await;
}

#[tokio::test]
async fn empty_and_blank_text() {
    let desk = DeskUnderTest::start().await;
    for blank in ["", " \n\t", "\u{200B}", "\u{00A0}"] {
        desk.post("/v1/tickets", json!({"body": blank}))
            .await
            .is_problem(422, &[("body", "empty")]);
        desk.post("/v1/triage", json!({"body": blank}))
            .await
            .is_problem(422, &[("body", "empty")]);
    }
    nothing_was_stored(desk).await;
}

#[tokio::test]
async fn ten_megabytes() {
    let desk = DeskUnderTest::start().await;
    let body = format!("{{\"body\": \"{}\"}}", "x".repeat(10_000_000));
    desk.post_raw("/v1/tickets", body)
        .await
        .is_problem(413, &[("(body)", "too_long")]);
    nothing_was_stored(desk).await;
}

#[tokio::test]
async fn characters_that_are_none() {
    let desk = DeskUnderTest::start().await;
    desk.post_raw("/v1/tickets", r#"{"body": "a\u0000b"}"#)
        .await
        .is_problem(422, &[("body", "control_character")]);
    desk.post_raw("/v1/tickets", "{\"body\": \"a\0b\"}")
        .await
        .is_problem(400, &[("body", "control_character")]);
    desk.post_raw("/v1/tickets", r#"{"subject": "a\ud800", "body": "x"}"#)
        .await
        .is_problem(400, &[("subject", "lone_surrogate")]);
    desk.post_raw("/v1/tickets", b"{\"body\": \"caf\xe9\"}".to_vec())
        .await
        .is_problem(400, &[("body", "invalid_utf8")]);
    desk.get("/v1/tickets?external_id=a%00b")
        .await
        .is_problem(422, &[("external_id", "control_character")]);
    nothing_was_stored(desk).await;
}

#[tokio::test]
async fn a_filter_longer_than_what_it_is_compared_with() {
    let desk = DeskUnderTest::start().await;
    let (tag, name) = ("x".repeat(51), "x".repeat(201));
    for list in ["tickets", "articles"] {
        desk.get(&format!("/v1/{list}?language={tag}&tag={tag}&external_id={name}"))
            .await
            .is_problem(
                422,
                &[
                    ("language", "malformed"),
                    ("tag", "malformed"),
                    ("external_id", "malformed"),
                ],
            );
        let longest = desk
            .get(&format!("/v1/{list}?tag={}&external_id={}", &tag[1..], &name[1..]))
            .await;
        assert_eq!(longest.status, 200, "{longest:?}");
    }
    desk.get(&format!("/v1/search/insights?language={tag}"))
        .await
        .is_problem(422, &[("language", "malformed")]);
    nothing_was_stored(desk).await;
}

#[tokio::test]
async fn an_unknown_account_category_and_cursor() {
    let desk = DeskUnderTest::start().await;
    let nobody = "00000000-0000-7000-8000-000000000000";
    let answer = desk
        .post("/v1/tickets", json!({"body": "x", "account_id": nobody}))
        .await;
    answer.is_problem(422, &[("account_id", "unknown")]);
    let answer = desk
        .post("/v1/tickets", json!({"body": "x", "account_id": "acme"}))
        .await;
    answer.is_problem(422, &[("account_id", "malformed")]);
    desk.get("/v1/tickets?category=billing")
        .await
        .is_problem(422, &[("category", "malformed")]);
    desk.get("/v1/tickets?cursor=eyJ4Ijox")
        .await
        .is_problem(422, &[("cursor", "foreign")]);
    desk.get("/v1/tickets?colour=red&limit=0")
        .await
        .is_problem(422, &[("colour", "unknown_field")]);
    desk.get("/v1/tickets?state=lost&limit=0")
        .await
        .is_problem(422, &[("state", "malformed"), ("limit", "malformed")]);
    nothing_was_stored(desk).await;
}

#[tokio::test]
async fn what_is_sent_is_never_repeated_in_an_error_or_the_log() {
    let desk = DeskUnderTest::start().await;
    let answer = desk
        .post(
            "/v1/tickets",
            json!({"body": {"hush": "tell-nobody"}, "channel": "tell-nobody"}),
        )
        .await;
    assert!(!answer.body.to_string().contains("tell-nobody"), "{answer:?}");
    desk.submit("My password is tell-nobody, please change it").await;
    desk.until_all_decided().await;
    assert!(!desk.log().contains("tell-nobody"), "{}", desk.log());
    desk.finish().await;
}
