//! Attempts that come to nothing are counted, and end with a person.

use desk::TriageState;
use triage::Config;

use crate::tiny_desk::{CANDIDATES, POISON, TinyDesk, until};

fn config() -> Config {
    Config {
        max_attempts: 2,
        backoff_ms: 1,
        max_backoff_ms: 1,
        ..Config::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_panics_is_counted_like_others() {
    // Twice as many are asked for, which no number holds: a panic where arithmetic is checked, else an error.
    let desk = TinyDesk::new(config(), usize::MAX).await;
    let ticket = desk.submit("the red box").await;
    assert_eq!((ticket.state, ticket.attempts), (TriageState::Received, 1));
    assert!(ticket.last_error.is_some(), "{ticket:?}");
    until(async || desk.triage.sweep().await.expect("swept") == 1).await;
    let ticket = desk
        .store
        .get_ticket(ticket.id)
        .await
        .expect("readable")
        .expect("there");
    assert_eq!((ticket.state, ticket.attempts), (TriageState::NeedsHuman, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_submits_is_told_how_the_ticket_stands_after_a_failure() {
    let desk = TinyDesk::new(config(), CANDIDATES).await;
    let ticket = desk.submit(&format!("the {POISON}")).await;
    let stored = desk.store.get_ticket(ticket.id).await.expect("readable");
    assert_eq!(ticket.attempts, 1);
    assert_eq!(stored, Some(ticket));
}
