//! Accounts, contacts, teams and agents: created, read, listed, changed.

use serde_json::json;

use crate::desk_under_test::DeskUnderTest;

#[tokio::test]
async fn every_noun_is_created_read_listed_and_changed() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let bodies = [
        (
            "accounts",
            json!({"name": "Harbour Street Books", "external_id": "LK-1", "tier": "gold"}),
        ),
        (
            "contacts",
            json!({"name": "Ines", "email": "ines@books.example", "language": "es"}),
        ),
        ("teams", json!({"name": "Billing", "categories": ["billing_payment"]})),
        (
            "agents",
            json!({"name": "Ana", "skills": {"how_to": 0.5}, "languages": ["es"]}),
        ),
    ];
    for (noun, body) in bodies {
        let created = desk.post(&format!("/v1/{noun}"), body.clone()).await;
        assert_eq!(created.status, 201, "{noun}: {created:?}");
        let path = format!("/v1/{noun}/{}", created.body["id"].as_str().expect("an id"));
        assert_eq!(desk.get(&path).await.body, created.body, "{noun}");
        let list = desk.get(&format!("/v1/{noun}")).await;
        assert_eq!(list.body["items"], json!([created.body]), "{noun}");
        let changed = desk.patch(&path, 1, json!({"name": "Renamed"})).await;
        assert_eq!(
            (changed.status.as_u16(), &changed.body["name"]),
            (200, &json!("Renamed")),
            "{noun}: {changed:?}"
        );
        desk.patch(&path, 1, json!({"name": "Late"}))
            .await
            .is_problem(412, &[("If-Match", "stale")]);
        desk.post(&format!("/v1/{noun}"), json!({"name": " ", "nick": 1}))
            .await
            .is_problem(422, &[("nick", "unknown_field")]);
        desk.post(&format!("/v1/{noun}"), json!({"name": " "}))
            .await
            .is_problem(422, &[("name", "empty")]);
        let nobody = format!("/v1/{noun}/00000000-0000-7000-8000-000000000000");
        desk.get(&nobody).await.is_problem(404, &[]);
    }
    desk.finish().await;
}

#[tokio::test]
async fn null_clears_and_absent_stays() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let account = desk
        .post(
            "/v1/accounts",
            json!({"name": "A", "tier": "gold", "domain": "a.example"}),
        )
        .await;
    let path = format!("/v1/accounts/{}", account.body["id"].as_str().expect("an id"));
    let changed = desk.patch(&path, 1, json!({"tier": null})).await;
    assert_eq!(
        (&changed.body["tier"], &changed.body["domain"]),
        (&json!(null), &json!("a.example")),
        "{changed:?}"
    );
    desk.finish().await;
}

#[tokio::test]
async fn names_that_are_taken_and_ids_that_are_unknown() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    desk.post("/v1/teams", json!({"name": "Billing"})).await;
    desk.post("/v1/teams", json!({"name": "Billing"}))
        .await
        .is_problem(409, &[("name", "taken")]);
    let agent = json!({"name": "Ana", "team_id": "00000000-0000-7000-8000-000000000000"});
    desk.post("/v1/agents", agent)
        .await
        .is_problem(422, &[("team_id", "unknown")]);
    let agent = json!({"name": "Ana", "capacity": -1, "languages": ["Spanish"], "skills": {"how_to": 2.0}});
    let named = [
        ("skills.how_to", "out_of_range"),
        ("languages[0]", "malformed"),
        ("capacity", "out_of_range"),
    ];
    desk.post("/v1/agents", agent).await.is_problem(422, &named);
    desk.finish().await;
}

#[tokio::test]
async fn a_team_answers_only_categories_that_there_are() {
    let desk = DeskUnderTest::start().await;
    let body = json!({"name": "Typos", "categories": ["billing_payment", "biling"]});
    let refused = desk.post("/v1/teams", body).await;
    refused.is_problem(422, &[("categories[1]", "unknown")]);
    let team = desk
        .post("/v1/teams", json!({"name": "Money", "categories": ["billing_payment"]}))
        .await
        .body;
    let path = format!("/v1/teams/{}", team["id"].as_str().expect("an id"));
    let refused = desk.patch(&path, 1, json!({"categories": ["biling"]})).await;
    refused.is_problem(422, &[("categories[0]", "unknown")]);
    assert_eq!(desk.get(&path).await.body["categories"], json!(["billing_payment"]));
    desk.finish().await;
}
