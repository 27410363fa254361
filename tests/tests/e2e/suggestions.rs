//! Suggested answers: word for word from a source, silent where nothing answers, better by what agents do with them;
//! and what the knowledge base lacks by that.

use reqwest::Method;
use serde_json::{Value, json};

use crate::articles::write;
use crate::desk_under_test::{Answer, DeskUnderTest, answer};
use crate::stand_in::{Behaviour, StandIn};

const PAPER: &str = "## What it is\n\nThermal paper is coated on one side only.\n\n## What to do\n\nIf receipts come out \
    blank, the roll is the wrong way round. Open the lid, take the roll out and turn it round. Close the lid until it \
    clicks.\n";

async fn suggested(desk: &DeskUnderTest, ticket: &Value) -> Value {
    let found = desk.get(&format!("{}/suggestions", path(ticket))).await;
    assert_eq!(found.status, 200, "{found:?}");
    found.body
}

async fn reworded(desk: &DeskUnderTest, ticket: &Value) -> Value {
    let found = desk.get(&format!("{}/suggestions?rephrase=true", path(ticket))).await;
    assert_eq!(found.status, 200, "{found:?}");
    found.body
}

fn path(ticket: &Value) -> String {
    format!("/v1/tickets/{}", ticket["id"].as_str().expect("an id"))
}

fn cited(body: &Value, span: &Value) -> String {
    let body: Vec<char> = body.as_str().expect("a body").chars().collect();
    let at = |name: &str| span[name].as_u64().expect("a place") as usize;
    body[at("start")..at("end")].iter().collect()
}

async fn judge(desk: &DeskUnderTest, ticket: &Value, item: &Value, verdict: &str) -> Answer {
    let body = json!({"source": item["citation"]["source"], "verdict": verdict});
    desk.post(&format!("{}/suggestions/verdicts", path(ticket)), body).await
}

async fn blank_receipts(desk: &DeskUnderTest) -> String {
    write(
        desk,
        json!({"title": "The receipt printer prints blank paper", "visibility": "public", "body": PAPER}),
    )
    .await
}

#[tokio::test]
async fn an_article_is_suggested_word_for_word_with_its_place() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let article = blank_receipts(&desk).await;
    write(
        &desk,
        json!({"title": "Close the day at the till", "visibility": "public", "body": "Count the drawer."}),
    )
    .await;
    let ticket = desk
        .submit("Our receipt printer prints blank receipts. What can we do?")
        .await;
    let found = suggested(&desk, &ticket).await;
    let first = &found["items"][0];
    let citation = &first["citation"];
    assert_eq!(citation["title"], "The receipt printer prints blank paper", "{found}");
    assert_eq!(
        (&citation["version"], &citation["visibility"]),
        (&json!(1), &json!("public"))
    );
    let article = desk.get(&article).await.body;
    assert_eq!(citation["source"], json!({"kind": "article", "id": article["id"]}));
    assert_eq!(first["text"], cited(&article["body"], &citation["span"]));
    assert!(first["confidence"].as_f64() >= found["threshold"].as_f64(), "{first}");
    assert_eq!((&found["language"], &found["reply"]), (&json!("en"), &Value::Null));
    desk.finish().await;
}

#[tokio::test]
async fn an_accepted_reply_is_suggested_for_the_same_matter() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let body = json!({"subject": "Till sync fails with error SYNC-5031",
        "body": "Since this morning the till does not sync. It shows error SYNC-5031 from sync2.till.example."});
    let solved = desk.post("/v1/tickets", body).await.body;
    for other in [
        "How do I add a second cash drawer?",
        "Please cancel our subscription",
        "The parcel has not arrived",
    ] {
        desk.submit(other).await;
    }
    let again = json!({"subject": "Error SYNC-5031: till sync fails",
        "body": "Our tills no longer sync since this morning; they show error SYNC-5031 from sync2.till.example."});
    let again = desk.post("/v1/tickets", again).await.body;
    let reply = "Hello!\nThe sync service was moved. Open Settings, Sync, and press Reconnect; the error goes away.";
    let message = json!({"author": {"kind": "agent"}, "body": reply});
    let message = desk.post(&format!("{}/messages", path(&solved)), message).await.body;
    assert_eq!(suggested(&desk, &again).await["items"], json!([]), "not solved yet");

    let version = desk.get(&path(&solved)).await.body["version"]
        .as_i64()
        .expect("a version");
    let closed = desk.patch(&path(&solved), version, json!({"status": "solved"})).await;
    assert_eq!(closed.status, 200, "{closed:?}");
    let found = suggested(&desk, &again).await;
    let first = &found["items"][0];
    let citation = &first["citation"];
    assert_eq!(
        citation["source"],
        json!({"kind": "reply", "id": message["id"]}),
        "{found}"
    );
    assert_eq!(citation["ticket_id"], solved["id"]);
    assert_eq!(first["text"], cited(&json!(reply), &citation["span"]));
    assert!(
        first["text"]
            .as_str()
            .is_some_and(|text| text.contains("press Reconnect")),
        "{first}"
    );
    desk.finish().await;
}

