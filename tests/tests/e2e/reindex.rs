//! `deskwise reindex` beside a running server: the server builds the index anew and serves meanwhile.

use std::fs::File;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::articles::write;
use crate::desk_under_test::{DeskUnderTest, answer, deskwise, refused, said, weights};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_builds_the_index_anew_when_a_command_asks() {
    let desk = DeskUnderTest::start().await;
    write(
        &desk,
        json!({"title": "The receipt printer prints blank paper", "visibility": "public",
            "body": "Turn the paper roll round: only one side of thermal paper is coated."}),
    )
    .await;
    for at in 0..20 {
        write(
            &desk,
            json!({"title": format!("Till {at}"), "body": "Count the drawer.", "visibility": "public"}),
        )
        .await;
    }
    desk.submit("The receipt printer at the second till prints blank paper")
        .await;
    desk.until_all_decided().await;
    let folder = desk.folder().to_owned();
    let asked = tokio::task::spawn_blocking(move || said(deskwise(&folder).arg("reindex")));
    let mut searches = 0;
    while !asked.is_finished() || searches == 0 {
        let found = desk.get("/v1/search?q=printer+prints+blank+paper&kind=all").await;
        assert_eq!(found.status, 200, "{found:?}");
        assert_eq!(found.body["answered"], true, "{found:?}");
        assert_eq!(found.body["tickets"].as_array().map(Vec::len), Some(1), "{found:?}");
        searches += 1;
    }
    let printed = asked.await.expect("a command");
    assert_eq!(
        printed,
        "the index holds 1 tickets and 21 passages of articles\n",
        "{}",
        desk.log()
    );
    desk.logged("the index was built anew").await;
    let customer = desk.request(&desk.tokens.customer, Method::GET, "/v1/search?q=blank+paper");
    assert_eq!(answer(customer).await.status, 200);

    // Once more: what was answered before is no answer to what is asked now.
    let folder = desk.folder().to_owned();
    let again = tokio::task::spawn_blocking(move || said(deskwise(&folder).arg("reindex")));
    assert_eq!(again.await.expect("a command"), printed);
    let began = Instant::now();
    while desk.log().matches("the index was built anew").count() < 2 {
        assert!(began.elapsed() < Duration::from_secs(60), "{}", desk.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    desk.finish().await;
}

#[test]
fn a_folder_held_by_what_is_no_server_is_said_with_advice() {
    weights();
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let held = File::create(scratch.path().join("desk.lock")).expect("a file");
    held.lock().expect("a free lock");
    let error = refused(deskwise(scratch.path()).arg("reindex"));
    assert!(error.contains("no server began within"), "{error}");
    assert!(error.contains("what to do: stop the other deskwise first"), "{error}");
    drop(held);
    let indexed = said(deskwise(scratch.path()).arg("reindex"));
    assert_eq!(indexed, "the index holds 0 tickets and 0 passages of articles\n");
}
