//! As-you-type search: the beginning of a word finds, nobody sees what is not theirs, and who leaves costs nothing.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::articles::write;
use crate::desk_under_test::{Answer, DeskUnderTest, answer};

async fn library(desk: &DeskUnderTest) -> String {
    let articles = [
        json!({"title": "The receipt printer prints blank paper", "visibility": "public", "tags": ["printer"],
            "body": "Turn the paper roll round: only one side of thermal paper is coated."}),
        json!({"title": "Internal: refund limits of the desk", "visibility": "internal",
            "body": "Agents may refund up to 200 without asking the shift lead."}),
        json!({"title": "Draft: gift card refunds", "visibility": "draft", "body": "Gift cards are refunded to a new gift card."}),
        json!({"title": "Cerrar la caja del día", "visibility": "public", "external_id": "cerrar",
            "body": "## Facturación\n\nCuente el cajón y escriba las monedas. El informe se imprime solo."}),
    ];
    for article in articles {
        write(desk, article).await;
    }
    write(
        desk,
        json!({"title": "Close the day at the till", "visibility": "public",
            "body": "## Steps\n\nCount the drawer and type the pieces.\n\n## Codes\n\nTL-4410: three days were not closed."}),
    )
    .await
}

async fn type_in(desk: &DeskUnderTest, token: &str, q: &str) -> Answer {
    let q: String = form_urlencoded::byte_serialize(q.as_bytes()).collect();
    answer(desk.request(token, Method::GET, &format!("/v1/search/instant?q={q}"))).await
}

fn titles(answer: &Answer) -> Vec<&str> {
    let items = answer.body["items"].as_array().expect("items");
    items
        .iter()
        .filter_map(|item| item["article"]["title"].as_str())
        .collect()
}

/// The marked stretches of a text.
fn marked(text: &Value, spans: &Value) -> Vec<String> {
    let chars: Vec<char> = text.as_str().expect("a text").chars().collect();
    let at = |span: &Value, name: &str| span[name].as_u64().expect("a place") as usize;
    let spans = spans.as_array().expect("spans").iter();
    spans
        .map(|span| chars[at(span, "start")..at(span, "end")].iter().collect())
        .collect()
}

#[tokio::test]
async fn the_beginning_of_a_word_finds_with_what_was_typed_marked() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    library(&desk).await;
    let found = type_in(&desk, &desk.tokens.customer, "recei").await;
    assert_eq!(titles(&found), ["The receipt printer prints blank paper"], "{found:?}");
    let first = &found.body["items"][0];
    assert_eq!((&first["by"], &first["heading"]), (&json!("title"), &json!(null)));
    assert_eq!(
        marked(&first["article"]["title"], &first["title_highlights"]),
        ["recei"]
    );

    let heading = type_in(&desk, &desk.tokens.customer, "factura").await;
    let first = &heading.body["items"][0];
    assert_eq!(
        (&first["by"], &first["heading"], &first["article"]["external_id"]),
        (&json!("heading"), &json!("Facturación"), &json!("cerrar")),
        "{heading:?}"
    );
    assert_eq!(marked(&first["heading"], &first["heading_highlights"]), ["Factura"]);

    // Every letter on the way to the question keeps the article in sight.
    let question = "how do i close the day";
    for end in "how do i cl".len()..=question.len() {
        let found = type_in(&desk, &desk.tokens.customer, &question[..end]).await;
        assert_eq!(
            titles(&found)[0],
            "Close the day at the till",
            "{}: {found:?}",
            &question[..end]
        );
    }
    let typo = type_in(&desk, &desk.tokens.customer, "reciept prin").await;
    assert_eq!(titles(&typo)[0], "The receipt printer prints blank paper", "{typo:?}");
    desk.finish().await;
}

