//! What nothing answers is counted without personal data, and what people say of answers is heard.

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};

use crate::articles::write;
use crate::desk_under_test::{Answer, DeskUnderTest, answer};

const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

async fn library(desk: &DeskUnderTest) -> Value {
    write(
        desk,
        json!({"title": "Internal: refund limits of the desk", "visibility": "internal",
            "body": "Agents may refund up to 200 without asking the shift lead."}),
    )
    .await;
    let path = write(
        desk,
        json!({"title": "The receipt printer prints blank paper", "visibility": "public",
            "body": "Turn the paper roll round: only one side of thermal paper is coated."}),
    )
    .await;
    desk.get(&path).await.body["id"].clone()
}

async fn ask(desk: &DeskUnderTest, q: &str) -> Answer {
    let request = desk.request(&desk.tokens.customer, Method::POST, "/v1/search");
    let found = answer(request.json(&json!({"q": q}))).await;
    assert_eq!(found.status, 200, "{found:?}");
    found
}

async fn say(desk: &DeskUnderTest, feedback: Value) -> Answer {
    answer(
        desk.request(&desk.tokens.customer, Method::POST, "/v1/search/feedback")
            .json(&feedback),
    )
    .await
}

/// Whether a file of the database holds a text.
fn is_kept(desk: &DeskUnderTest, text: &str) -> bool {
    let entries = fs::read_dir(desk.folder()).expect("a folder");
    let files = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file());
    files
        .map(|path| fs::read(path).expect("a file"))
        .any(|bytes| String::from_utf8_lossy(&bytes).contains(text))
}

fn counts(insights: &Answer) -> Vec<(&str, i64)> {
    let items = insights.body["items"].as_array().expect("items").iter();
    items
        .map(|item| {
            (
                item["query"].as_str().expect("a query"),
                item["count"].as_i64().expect("a number"),
            )
        })
        .collect()
}

#[tokio::test]
async fn what_nothing_answers_is_counted_without_personal_data() {
    let mut desk = DeskUnderTest::start_empty(&[]).await;
    let empty = ask(&desk, "Is there a loyalty programme?").await;
    assert_eq!(empty.body["answered"], false);
    library(&desk).await;
    for q in [
        "Recipe for a chocolate cake?",
        "recipe for a  CHOCOLATE cake",
        "recipe for a chocolate cake!",
    ] {
        assert_eq!(ask(&desk, q).await.body["answered"], false);
    }
    let personal =
        "Hello, my name is Wilhelmina Zork, mail w.zork@example.com, phone +34 600 123 456: where is my parachute?";
    ask(&desk, personal).await;
    ask(&desk, "which side of thermal paper is coated").await;
    let within_tags = desk.get("/v1/search?q=recipe+for+a+chocolate+cake&tags=kitchen").await;
    assert_eq!(within_tags.body["answered"], false, "{within_tags:?}");

    let insights = desk.get("/v1/search/insights").await;
    assert_eq!(
        counts(&insights),
        [
            ("recipe for a chocolate cake", 3),
            (
                "hello my name is [name] mail [email] phone [number] where is my parachute",
                1
            ),
            ("is there a loyalty programme", 1),
        ],
        "{insights:?}"
    );
    let by_kind = desk.get("/v1/search/insights?kind=zero_result").await;
    assert_eq!(counts(&by_kind), [("is there a loyalty programme", 1)], "{by_kind:?}");
    let first = &insights.body["items"][0];
    assert_eq!(first["low_confidence"], 3, "{first}");
    assert!(
        first["best_probability"].as_f64().is_some_and(|p| p > 0.0 && p < 0.5),
        "{first}"
    );
    desk.stop().await;
    for trace in ["Zork", "zork", "600 123", "w.zork@example.com"] {
        assert!(!is_kept(&desk, trace), "{trace}");
    }
    assert!(is_kept(&desk, "chocolate"), "what is kept can be seen this way");
}

