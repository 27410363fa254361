//! Searches are kept for as long as feedback on them is taken, whether or not anybody searches after them.

use desk::{SearchOutcome, SearchRecord};
use time::Duration;
use uuid::Uuid;

use crate::shelf::Shelf;

fn asked(before: Duration) -> SearchRecord {
    SearchRecord {
        id: Uuid::now_v7(),
        query: "red lamp".to_owned(),
        language: None,
        outcome: SearchOutcome::ZeroResult,
        probability: 0.0,
        is_open: true,
        created_at: store::now() - before,
    }
}

#[tokio::test]
async fn old_searches_are_forgotten_without_a_new_one() {
    let shelf = Shelf::new().await;
    let (old, new) = (asked(Duration::days(8)), asked(Duration::days(6)));
    let searches = [old.clone(), new.clone()];
    shelf.store.record_searches(&searches).await.expect("kept");
    shelf.knowledge.forget_searches().await.expect("forgotten");
    let mut known = Vec::new();
    for search in [old, new] {
        known.push(shelf.store.is_search_known(search.id).await.expect("read"));
    }
    assert_eq!(known, [false, true]);
}