#[tokio::test]
async fn what_no_title_says_is_found_by_meaning() {
    // A slow machine may take its time here: what is looked at is what is found.
    let desk = DeskUnderTest::start_empty(&[("DESK_KNOWLEDGE__INSTANT_DEADLINE_MS", "20000")]).await;
    library(&desk).await;
    let found = type_in(&desk, &desk.tokens.customer, "which side of thermal paper is coated ").await;
    let first = &found.body["items"][0];
    assert_eq!(
        (&first["by"], &first["article"]["title"]),
        (&json!("meaning"), &json!("The receipt printer prints blank paper")),
        "{found:?}"
    );
    let cake = type_in(&desk, &desk.tokens.customer, "recipe for a chocolate cake").await;
    assert_eq!(cake.body["items"], json!([]), "{cake:?}");
    desk.finish().await;
}

#[tokio::test]
async fn a_customer_is_shown_nothing_that_is_not_public() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let path = library(&desk).await;
    let customer = desk.tokens.customer.clone();
    for q in [
        "i",
        "intern",
        "refund",
        "refund lim",
        "draft",
        "gift card",
        "g",
        "agents may refund up to 200",
    ] {
        let found = type_in(&desk, &customer, q).await;
        assert_eq!(found.status, 200, "{found:?}");
        let said = found.body["items"].to_string();
        assert!(!said.contains("Internal") && !said.contains("Draft"), "{q}: {said}");
    }
    let by_agent = type_in(&desk, &desk.tokens.agent, "refund lim").await;
    assert_eq!(titles(&by_agent)[0], "Internal: refund limits of the desk");
    assert!(!titles(&by_agent).contains(&"Draft: gift card refunds"), "{by_agent:?}");
    let drafts = desk.get("/v1/search/instant?q=gift&visibility=draft").await;
    assert_eq!(titles(&drafts), ["Draft: gift card refunds"]);
    let asked = desk.request(
        &customer,
        Method::GET,
        "/v1/search/instant?q=refund&visibility=internal",
    );
    answer(asked).await.is_problem(422, &[("visibility", "forbidden")]);

    // Taken back, renamed, put away: from the same moment, whatever was answered before and kept.
    assert_eq!(
        titles(&type_in(&desk, &customer, "close the d").await)[0],
        "Close the day at the till"
    );
    desk.patch(&path, 1, json!({"visibility": "internal"})).await;
    assert!(titles(&type_in(&desk, &customer, "close the d").await).is_empty());
    desk.patch(&path, 2, json!({"visibility": "public", "title": "Lock the shop"}))
        .await;
    let renamed = type_in(&desk, &customer, "lock th").await;
    assert_eq!(titles(&renamed)[0], "Lock the shop", "{renamed:?}");
    desk.patch(&path, 3, json!({"archived": true})).await;
    assert!(titles(&type_in(&desk, &customer, "lock th").await).is_empty());
    desk.finish().await;
}

#[tokio::test]
async fn what_is_not_public_changes_nothing_that_a_customer_is_shown() {
    let desk = DeskUnderTest::start_empty(&[("DESK_KNOWLEDGE__INSTANT_DEADLINE_MS", "20000")]).await;
    library(&desk).await;
    let customer = desk.tokens.customer.clone();
    // A typo, and a word that no public title goes on from: of both a customer could tell what internal titles say.
    let typed = ["reciept prin", "which side of thermal paper is coated"];
    let mut before = Vec::new();
    for q in typed {
        let found = type_in(&desk, &customer, q).await;
        assert_ne!(found.body["items"], json!([]), "{q}: {found:?}");
        before.push(found.body);
    }
    for (visibility, title) in [("internal", "Reciept of a project"), ("draft", "Coatedness")] {
        write(
            &desk,
            json!({"title": title, "visibility": visibility, "body": "Nothing yet, but soon."}),
        )
        .await;
        let query = format!(
            "/v1/search/instant?q={}&visibility={visibility}",
            &title[..7].replace(' ', "+")
        );
        assert_eq!(titles(&desk.get(&query).await), [title]);
    }
    for (q, before) in typed.into_iter().zip(before) {
        assert_eq!(type_in(&desk, &customer, q).await.body, before, "{q}");
    }
    desk.finish().await;
}

