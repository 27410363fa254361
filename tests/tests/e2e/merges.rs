//! Tickets about one matter become one conversation, and two again.

use reqwest::Method;
use serde_json::{Value, json};

use crate::desk_under_test::{Answer, DeskUnderTest, answer};

async fn submit(desk: &DeskUnderTest, subject: &str, channel: &str, requester: &str) -> Value {
    let body = format!("{subject}, please help");
    let ticket = json!({"subject": subject, "body": body, "channel": channel, "requester_email": requester});
    let submitted = desk.post("/v1/tickets", ticket).await;
    assert_eq!(submitted.status, 201, "{submitted:?}");
    submitted.body
}

async fn two(desk: &DeskUnderTest) -> (Value, Value) {
    let survivor = submit(desk, "Till sync fails with SYNC-5031", "web", "bakery@one.example").await;
    let ticket = submit(desk, "Error SYNC-5031 on every till", "email", "bookshop@two.example").await;
    desk.until_all_decided().await;
    (now(desk, &survivor).await, now(desk, &ticket).await)
}

fn path(ticket: &Value, act: &str) -> String {
    format!("/v1/tickets/{}{act}", ticket["id"].as_str().expect("an id"))
}

async fn now(desk: &DeskUnderTest, ticket: &Value) -> Value {
    desk.get(&path(ticket, "")).await.body
}

async fn messages(desk: &DeskUnderTest, ticket: &Value) -> Value {
    desk.get(&path(ticket, "/messages")).await.body
}

