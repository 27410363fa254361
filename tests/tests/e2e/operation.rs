//! What those who run the desk look at.

use reqwest::Method;

use crate::desk_under_test::{DeskUnderTest, answer};

#[tokio::test]
async fn health_metrics_and_documentation_need_no_token() {
    let desk = DeskUnderTest::start().await;
    desk.submit("The printer is jammed").await;
    let open = |path: &str| answer(desk.anonymous(Method::GET, path));
    assert_eq!(open("/healthz").await.body, "ok");
    let ready = open("/readyz").await.body;
    assert_eq!(ready, serde_json::json!({"index": true}));
    let metrics = open("/metrics").await.body.as_str().expect("a text").to_owned();
    assert!(
        metrics.contains("http_requests_total{method=\"POST\",route=\"/v1/tickets\",status=\"201\"} 1"),
        "{metrics}"
    );
    assert!(metrics.contains("desk_tickets{state=\"received\"} 0"), "{metrics}");
    let document = open("/openapi.json").await.body;
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/v1/tickets"]["post"].is_object());
    let page = open("/docs/").await;
    assert_eq!(page.status, 200);
    assert!(
        page.body.as_str().is_some_and(|html| html.contains("swagger")),
        "{page:?}"
    );
    let script = open("/docs/swagger-ui-bundle.js").await;
    assert_eq!(script.status, 200, "assets come from the binary");
    desk.finish().await;
}

#[tokio::test]
async fn logs_can_be_json_with_the_request_id() {
    let desk = DeskUnderTest::start_with(&[("DESK_LOG__FORMAT", "json")]).await;
    let request = desk.anonymous(Method::GET, "/healthz").header("X-Request-Id", "seen-1");
    answer(request).await;
    let line = desk.logged("seen-1").await;
    let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(line["http.status"], 200, "{line}");
    desk.finish().await;
}

#[tokio::test]
async fn a_stopped_server_has_finished_what_it_accepted() {
    let mut desk = DeskUnderTest::start().await;
    let mut answers = tokio::task::JoinSet::new();
    for at in 0..40 {
        let body = serde_json::json!({"body": format!("The scanner number {at} does not read")});
        let request = desk
            .request(&desk.tokens.intake, Method::POST, "/v1/tickets")
            .json(&body);
        answers.spawn(answer(request));
    }
    let first = answers.join_next().await.expect("forty").expect("an answer");
    assert_eq!(first.status, 201);
    desk.stop().await;
    while let Some(answered) = answers.join_next().await {
        if let Ok(answer) = answered {
            assert_eq!(answer.status, 201, "what was accepted is finished: {answer:?}");
        }
    }
    desk.restart().await;
    desk.finish().await;
}