#[tokio::test]
async fn nothing_is_offered_where_nothing_answers() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    blank_receipts(&desk).await;
    let ticket = desk
        .submit("When will my parcel with the new scanners arrive in Lisbon?")
        .await;
    let found = suggested(&desk, &ticket).await;
    assert_eq!(found["items"], json!([]), "{found}");
    assert_eq!(reworded(&desk, &ticket).await["reply"], Value::Null);
    desk.finish().await;
}

#[tokio::test]
async fn verdicts_raise_and_lower_what_is_offered_next() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    blank_receipts(&desk).await;
    let ticket = desk
        .submit("Our receipt printer prints blank receipts. What can we do?")
        .await;
    let confidence = |found: &Value| found["items"][0]["confidence"].as_f64();
    let before = suggested(&desk, &ticket).await;
    let item = &before["items"][0];
    for _ in 0..2 {
        assert_eq!(judge(&desk, &ticket, item, "accepted").await.status, 204);
    }
    let after = suggested(&desk, &ticket).await;
    assert!(confidence(&after) > confidence(&before), "{before}\n{after}");
    assert_eq!(
        after["items"][0]["tally"]["accepted"], 1,
        "the last word on a ticket counts"
    );
    for at in 0..8 {
        let other = desk
            .submit(&format!("Blank receipts again at till {at}, what now?"))
            .await;
        assert_eq!(judge(&desk, &other, item, "rejected").await.status, 204);
    }
    assert_eq!(suggested(&desk, &ticket).await["items"], json!([]));
    let events = desk.get(&format!("{}/events", path(&ticket))).await.body.to_string();
    assert!(events.contains("suggestion.judged"), "{events}");
    desk.finish().await;
}

#[tokio::test]
async fn a_bad_verdict_names_its_field_and_only_agents_see_suggestions() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let ticket = desk.submit("Where is my parcel?").await;
    let verdicts = format!("{}/suggestions/verdicts", path(&ticket));
    let unknown = json!({"source": {"kind": "article", "id": ticket["id"]}, "verdict": "accepted"});
    desk.post(&verdicts, unknown.clone())
        .await
        .is_problem(422, &[("source.id", "unknown")]);
    let bad = json!({"source": {"kind": "article", "id": ticket["id"]}, "verdict": "liked"});
    assert_eq!(desk.post(&verdicts, bad).await.status, 422);
    desk.get(&format!("{}/suggestions?rephrase=maybe", path(&ticket)))
        .await
        .is_problem(422, &[("rephrase", "malformed")]);
    desk.get("/v1/tickets/999999/suggestions").await.is_problem(404, &[]);
    let intake = desk.request(
        &desk.tokens.intake,
        Method::GET,
        &format!("{}/suggestions", path(&ticket)),
    );
    answer(intake).await.is_problem(403, &[]);
    let intake = desk
        .request(&desk.tokens.intake, Method::POST, &verdicts)
        .json(&unknown);
    answer(intake).await.is_problem(403, &[]);
    desk.finish().await;
}

/// What a desk with this endpoint offers as a reply, and what the endpoint was sent.
async fn reply_by(behaviour: Behaviour) -> (Value, Vec<String>) {
    let endpoint = StandIn::start(behaviour).await;
    let url = endpoint.url();
    let settings = [
        ("DESK_REPHRASE__URL", url.as_str()),
        ("DESK_REPHRASE__TIMEOUT_MS", "5000"),
    ];
    let desk = DeskUnderTest::start_empty(&settings).await;
    blank_receipts(&desk).await;
    let ticket = desk
        .submit("Our receipt printer prints blank receipts. What can we do? Greetings, Zebulon of Quarrytown")
        .await;
    let found = reworded(&desk, &ticket).await;
    let (reply, first) = (found["reply"].clone(), &found["items"][0]["text"]);
    if reply["reworded"] == false {
        assert_eq!(&reply["text"], first, "the extract is shown instead");
    }
    desk.finish().await;
    (reply, endpoint.asked())
}