async fn act(desk: &DeskUnderTest, ticket: &Value, act: &str, version: &Value, body: Option<Value>) -> Answer {
    let request = desk.request(&desk.tokens.admin, Method::POST, &path(ticket, act));
    let request = request.header("If-Match", format!("\"{version}\""));
    answer(match body {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

async fn merge(desk: &DeskUnderTest, ticket: &Value, into: &Value) -> Answer {
    act(desk, ticket, "/merge", &ticket["version"], Some(json!({"into": into}))).await
}

async fn say(desk: &DeskUnderTest, ticket: &Value, kind: &str, body: &str) {
    let message = json!({"author": {"kind": kind, "name": "Noor"}, "body": body});
    let said = desk.post(&path(ticket, "/messages"), message).await;
    assert_eq!(said.status, 201, "{said:?}");
}

async fn events(desk: &DeskUnderTest, ticket: &Value) -> Vec<String> {
    let told = desk.get(&path(ticket, "/events")).await.body;
    let told = told["items"].as_array().expect("items");
    told.iter()
        .filter_map(|event| event["kind"].as_str().map(str::to_owned))
        .collect()
}

/// A ticket without what every change changes.
fn lasting(mut ticket: Value) -> String {
    let fields = ticket.as_object_mut().expect("a ticket");
    fields.remove("version");
    fields.remove("updated_at");
    ticket.to_string()
}

#[tokio::test]
async fn merged_and_parted_everything_is_as_it_was() {
    let desk = DeskUnderTest::start().await;
    let (survivor, ticket) = two(&desk).await;
    say(&desk, &survivor, "agent", "We look into it").await;
    say(&desk, &ticket, "customer", "Any news?").await;
    let before = [&survivor, &ticket].map(|ticket| lasting(ticket.clone()));
    let said = [messages(&desk, &survivor).await, messages(&desk, &ticket).await].map(|said| said.to_string());

    let merged = merge(&desk, &ticket, &survivor["number"]).await;
    assert_eq!(merged.status, 200, "{merged:?}");
    assert_eq!(
        (
            &merged.body["status"],
            &merged.body["merged_into"],
            &merged.body["agent"]
        ),
        (&json!("closed"), &survivor["id"], &ticket["agent"])
    );
    assert_eq!(merged.body, now(&desk, &ticket).await);
    let listed = json!([{"id": ticket["id"], "number": ticket["number"]}]);
    assert_eq!(now(&desk, &survivor).await["merged"], listed);
    let together = messages(&desk, &survivor).await;
    let items = together["items"].as_array().expect("items");
    let bodies: Vec<_> = items.iter().map(|message| &message["body"]).collect();
    assert_eq!(
        bodies,
        [&ticket["body"], &json!("We look into it"), &json!("Any news?")]
    );
    let origin = json!({"id": ticket["id"], "number": ticket["number"], "channel": "email",
        "subject": ticket["subject"], "requester_email": "bookshop@two.example"});
    assert_eq!((&items[0]["origin"], &items[2]["origin"]), (&origin, &origin));
    assert_eq!(
        (items[1].get("origin"), &items[2]["author"]["name"]),
        (None, &json!("Noor"))
    );

    let parted = act(&desk, &ticket, "/unmerge", &merged.body["version"], None).await;
    assert_eq!(parted.status, 200, "{parted:?}");
    let after = [now(&desk, &survivor).await, now(&desk, &ticket).await].map(lasting);
    assert_eq!(after, before);
    let said_after = [messages(&desk, &survivor).await, messages(&desk, &ticket).await].map(|said| said.to_string());
    assert_eq!(said_after, said);
    assert!(
        events(&desk, &ticket)
            .await
            .ends_with(&["ticket.merged".into(), "ticket.unmerged".into()])
    );
    assert!(
        events(&desk, &survivor)
            .await
            .ends_with(&["ticket.absorbed".into(), "ticket.released".into()])
    );
    desk.finish().await;
}

#[tokio::test]
async fn a_merged_ticket_leads_to_its_survivor() {
    let desk = DeskUnderTest::start().await;
    let (survivor, ticket) = two(&desk).await;
    desk.until_indexed(2).await;
    merge(&desk, &ticket, &survivor["id"]).await;
    let solved = json!({"status": "solved"});
    let version = now(&desk, &survivor).await["version"].as_i64().expect("a version");
    assert_eq!(desk.patch(&path(&survivor, ""), version, solved).await.status, 200);

    say(&desk, &ticket, "customer", "It is still broken").await;
    assert_eq!(now(&desk, &survivor).await["status"], "open");
    assert_eq!(now(&desk, &ticket).await["status"], "closed");
    let together = messages(&desk, &survivor).await.to_string();
    assert!(together.contains("It is still broken"), "{together}");

    let found = desk
        .get("/v1/search?kind=tickets&q=SYNC-5031%20on%20every%20till")
        .await;
    let text = found.body.to_string();
    assert!(text.contains(survivor["id"].as_str().expect("an id")), "{text}");
    assert!(!text.contains(ticket["id"].as_str().expect("an id")), "{text}");
    let duplicates = desk.get(&path(&survivor, "/duplicates")).await;
    assert_eq!(duplicates.body["items"], json!([]), "{duplicates:?}");
    let listed = desk
        .get(&format!(
            "/v1/tickets?merged_into={}",
            survivor["id"].as_str().expect("an id")
        ))
        .await;
    assert_eq!(listed.body["items"][0]["id"], ticket["id"], "{listed:?}");
    desk.finish().await;
}

#[tokio::test]
async fn a_new_decision_names_the_survivor_of_a_merged_ticket() {
    let desk = DeskUnderTest::start().await;
    let (survivor, ticket) = two(&desk).await;
    desk.until_indexed(2).await;
    merge(&desk, &ticket, &survivor["id"]).await;
    let again = submit(&desk, "SYNC-5031 on every till again", "chat", "cafe@three.example").await;
    let asked = json!({"subject": "SYNC-5031 on every till", "body": "Error SYNC-5031 on every till"});
    let tried = desk.post("/v1/triage", asked).await.body;
    for decided in [&again["decision"], &tried["decision"]] {
        let similar = decided["similar"].as_array().expect("similar tickets");
        let of = |one: &Value| similar.iter().filter(|found| found["ticket_id"] == one["id"]).count();
        assert_eq!((of(&survivor), of(&ticket)), (1, 0), "{decided}");
        let subjects: Vec<_> = similar.iter().map(|found| &found["subject"]).collect();
        assert!(!subjects.contains(&&ticket["subject"]), "{decided}");
    }
    let text = again["decision"].to_string();
    assert!(!text.contains(ticket["id"].as_str().expect("an id")), "{text}");
    desk.finish().await;
}

#[tokio::test]
async fn a_merge_is_seen_though_both_tickets_were_compared_before() {
    let desk = DeskUnderTest::start().await;
    let (survivor, ticket) = two(&desk).await;
    desk.until_indexed(2).await;
    let submit_again = async |at: usize| {
        let subject = format!("SYNC-5031 on every till again, {at}");
        submit(&desk, &subject, "chat", &format!("cafe{at}@three.example")).await["decision"].clone()
    };
    let names = |decision: &Value, one: &Value| {
        let similar = decision["similar"].as_array().expect("similar tickets");
        similar.iter().any(|found| found["ticket_id"] == one["id"])
    };
    let before = submit_again(1).await;
    assert!(names(&before, &survivor) && names(&before, &ticket), "{before}");
    let merged = merge(&desk, &ticket, &survivor["id"]).await.body;
    let meanwhile = submit_again(2).await;
    assert!(
        names(&meanwhile, &survivor) && !names(&meanwhile, &ticket),
        "{meanwhile}"
    );
    let parted = act(&desk, &ticket, "/unmerge", &merged["version"], None).await;
    assert_eq!(parted.status, 200, "{parted:?}");
    let after = submit_again(3).await;
    assert!(names(&after, &survivor) && names(&after, &ticket), "{after}");
    desk.finish().await;
}

#[tokio::test]
async fn merges_that_cannot_be_are_refused() {
    let desk = DeskUnderTest::start().await;
    let (survivor, ticket) = two(&desk).await;
    let into = json!({"into": survivor["id"]});
    merge(&desk, &ticket, &ticket["id"])
        .await
        .is_problem(422, &[("into", "refused")]);
    for unknown in [
        json!(4711),
        json!("4711"),
        json!("nobody"),
        json!("0198d7f0-0000-7000-8000-000000000000"),
    ] {
        merge(&desk, &ticket, &unknown)
            .await
            .is_problem(422, &[("into", "unknown")]);
    }
    let stale = act(&desk, &ticket, "/merge", &json!(1), Some(into.clone())).await;
    stale.is_problem(412, &[("If-Match", "stale")]);
    let blind = desk.post(&path(&ticket, "/merge"), into.clone()).await;
    blind.is_problem(428, &[("If-Match", "missing")]);
    act(&desk, &ticket, "/unmerge", &ticket["version"], None)
        .await
        .is_problem(422, &[("id", "refused")]);
    for token in [&desk.tokens.intake, &desk.tokens.customer] {
        for way in ["/merge", "/unmerge"] {
            let request = desk.request(token, Method::POST, &path(&ticket, way));
            answer(request.json(&into)).await.is_problem(403, &[]);
        }
    }
    let nobody = json!({"id": "0198d7f0-0000-7000-8000-000000000000"});
    act(&desk, &nobody, "/merge", &json!(1), Some(into))
        .await
        .is_problem(404, &[]);

    let merged = merge(&desk, &ticket, &survivor["id"]).await.body;
    let circle = now(&desk, &survivor).await;
    merge(&desk, &circle, &ticket["id"])
        .await
        .is_problem(422, &[("into", "refused")]);
    merge(&desk, &merged, &survivor["id"])
        .await
        .is_problem(422, &[("id", "refused")]);
    let version = merged["version"].as_i64().expect("a version");
    desk.patch(&path(&ticket, ""), version, json!({"status": "open"}))
        .await
        .is_problem(422, &[("id", "refused")]);
    assert_eq!(now(&desk, &ticket).await, merged);
    desk.finish().await;
}

#[tokio::test]
async fn of_two_merges_at_once_one_wins() {
    let desk = DeskUnderTest::start().await;
    let (one, other) = two(&desk).await;
    let (there, back) = tokio::join!(merge(&desk, &one, &other["id"]), merge(&desk, &other, &one["id"]));
    let mut statuses = [there.status.as_u16(), back.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412], "{there:?} {back:?}");
    desk.finish().await;
}
