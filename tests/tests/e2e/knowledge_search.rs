//! Search: what answers is found by those who may read it, and nothing else is said.

use std::fs;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::articles::write;
use crate::desk_under_test::{Answer, DeskUnderTest, answer};

const CLOSING: &str = "## Steps\n\n1. Finish or park all receipts.\n2. Count the drawer and type the pieces.\n\n## Codes\n\n\
    - **TL-4410**: three days were not closed; a manager closes them before the next sale.";

async fn library(desk: &DeskUnderTest) -> String {
    write(
        desk,
        json!({"title": "The receipt printer prints blank paper", "visibility": "public", "tags": ["printer"],
        "body": "Turn the paper roll round: only one side of thermal paper is coated."}),
    )
    .await;
    write(
        desk,
        json!({"title": "Internal: refund limits of the desk", "visibility": "internal",
        "body": "Agents may refund up to 200 without asking the shift lead."}),
    )
    .await;
    write(
        desk,
        json!({"title": "Draft: gift card refunds", "visibility": "draft", "body": "Gift cards are refunded to a new gift card."}),
    )
    .await;
    write(
        desk,
        json!({"title": "Cerrar la caja del día", "visibility": "public", "tags": ["caja"],
        "body": "Cuente el cajón y escriba las monedas. El informe se imprime solo."}),
    )
    .await;
    write(
        desk,
        json!({"title": "Close the day at the till", "visibility": "public", "body": CLOSING}),
    )
    .await
}

async fn ask(desk: &DeskUnderTest, token: &str, asked: Value) -> Answer {
    answer(desk.request(token, Method::POST, "/v1/search").json(&asked)).await
}

fn titles(answer: &Answer) -> Vec<&str> {
    let passages = answer.body["passages"].as_array().expect("passages");
    passages.iter().filter_map(|p| p["article"]["title"].as_str()).collect()
}

#[tokio::test]
async fn a_question_is_answered_by_the_passage_that_answers_it() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let path = library(&desk).await;
    let found = desk.get("/v1/search?q=receipt+printer+prints+blank+paper").await;
    assert_eq!(
        (found.status.as_u16(), &found.body["answered"]),
        (200, &json!(true)),
        "{found:?}"
    );
    assert_eq!(titles(&found)[0], "The receipt printer prints blank paper");
    let first = &found.body["passages"][0];
    assert!(
        first["highlights"].as_array().is_some_and(|marks| !marks.is_empty()),
        "{first}"
    );

    let by_code = desk.get("/v1/search?q=error+TL-4410").await;
    let first = &by_code.body["passages"][0];
    assert_eq!(
        (&first["headings"], &first["article"]["version"]),
        (&json!(["Codes"]), &json!(1)),
        "{by_code:?}"
    );
    let body: Vec<char> = desk.get(&path).await.body["body"]
        .as_str()
        .expect("a body")
        .chars()
        .collect();
    let at = |name: &str| first["span"][name].as_u64().expect("a place") as usize;
    let cited: String = body[at("start")..at("end")].iter().collect();
    assert_eq!(first["text"], cited, "the span is where the text stands in the article");

    let spanish = desk
        .get("/v1/search?q=c%C3%B3mo+cierro+la+caja+del+d%C3%ADa&language=es")
        .await;
    assert_eq!(
        (titles(&spanish)[0], &spanish.body["language"]),
        ("Cerrar la caja del día", &json!("es"))
    );
    let tagged = desk
        .get("/v1/search?q=receipt+printer+prints+blank+paper&tags=caja")
        .await;
    assert!(
        !titles(&tagged).contains(&"The receipt printer prints blank paper"),
        "{tagged:?}"
    );
    desk.finish().await;
}

#[tokio::test]
async fn what_nothing_answers_is_not_answered() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    library(&desk).await;
    for q in [
        "recipe for a chocolate cake",
        "?!...",
        "x",
        "🙂🙂",
        "the of and",
        "你好世界 abc Привет",
    ] {
        let found = ask(&desk, &desk.tokens.agent, json!({"q": q})).await;
        assert_eq!(
            (found.status.as_u16(), &found.body["answered"]),
            (200, &json!(false)),
            "{q}: {found:?}"
        );
        assert_eq!(found.body["passages"], json!([]), "{q}");
        assert_eq!(found.body["message"], "We found nothing that answers this.", "{q}");
    }
    desk.finish().await;
}

