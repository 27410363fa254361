//! Who may call, and how often.

use reqwest::Method;
use serde_json::json;

use crate::desk_under_test::{DeskUnderTest, answer, deskwise, said};

#[tokio::test]
async fn no_token_a_foreign_one_and_a_revoked_one() {
    let desk = DeskUnderTest::start().await;
    let anonymous = answer(desk.anonymous(Method::GET, "/v1/tickets")).await;
    anonymous.is_problem(401, &[]);
    assert_eq!(anonymous.headers["www-authenticate"], "Bearer");
    answer(desk.request("desk_nobody", Method::GET, "/v1/tickets"))
        .await
        .is_problem(401, &[]);

    let list = said(deskwise(desk.folder()).args(["token", "list"]));
    assert!(!list.contains(&desk.tokens.agent), "secrets are never listed");
    let id = list
        .lines()
        .find(|line| line.ends_with("  agent"))
        .and_then(|line| line.split(' ').next())
        .expect("a row");
    said(deskwise(desk.folder()).args(["token", "revoke", id]));
    let revoked = answer(desk.request(&desk.tokens.agent, Method::GET, "/v1/tickets")).await;
    revoked.is_problem(401, &[]);
    assert!(
        revoked.body["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("revoked")),
        "{revoked:?}"
    );
    desk.finish().await;
}

#[tokio::test]
async fn roles_may_do_what_they_are_for() {
    let desk = DeskUnderTest::start().await;
    let team = json!({"name": "Late shift"});
    answer(desk.request(&desk.tokens.agent, Method::POST, "/v1/teams").json(&team))
        .await
        .is_problem(403, &[]);
    answer(desk.request(&desk.tokens.intake, Method::GET, "/v1/tickets"))
        .await
        .is_problem(403, &[]);
    let ticket = json!({"body": "I cannot sign in any more"});
    let submitted = answer(
        desk.request(&desk.tokens.intake, Method::POST, "/v1/tickets")
            .json(&ticket),
    )
    .await;
    assert_eq!(submitted.status, 201, "{submitted:?}");
    let (id, number) = (submitted.body["id"].as_str().expect("an id"), &submitted.body["number"]);
    let by_id = answer(desk.request(&desk.tokens.intake, Method::GET, &format!("/v1/tickets/{id}"))).await;
    assert_eq!(by_id.status, 200, "{by_id:?}");
    answer(desk.request(&desk.tokens.intake, Method::GET, &format!("/v1/tickets/{number}")))
        .await
        .is_problem(403, &[]);
    let by_number = answer(desk.request(&desk.tokens.agent, Method::GET, &format!("/v1/tickets/{number}"))).await;
    assert_eq!(by_number.body["id"], id);
    desk.finish().await;
}

#[tokio::test]
async fn a_token_that_asks_too_much_is_told_when_to_come_back() {
    let limits = [("DESK_RATE_LIMIT__PER_SECOND", "1"), ("DESK_RATE_LIMIT__BURST", "3")];
    let desk = DeskUnderTest::start_empty(&limits).await;
    let mut answers = Vec::new();
    for _ in 0..10 {
        answers.push(answer(desk.request(&desk.tokens.agent, Method::GET, "/v1/teams")).await);
    }
    let denied = answers.iter().find(|answer| answer.status == 429).expect("a limit");
    denied.is_problem(429, &[]);
    assert_eq!(denied.headers["retry-after"], "1");
    let another = answer(desk.request(&desk.tokens.admin, Method::GET, "/v1/teams")).await;
    assert_eq!(another.status, 200, "one token does not spend another's");
}

#[tokio::test]
async fn unknown_routes_and_methods_are_problems_too() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    desk.get("/v1/nothing").await.is_problem(404, &[]);
    desk.get("/").await.is_problem(404, &[]);
    let deleted = answer(desk.request(&desk.tokens.admin, Method::DELETE, "/v1/tickets")).await;
    deleted.is_problem(405, &[]);
    assert!(deleted.headers.contains_key("allow"), "{deleted:?}");
    desk.get("/v1/tickets/not-an-id").await.is_problem(404, &[]);
    let named = answer(
        desk.request(&desk.tokens.admin, Method::GET, "/v1/nothing")
            .header("X-Request-Id", "mine-1"),
    )
    .await;
    assert_eq!(named.body["request_id"], "mine-1");
    desk.logged("mine-1").await;
    desk.finish().await;
}
