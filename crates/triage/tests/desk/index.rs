//! The index holds what is decided, whatever it lacked for a while.

use desk::TriageState;
use triage::{Config, ensure_tickets};

use crate::tiny_desk::{CANDIDATES, POISON, TinyDesk, until};

/// One attempt, which goes through without the index where that is out of reach; a keeper who looks often.
fn config() -> Config {
    Config {
        max_attempts: 1,
        index_flush_ms: 20,
        ..Config::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_without_the_index_is_added_when_it_is_back() {
    let desk = TinyDesk::new(config(), CANDIDATES).await;
    let keeper = desk.keep();
    desk.submit("the red box").await;
    until(async || desk.on_disk_until().await.is_some()).await;
    desk.cut_index();
    let without = desk.submit("the green box").await;
    assert_ne!(without.state, TriageState::Received);
    assert_eq!(desk.indexed().await, 1);
    desk.mend_index();
    desk.until_indexed(2).await;
    keeper.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_without_the_index_is_added_after_a_restart() {
    let desk = TinyDesk::new(config(), CANDIDATES).await;
    let keeper = desk.keep();
    desk.submit("the red box").await;
    until(async || desk.on_disk_until().await.is_some()).await;
    keeper.abort();
    let known = desk.on_disk_until().await;
    desk.cut_index();
    desk.submit("the green box").await;
    desk.triage.finish().await;
    assert_eq!(
        desk.on_disk_until().await,
        known,
        "it is not said to hold what it lacks"
    );
    desk.mend_index();
    let desk = desk.restarted(config()).await;
    desk.keep();
    desk.until_indexed(2).await;
    until(async || desk.on_disk_until().await != known).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_began_anew_is_filled_from_the_first_ticket_on() {
    let desk = TinyDesk::new(config(), CANDIDATES).await;
    let keeper = desk.keep();
    for text in ["the red box", "the green box", "the box"] {
        desk.submit(text).await;
    }
    until(async || desk.on_disk_until().await.is_some()).await;
    keeper.abort();
    let desk = desk.restarted(config()).await;
    desk.search.drop_collection("tickets").await.expect("dropped");
    let dimensions = desk.triage.models().encoder.dimensions();
    ensure_tickets(&desk.search, dimensions).await.expect("made anew");
    assert_eq!(desk.indexed().await, 0);
    desk.keep();
    desk.until_indexed(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_the_encoder_cannot_take_keeps_no_other_out() {
    let desk = TinyDesk::new(config(), CANDIDATES).await;
    let keeper = desk.keep();
    until(async || desk.on_disk_until().await.is_some()).await;
    desk.cut_index();
    let poison = desk.submit(&format!("the {POISON}")).await;
    assert_eq!(poison.state, TriageState::NeedsHuman, "{poison:?}");
    desk.submit("the red box").await;
    let known = desk.on_disk_until().await;
    desk.mend_index();
    desk.until_indexed(1).await;
    until(async || desk.on_disk_until().await != known).await;
    keeper.abort();
    let desk = desk.restarted(config()).await;
    let known = desk.on_disk_until().await;
    desk.keep();
    until(async || desk.on_disk_until().await != known).await;
    assert_eq!(desk.indexed().await, 1);
}
