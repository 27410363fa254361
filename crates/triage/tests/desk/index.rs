//! The index holds what is decided, whatever it lacked for a while.

use desk::TriageState;
use encoder::Side;
use triage::{Config, TriageError, ensure_tickets};

use crate::tiny_desk::{CANDIDATES, POISON, TinyDesk};

/// One attempt, which goes through without the index where that is out of reach.
fn config() -> Config {
    Config {
        max_attempts: 1,
        ..Config::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_without_the_index_is_added_when_it_is_back() {
    let desk = TinyDesk::new(config(), CANDIDATES).await;
    desk.submit("the red box").await;
    desk.keep().await;
    desk.cut_index();
    let without = desk.submit("the green box").await;
    assert_ne!(without.state, TriageState::Received);
    assert!(desk.triage.keep_index().await.is_err(), "it takes nothing");
    assert_eq!(desk.indexed().await, 1);
    desk.mend_index();
    desk.keep().await;
    assert_eq!(desk.indexed().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_without_the_index_is_added_after_a_restart() {
    let desk = TinyDesk::new(config(), CANDIDATES).await;
    desk.submit("the red box").await;
    desk.keep().await;
    let known = desk.on_disk_until().await;
    assert!(known.is_some());
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
    desk.keep().await;
    assert_eq!(desk.indexed().await, 2);
    assert_ne!(desk.on_disk_until().await, known);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_began_anew_is_filled_from_the_first_ticket_on() {
    let desk = TinyDesk::new(config(), CANDIDATES).await;
    for text in ["the red box", "the green box", "the box"] {
        desk.submit(text).await;
    }
    desk.keep().await;
    let desk = desk.restarted(config()).await;
    desk.search.drop_collection("tickets").await.expect("dropped");
    let dimensions = desk.triage.models().encoder.dimensions();
    ensure_tickets(&desk.search, dimensions).await.expect("made anew");
    assert_eq!(desk.indexed().await, 0);
    desk.keep().await;
    assert_eq!(desk.indexed().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_was_deleted_under_the_running_desk_is_filled_again() {
    let desk = TinyDesk::new(config(), CANDIDATES).await;
    for text in ["the red box", "the green box", "the box"] {
        desk.submit(text).await;
    }
    desk.keep().await;
    assert!(!desk.triage.mend_index().await.expect("looked at"), "nothing is wrong");
    desk.delete_index();
    assert!(desk.triage.mend_index().await.expect("mended"));
    assert!(!desk.triage.mend_index().await.expect("looked at"), "it is there");
    desk.cut_index();
    assert!(
        desk.triage.keep_index().await.is_err(),
        "the first attempt comes to nothing"
    );
    desk.mend_index();
    desk.keep().await;
    assert_eq!(desk.indexed().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_could_not_be_opened_is_filled_once_it_can() {
    let desk = TinyDesk::before_its_index(config()).await;
    let without = desk.submit("the red box").await;
    assert_ne!(without.state, TriageState::Received);
    assert!(desk.triage.mend_index().await.is_err(), "it cannot be opened yet");
    assert!(!desk.triage.index_answers().await);
    desk.clear_the_way();
    assert!(desk.triage.mend_index().await.expect("opened"));
    assert!(desk.triage.index_answers().await);
    desk.keep().await;
    assert_eq!(desk.indexed().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_another_encoder_is_none_to_start_with() {
    let desk = TinyDesk::new(config(), CANDIDATES).await;
    let dimensions = desk.triage.models().encoder.dimensions();
    desk.search.drop_collection("tickets").await.expect("dropped");
    ensure_tickets(&desk.search, dimensions + 1).await.expect("made");
    let refused = desk.start_again(config()).await.err();
    assert!(
        matches!(
            refused,
            Some(TriageError::Search(search::Error::DimensionsDiffer { .. }))
        ),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_index_has_is_on_disk_also_where_it_takes_no_more() {
    let desk = TinyDesk::new(config(), CANDIDATES).await;
    desk.submit("the red box").await;
    desk.cut_index();
    desk.submit("the green box").await;
    assert!(desk.triage.keep_index().await.is_err(), "it takes nothing");
    desk.mend_index();
    assert_eq!(desk.indexed_on_disk().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoder_with_too_much_to_do_is_waited_for() {
    let desk = TinyDesk::new(config(), CANDIDATES).await;
    desk.cut_index();
    desk.submit("the red box").await;
    desk.mend_index();
    let models = desk.triage.models();
    // Longer than it takes the keeper to come to the ticket.
    let much = vec!["the green box".to_owned(); 20_000];
    let (embedded, ()) = tokio::join!(models.encoder.embed_patiently(much, Side::Passage), desk.keep());
    assert!(embedded.is_ok());
    assert_eq!(desk.indexed().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_the_encoder_cannot_take_keeps_no_other_out() {
    let desk = TinyDesk::new(config(), CANDIDATES).await;
    desk.keep().await;
    desk.cut_index();
    let poison = desk.submit(&format!("the {POISON}")).await;
    assert_eq!(poison.state, TriageState::NeedsHuman, "{poison:?}");
    desk.submit("the red box").await;
    let known = desk.on_disk_until().await;
    desk.mend_index();
    desk.keep().await;
    assert_eq!(desk.indexed().await, 1);
    let since = desk.on_disk_until().await;
    assert_ne!(since, known);
    let desk = desk.restarted(config()).await;
    desk.keep().await;
    assert_ne!(desk.on_disk_until().await, since);
    assert_eq!(desk.indexed().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_passes_over_a_ticket_that_the_encoder_cannot_take() {
    let desk = TinyDesk::new(config(), CANDIDATES).await;
    let poison = desk.submit(&format!("the {POISON}")).await;
    assert_eq!(poison.state, TriageState::NeedsHuman, "{poison:?}");
    for text in ["the red box", "the green box"] {
        desk.submit(text).await;
    }
    let (mut done, mut total) = (0, 0);
    let held = desk
        .triage
        .reindex(|progress| (done, total) = (progress.done, progress.total));
    assert_eq!(held.await.expect("rebuilt"), 2);
    assert_eq!((done, total), (3, 3));
    assert_eq!(desk.indexed().await, 2);
}