#[tokio::test]
async fn a_supported_rewording_is_shown_and_sees_the_passages_alone() {
    let said =
        "The roll is the wrong way round if receipts come out blank [1]. Open the lid and turn the roll round [1].";
    let (reply, asked) = reply_by(Behaviour::Say(said)).await;
    assert_eq!(
        (&reply["reworded"], &reply["text"]),
        (&json!(true), &json!(said)),
        "{reply}"
    );
    assert_eq!(asked.len(), 1);
    assert!(
        asked[0].contains("turn it round") && !asked[0].contains("Quarrytown"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn what_is_internal_is_suggested_to_agents_and_is_no_part_of_a_reply() {
    let endpoint = StandIn::start(Behaviour::Fail).await;
    let url = endpoint.url();
    let desk = DeskUnderTest::start_empty(&[("DESK_REPHRASE__URL", url.as_str())]).await;
    let internal = "Our receipt printer prints blank receipts: turn the Quarrytown roll round.";
    write(
        &desk,
        json!({"title": "The receipt printer prints blank receipts", "visibility": "internal", "body": internal}),
    )
    .await;
    let ticket = desk
        .submit("Our receipt printer prints blank receipts. What can we do?")
        .await;
    let found = reworded(&desk, &ticket).await;
    let first = &found["items"][0];
    assert_eq!(
        (&first["text"], &first["citation"]["visibility"]),
        (&json!(internal), &json!("internal")),
        "{found}"
    );
    assert_eq!(found["reply"], Value::Null, "{found}");
    assert_eq!(endpoint.asked(), [""; 0]);

    blank_receipts(&desk).await;
    let found = reworded(&desk, &ticket).await;
    let items = found["items"].as_array().expect("items");
    assert_eq!(items.len(), 2, "{found}");
    let public = items.iter().find(|item| item["citation"]["visibility"] == "public");
    assert_eq!(found["reply"]["text"], public.expect("a public one")["text"], "{found}");
    let asked = endpoint.asked();
    assert!(asked.len() == 1 && !asked[0].contains("Quarrytown"), "{asked:?}");
    desk.finish().await;
}

#[tokio::test]
async fn an_endpoint_that_misbehaves_is_not_heard() {
    let cases = [
        (
            Behaviour::Say("Open the lid and turn the roll round. [1] Then we refund you 50 euros [1]."),
            "unsupported",
        ),
        (
            Behaviour::Say("Open the lid, take the roll out and turn it round."),
            "unsupported",
        ),
        (
            Behaviour::Say("Do not take the roll out and do not turn it round [1]."),
            "unsupported",
        ),
        (
            Behaviour::Say("Our engineers are visiting your shop tomorrow [1]."),
            "unsupported",
        ),
        (
            Behaviour::Say("Take the roll out and turn it round [7]."),
            "unsupported",
        ),
        (
            Behaviour::Say("Open the lid, take the roll out and press Factory Reset [1]."),
            "unsupported",
        ),
        (
            Behaviour::Say("Open the lid, take the roll out and turn it round as rolls.evil says [1]."),
            "unsupported",
        ),
        (
            Behaviour::Say("Open the lid, take the roll out and turn it round three times [1]."),
            "unsupported",
        ),
        (
            Behaviour::Say(
                "Open the lid, take the roll out and turn it round [1]. "
                    .repeat(1_000)
                    .leak(),
            ),
            "unsupported",
        ),
        (Behaviour::Hang, "slow"),
        (Behaviour::Fail, "down"),
        (Behaviour::Garbage, "down"),
        (Behaviour::Endless, "down"),
        (Behaviour::Refuse, "down"),
    ];
    for (behaviour, why) in cases {
        let (reply, _) = reply_by(behaviour).await;
        assert_eq!(
            (&reply["reworded"], &reply["not_reworded"]),
            (&json!(false), &json!(why)),
            "{behaviour:?}: {reply}"
        );
    }
}

/// A solved ticket with a reply of an agent.
async fn solved(desk: &DeskUnderTest, body: &str, reply: &str) -> Value {
    let ticket = desk.submit(body).await;
    let message = json!({"author": {"kind": "agent"}, "body": reply});
    assert_eq!(
        desk.post(&format!("{}/messages", path(&ticket)), message).await.status,
        201
    );
    solve(desk, &ticket).await;
    ticket
}

async fn solve(desk: &DeskUnderTest, ticket: &Value) {
    let version = desk.get(&path(ticket)).await.body["version"]
        .as_i64()
        .expect("a version");
    let solved = desk.patch(&path(ticket), version, json!({"status": "solved"})).await;
    assert_eq!(solved.status, 200, "{solved:?}");
}

#[tokio::test]
async fn what_no_article_answers_is_a_gap_with_a_draft() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    blank_receipts(&desk).await;
    let reply = "Open Customers, choose Merge, and pick the card to keep.";
    for asked in [
        "How can I merge two loyalty cards of the same customer?",
        "A customer has two loyalty cards, I want to merge them into one",
        "Merging the loyalty cards of one customer: how does it work?",
    ] {
        solved(&desk, asked, reply).await;
    }
    solved(
        &desk,
        "Our receipt printer prints blank receipts. What can we do?",
        "Turn the roll round.",
    )
    .await;
    solved(
        &desk,
        "The parcel with the new scanners has not arrived",
        "It arrives on Monday.",
    )
    .await;
    let gaps = desk.get("/v1/knowledge/gaps").await;
    assert_eq!(gaps.status, 200, "{gaps:?}");
    let items = gaps.body["items"].as_array().expect("gaps");
    assert_eq!((items.len(), &items[0]["tickets_count"]), (1, &json!(3)), "{gaps:?}");
    let draft = &items[0]["draft"];
    assert!(
        draft["body"].as_str().is_some_and(|body| body.contains(reply)),
        "{draft}"
    );
    write(
        &desk,
        json!({"title": draft["title"], "body": draft["body"], "visibility": "public"}),
    )
    .await;
    let gaps = desk.get("/v1/knowledge/gaps").await;
    assert_eq!(gaps.body["items"], json!([]), "written is answered: {gaps:?}");
    desk.get("/v1/knowledge/gaps?days=0")
        .await
        .is_problem(422, &[("days", "malformed")]);
    desk.finish().await;
}

#[tokio::test]
async fn an_article_is_stale_when_its_answers_do_not_last() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let article = blank_receipts(&desk).await;
    let due = json!({"title": "Old prices", "body": "Ten.", "visibility": "public", "review_date": "2020-01-01"});
    write(&desk, due).await;
    let ticket = desk
        .submit("Our receipt printer prints blank receipts. What can we do?")
        .await;
    let item = suggested(&desk, &ticket).await["items"][0].clone();
    assert_eq!(judge(&desk, &ticket, &item, "accepted").await.status, 204);
    let stale = |body: &Value| -> Vec<String> {
        let items = body["items"].as_array().expect("articles");
        items
            .iter()
            .map(|item| item["title"].as_str().expect("a title").to_owned())
            .collect()
    };
    assert_eq!(stale(&desk.get("/v1/knowledge/stale").await.body), ["Old prices"]);

    solve(&desk, &ticket).await;
    let back = json!({"author": {"kind": "customer"}, "body": "Still blank!"});
    assert_eq!(
        desk.post(&format!("{}/messages", path(&ticket)), back).await.status,
        201
    );
    let found = desk.get("/v1/knowledge/stale").await.body;
    assert_eq!(stale(&found).len(), 2, "{found}");
    let reopened = found["items"].as_array().expect("articles").iter();
    let reopened: Vec<_> = reopened.filter(|item| item["reopened"] == 1).collect();
    assert_eq!(
        reopened[0]["title"], "The receipt printer prints blank paper",
        "{found}"
    );

    let changed = desk
        .patch(
            &article,
            1,
            json!({"body": "Turn the roll round, then clean the head."}),
        )
        .await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(
        stale(&desk.get("/v1/knowledge/stale").await.body),
        ["Old prices"],
        "changed since"
    );
    desk.finish().await;
}