#[tokio::test]
async fn what_cannot_be_asked_is_named() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let check = async |query: &str, faults: &[(&str, &str)]| {
        desk.get(&format!("/v1/search?{query}")).await.is_problem(422, faults);
    };
    check("", &[("q", "missing")]).await;
    check("q=", &[("q", "empty")]).await;
    check("q=%20%20", &[("q", "empty")]).await;
    check("q=x&colour=red", &[("colour", "unknown_field")]).await;
    check("q=x&kind=people", &[("kind", "malformed")]).await;
    check("q=printer&limit=0", &[("limit", "out_of_range")]).await;
    check("q=printer&limit=51", &[("limit", "out_of_range")]).await;
    check("q=printer&limit=many", &[("limit", "malformed")]).await;
    let body = async |asked: Value, faults: &[(&str, &str)]| {
        ask(&desk, &desk.tokens.agent, asked).await.is_problem(422, faults);
    };
    body(json!({"q": "printer ".repeat(2_500)}), &[("q", "too_long")]).await;
    body(json!({"q": "printer", "colour": "red"}), &[("colour", "unknown_field")]).await;
    body(json!({"q": "printer", "tags": "till"}), &[("tags", "wrong_type")]).await;
    body(json!({}), &[("q", "missing")]).await;
    // What narrows a question is kept with its answer, so it is bounded too.
    let many: Vec<String> = (0..100_000).map(|at| format!("tag-{at}")).collect();
    body(json!({"q": "printer", "tags": many}), &[("tags", "too_long")]).await;
    body(
        json!({"q": "printer", "tags": ["till", "x".repeat(1_000_000)]}),
        &[("tags[1]", "too_long")],
    )
    .await;
    body(
        json!({"q": "printer", "language": "e".repeat(1_000_000)}),
        &[("language", "malformed")],
    )
    .await;
    check("q=printer&language=english", &[("language", "malformed")]).await;
    desk.finish().await;
}

#[tokio::test]
async fn a_customer_never_sees_what_is_not_public() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let path = library(&desk).await;
    let customer = desk.tokens.customer.clone();
    for q in [
        "Agents may refund up to 200 without asking the shift lead",
        "gift cards are refunded to a new gift card",
        "internal refund limits",
        "\"shift lead\"",
    ] {
        let found = ask(&desk, &customer, json!({"q": q})).await;
        assert_eq!(found.status, 200, "{found:?}");
        let said = found.body["passages"].to_string();
        assert!(!said.contains("200") && !said.contains("Gift"), "{q}: {said}");
    }
    let refund = json!({"q": "Agents may refund up to 200 without asking the shift lead"});
    let by_agent = ask(&desk, &desk.tokens.agent, refund.clone()).await;
    assert_eq!(titles(&by_agent)[0], "Internal: refund limits of the desk");
    let drafts = ask(
        &desk,
        &desk.tokens.agent,
        json!({"q": "are gift cards refunded", "visibility": "draft"}),
    )
    .await;
    assert_eq!(titles(&drafts), ["Draft: gift card refunds"]);
    let asked = ask(&desk, &customer, json!({"q": "refund", "visibility": "internal"})).await;
    asked.is_problem(422, &[("visibility", "forbidden")]);
    ask(&desk, &customer, json!({"q": "refund", "kind": "tickets"}))
        .await
        .is_problem(403, &[]);

    // Taken back: from the same moment no customer finds it, whatever the index still holds.
    let closing = json!({"q": "three days were not closed TL-4410"});
    assert!(!titles(&ask(&desk, &customer, closing.clone()).await).is_empty());
    desk.patch(&path, 1, json!({"visibility": "internal"})).await;
    assert!(titles(&ask(&desk, &customer, closing).await).is_empty());
    desk.finish().await;
}

#[tokio::test]
async fn tickets_are_found_by_agents() {
    let desk = DeskUnderTest::start().await;
    library(&desk).await;
    let ticket = desk
        .submit("The receipt printer at the second till prints blank paper since noon")
        .await;
    let found = desk.get("/v1/search?q=printer+prints+blank+paper&kind=all").await;
    assert_eq!(found.body["tickets"][0]["id"], ticket["id"], "{found:?}");
    assert_eq!(titles(&found)[0], "The receipt printer prints blank paper");
    let tickets = desk.get("/v1/search?q=printer+prints+blank+paper&kind=tickets").await;
    assert_eq!(
        (&tickets.body["answered"], &tickets.body["passages"]),
        (&json!(null), &json!([]))
    );
    desk.finish().await;
}