#[tokio::test]
async fn insights_are_for_agents_and_come_in_pages() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    for q in ["alpha zebra", "beta zebra", "beta zebra", "gamma zebra"] {
        ask(&desk, q).await;
    }
    let (mut seen, mut path) = (Vec::new(), "/v1/search/insights?limit=1".to_owned());
    loop {
        let page = desk.get(&path).await;
        seen.extend(
            counts(&page)
                .into_iter()
                .map(|(query, count)| (query.to_owned(), count)),
        );
        let Some(next) = page.body["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/search/insights?limit=1&cursor={next}");
    }
    let seen: Vec<_> = seen.iter().map(|(query, count)| (query.as_str(), *count)).collect();
    assert_eq!(seen, [("beta zebra", 2), ("alpha zebra", 1), ("gamma zebra", 1)]);
    let foreign = format!("{path}&kind=not_helped");
    desk.get(&foreign).await.is_problem(422, &[("cursor", "foreign")]);
    let customer = desk.request(&desk.tokens.customer, Method::GET, "/v1/search/insights");
    answer(customer).await.is_problem(403, &[]);
    let agent = desk.request(&desk.tokens.agent, Method::GET, "/v1/search/insights");
    assert_eq!(answer(agent).await.status, 200);
    desk.get("/v1/search/insights?kind=all&days=0&limit=0&colour=red")
        .await
        .is_problem(422, &[("colour", "unknown_field")]);
    desk.get("/v1/search/insights?kind=all&days=0&limit=0")
        .await
        .is_problem(
            422,
            &[("kind", "malformed"), ("days", "malformed"), ("limit", "malformed")],
        );
    desk.finish().await;
}

#[tokio::test]
async fn what_helped_and_what_did_not_is_counted() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let article = library(&desk).await;
    let found = ask(&desk, "Which side of thermal paper is coated?").await;
    assert_eq!(found.body["answered"], true, "{found:?}");
    let (search, passage) = (&found.body["search_id"], &found.body["passages"][0]["passage_id"]);
    let of_passage =
        |helped: bool| json!({"search_id": search, "article_id": article, "passage_id": passage, "helped": helped});
    for helped in [true, true, false] {
        assert_eq!(say(&desk, of_passage(helped)).await.status, 204);
    }
    let whole = json!({"search_id": search, "helped": false});
    assert_eq!(say(&desk, whole).await.status, 204);
    let by_passage = json!({"search_id": search, "passage_id": passage, "helped": false});
    assert_eq!(
        say(&desk, by_passage).await.status,
        204,
        "the article of a passage is known"
    );
    let insights = desk.get("/v1/search/insights?kind=not_helped").await;
    let first = &insights.body["items"][0];
    assert_eq!(
        (&first["query"], &first["count"], &first["not_helped"], &first["helped"]),
        (
            &json!("which side of thermal paper is coated"),
            &json!(2),
            &json!(2),
            &json!(0)
        ),
        "{insights:?}"
    );
    desk.finish().await;
}

#[tokio::test]
async fn feedback_on_what_is_not_known_is_named() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let article = library(&desk).await;
    let found = ask(&desk, "which side of thermal paper is coated").await;
    let (search, passage) = (&found.body["search_id"], &found.body["passages"][0]["passage_id"]);
    let listed = desk.get("/v1/articles?visibility=internal").await;
    let internal = &listed.body["items"][0]["id"];
    let check = async |feedback: Value, faults: &[(&str, &str)]| {
        say(&desk, feedback).await.is_problem(422, faults);
    };
    let everything = json!({"search_id": NOBODY, "article_id": NOBODY, "passage_id": NOBODY, "helped": true});
    check(
        everything,
        &[
            ("search_id", "unknown"),
            ("article_id", "unknown"),
            ("passage_id", "unknown"),
        ],
    )
    .await;
    let hidden = json!({"search_id": search, "article_id": internal, "helped": true});
    check(hidden, &[("article_id", "unknown")]).await;
    let mixed = json!({"search_id": search, "article_id": internal, "passage_id": passage, "helped": true});
    let by_agent = desk.request(&desk.tokens.agent, Method::POST, "/v1/search/feedback");
    answer(by_agent.json(&mixed))
        .await
        .is_problem(422, &[("passage_id", "unknown")]);
    check(
        json!({"search_id": search, "article_id": article}),
        &[("helped", "missing")],
    )
    .await;
    check(json!({"search_id": "x", "helped": true}), &[("search_id", "malformed")]).await;
    check(
        json!({"search_id": search, "helped": "yes"}),
        &[("helped", "wrong_type")],
    )
    .await;
    check(
        json!({"search_id": search, "helped": true, "why": "x"}),
        &[("why", "unknown_field")],
    )
    .await;
    assert_eq!(
        desk.get("/v1/search/insights").await.body["items"],
        json!([]),
        "nothing was counted"
    );
    desk.finish().await;
}

#[tokio::test]
async fn what_was_asked_just_before_the_end_is_kept() {
    let mut desk = DeskUnderTest::start_empty(&[]).await;
    for _ in 0..20 {
        ask(&desk, "where is the zebra stapler").await;
    }
    desk.stop().await;
    desk.restart().await;
    let insights = desk.get("/v1/search/insights").await;
    assert_eq!(counts(&insights), [("where is the zebra stapler", 20)]);
    desk.finish().await;
}