#[tokio::test]
async fn anything_that_can_be_typed_is_answered() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    library(&desk).await;
    for nothing in [
        "?!...",
        "🙂🙂",
        "\"",
        "'; DROP TABLE articles; --",
        "%",
        "你好世界 abc Привет",
        "x",
    ] {
        let found = type_in(&desk, &desk.tokens.customer, nothing).await;
        assert_eq!(
            (found.status.as_u16(), &found.body["items"]),
            (200, &json!([])),
            "{nothing}"
        );
    }
    let letter = type_in(&desk, &desk.tokens.customer, "c").await;
    assert_eq!(titles(&letter).len(), 2, "{letter:?}");
    let stop_words = type_in(&desk, &desk.tokens.customer, "the of and ").await;
    assert_eq!(stop_words.status, 200, "{stop_words:?}");
    let check = async |query: &str, faults: &[(&str, &str)]| {
        desk.get(&format!("/v1/search/instant?{query}"))
            .await
            .is_problem(422, faults);
    };
    check("", &[("q", "missing")]).await;
    check("q=%20", &[("q", "empty")]).await;
    check("q=x&colour=red", &[("colour", "unknown_field")]).await;
    check("q=x&limit=0", &[("limit", "out_of_range")]).await;
    check("q=x&language=english", &[("language", "malformed")]).await;
    check(&format!("q=x&tags={}", "x".repeat(51)), &[("tags[0]", "too_long")]).await;
    check(
        "q=x&limit=few&visibility=secret",
        &[("limit", "malformed"), ("visibility", "malformed")],
    )
    .await;
    check(&format!("q={}", "printer+".repeat(2_500)), &[("q", "too_long")]).await;
    desk.finish().await;
}

#[tokio::test]
async fn what_another_process_writes_is_found_a_moment_later() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    library(&desk).await;
    assert_eq!(titles(&type_in(&desk, &desk.tokens.customer, "zeb").await), [""; 0]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let page = "---\nexternal_id: zebra\ntitle: Zebra stapler\nvisibility: public\n---\nIn the blue cupboard.";
    std::fs::write(folder.path().join("zebra.md"), page).expect("a file");
    let mut import = crate::desk_under_test::deskwise(desk.folder());
    crate::desk_under_test::said(import.args(["import", "articles"]).arg(folder.path()));
    let began = Instant::now();
    while titles(&type_in(&desk, &desk.tokens.customer, "zeb").await) != ["Zebra stapler"] {
        assert!(began.elapsed() < Duration::from_secs(30), "{}", desk.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    desk.finish().await;
}

/// Asks and hangs up without waiting for the answer.
fn ask_and_leave(desk: &DeskUnderTest, q: &str) {
    let address = desk.url().trim_start_matches("http://");
    let mut connection = TcpStream::connect(address).expect("a connection");
    let head = format!(
        "GET /v1/search/instant?q={q} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\r\n",
        desk.tokens.customer
    );
    connection.write_all(head.as_bytes()).expect("a request that is sent");
}

/// How many as-you-type requests were worked on to their end.
async fn answered(desk: &DeskUnderTest) -> u64 {
    let figures = desk.get("/metrics").await.body;
    let figures = figures.as_str().expect("a text").lines();
    let counts = figures.filter(|line| line.starts_with("http_requests_total") && line.contains("/v1/search/instant"));
    counts
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

#[tokio::test]
async fn callers_who_leave_cost_nothing_further() {
    const LEFT: u64 = 100;
    let desk = DeskUnderTest::start_empty(&[("DESK_KNOWLEDGE__INSTANT_DEADLINE_MS", "20000")]).await;
    library(&desk).await;
    for round in 0..LEFT {
        ask_and_leave(
            &desk,
            &format!("question+{round}+{}", "about+thermal+paper+".repeat(60)),
        );
    }
    // Texts take turns, so this one is answered after those before it that anybody waits for.
    let found = type_in(&desk, &desk.tokens.customer, "which side of thermal paper is coated ").await;
    assert_eq!(found.body["items"][0]["by"], "meaning", "{found:?}");
    let answered = answered(&desk).await - 1;
    assert!(answered < LEFT / 2, "{answered} of {LEFT} who left were answered");
    desk.finish().await;
}