#[tokio::test]
async fn only_changed_passages_are_embedded_again() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let path = library(&desk).await;
    let changed = CLOSING.replace("Count the drawer", "Count the drawer twice");
    desk.patch(&path, 1, json!({"body": changed})).await;
    let id = path.rsplit('/').next().expect("an id");
    let indexed = || -> Vec<String> {
        let log = desk.log();
        let of_article = log
            .lines()
            .filter(|line| line.contains(id) && line.contains("is indexed"));
        of_article.map(ToOwned::to_owned).collect()
    };
    // What is logged is read a moment behind the answer.
    let began = Instant::now();
    while indexed().len() < 2 {
        assert!(began.elapsed() < Duration::from_secs(60), "{}", desk.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let of_article = indexed();
    assert!(of_article[0].contains("passages=2 embedded=2"), "{of_article:?}");
    assert!(of_article[1].contains("passages=2 embedded=1"), "{of_article:?}");
    desk.finish().await;
}

#[tokio::test]
async fn articles_change_and_go_while_they_are_searched() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let path = library(&desk).await;
    let searches = async {
        for _ in 0..30 {
            let found = ask(
                &desk,
                &desk.tokens.customer,
                json!({"q": "how do I close the day at the till"}),
            )
            .await;
            assert_eq!(found.status, 200, "{found:?}");
        }
    };
    let changes = async {
        for version in 1..10 {
            let changed = desk.patch(&path, version, json!({"archived": version % 2 == 1})).await;
            assert_eq!(changed.status, 200, "{changed:?}");
        }
    };
    tokio::join!(searches, changes);
    let found = ask(
        &desk,
        &desk.tokens.customer,
        json!({"q": "how do I close the day at the till"}),
    )
    .await;
    assert!(!titles(&found).contains(&"Close the day at the till"), "{found:?}");
    desk.finish().await;
}

#[tokio::test]
async fn an_article_of_one_megabyte_is_kept_and_found() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let filler = "Every day is a day on which the till can be opened and closed again by someone. ".repeat(13_000);
    let body = format!("{filler}\n\n## The needle\n\nThe zebra stapler is kept in the blue cupboard.");
    assert!(body.len() > 1_000_000);
    write(
        &desk,
        json!({"title": "A long manual", "body": body, "visibility": "public"}),
    )
    .await;
    let began = Instant::now();
    loop {
        let found = ask(
            &desk,
            &desk.tokens.customer,
            json!({"q": "where is the zebra stapler kept"}),
        )
        .await;
        if found.body["passages"][0]["headings"] == json!(["The needle"]) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(120), "{found:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let too_long = json!({"title": "t", "body": "long ".repeat(310_000)});
    desk.post("/v1/articles", too_long)
        .await
        .is_problem(422, &[("body", "too_long")]);
    desk.finish().await;
}

#[tokio::test]
async fn an_index_folder_deleted_under_the_server_is_built_anew() {
    let desk = DeskUnderTest::start().await;
    library(&desk).await;
    desk.submit("The receipt printer prints blank paper").await;
    let began = Instant::now();
    // The server may be writing a file into a folder that is just being emptied.
    while let Err(error) = fs::remove_dir_all(desk.folder().join("index")) {
        assert!(began.elapsed() < Duration::from_secs(10), "{error}");
    }
    while !desk.log().contains("lost passages") || !desk.log().contains("tickets' index was out of reach or gone") {
        assert!(began.elapsed() < Duration::from_secs(60), "{}", desk.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    loop {
        let found = desk.get("/v1/search?q=printer+prints+blank+paper&kind=all").await;
        let both = found.body["answered"] == true && found.body["tickets"].as_array().is_some_and(|t| t.len() == 1);
        if both {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{found:?}\n{}", desk.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    desk.submit("Another printer prints blank paper").await;
    desk.finish().await;
}

#[tokio::test]
async fn a_regional_article_is_found_by_its_language() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    write(
        &desk,
        json!({"title": "The receipt printer prints blank paper", "visibility": "public", "language": "en-US",
        "body": "Turn the paper roll round: only one side of thermal paper is coated."}),
    )
    .await;
    for (language, expect) in [("en", true), ("en-GB", true), ("es", false)] {
        let asked = json!({"q": "receipt printer prints blank paper", "language": language});
        let found = ask(&desk, &desk.tokens.agent, asked).await;
        assert_eq!(found.body["answered"], json!(expect), "{language}: {found:?}");
    }
    desk.finish().await;
}
