//! Tokens, settings, and the store's own life.

use std::time::Duration;

use desk::{NewTicket, NewToken, Role};
use store::{PageRequest, StoreError, TokenCheck};
use uuid::Uuid;

use crate::desk_under_test::{Desk, tester};

async fn token(desk: &Desk, role: Role) -> store::CreatedToken {
    let token = NewToken {
        name: "mail gateway".into(),
        role,
    };
    desk.store.create_token(token, &tester()).await.expect("a token")
}

pub async fn a_token_is_checked_until_revoked(desk: &Desk) {
    let (created, other) = (token(desk, Role::Intake).await, token(desk, Role::Admin).await);
    assert_ne!(created.secret, other.secret);
    let check = desk.store.check_token(&created.secret).await.expect("checked");
    assert_eq!(check, TokenCheck::Valid(created.token.clone()));
    let unknown = desk.store.check_token("desk_00").await.expect("checked");
    assert_eq!(unknown, TokenCheck::Unknown);

    let revoked = desk
        .store
        .revoke_token(created.token.id, &tester())
        .await
        .expect("done")
        .expect("there");
    assert!(revoked.revoked_at.is_some());
    let again = desk
        .store
        .revoke_token(created.token.id, &tester())
        .await
        .expect("done")
        .expect("there");
    assert_eq!(again, revoked, "the first time stays");
    let check = desk.store.check_token(&created.secret).await.expect("checked");
    assert_eq!(check, TokenCheck::Revoked(revoked.clone()));
    assert_eq!(
        desk.store.revoke_token(Uuid::now_v7(), &tester()).await.expect("done"),
        None
    );
    let listed = desk
        .store
        .list_tokens(&PageRequest::default())
        .await
        .expect("tokens")
        .items;
    assert_eq!(listed, [revoked, other.token]);
    let blank = NewToken {
        name: " ".into(),
        role: Role::Intake,
    };
    assert!(matches!(
        desk.store.create_token(blank, &tester()).await,
        Err(StoreError::Invalid(_))
    ));
}

pub async fn a_secret_is_never_stored(desk: &Desk) {
    let created = token(desk, Role::Admin).await;
    assert_eq!(created.secret.len(), "desk_".len() + 64);
    assert!(!format!("{created:?}").contains(&created.secret));
    let everything = "SELECT name || role || prefix || secret_hash FROM api_tokens UNION ALL SELECT data FROM events";
    for row in desk.raw(everything).await.expect("readable") {
        assert!(!row.contains(&created.secret[13..]), "{row}");
    }
}

pub async fn settings_are_remembered(desk: &Desk) {
    assert_eq!(desk.store.get_setting("sample").await.expect("readable"), None);
    for value in ["1", "2"] {
        desk.store.set_setting("sample", value).await.expect("stored");
    }
    assert_eq!(
        desk.store.get_setting("sample").await.expect("readable").as_deref(),
        Some("2")
    );
    desk.store.ping().await.expect("alive");
}

pub async fn a_closed_store_has_finished_and_says_so(desk: &Desk) {
    let store = desk.another().await;
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..50 {
        let (store, body) = (store.clone(), format!("ticket {at}"));
        let submission = crate::desk_under_test::submission(NewTicket::from_body(body));
        tasks.spawn(async move { store.submit_ticket(submission).await });
    }
    let closing = store.clone();
    tasks.spawn(async move {
        closing.close().await;
        Err(StoreError::Closed)
    });
    let answers = tasks.join_all().await;
    let stored = answers.iter().flatten().count() as i64;
    assert!(
        answers
            .iter()
            .flat_map(|a| a.as_ref().err())
            .all(|e| matches!(e, StoreError::Closed)),
        "{answers:?}"
    );
    assert_eq!(
        desk.store.counts().await.expect("counts").tickets(),
        stored,
        "acknowledged is stored"
    );
    assert!(matches!(store.ping().await, Err(StoreError::Closed)));
}

pub async fn a_turn_is_one_processs_until_it_ends(desk: &Desk) {
    let (store, other) = (&desk.store, desk.another().await);
    let hour = Duration::from_secs(3600);
    assert!(store.take_turn("sweep", hour).await.expect("stored"));
    assert!(!other.take_turn("sweep", hour).await.expect("answered"), "taken");
    assert!(
        other.take_turn("mow", Duration::ZERO).await.expect("stored"),
        "another turn"
    );
    assert!(store.take_turn("mow", hour).await.expect("stored"), "over by now");
    other.close().await;
}

pub async fn a_turn_lasts_as_long_as_the_work(desk: &Desk) {
    let (store, other) = (&desk.store, desk.another().await);
    let lease = Duration::from_secs(2);
    let turn = store.begin_turn("rake", lease).await.expect("stored").expect("free");
    let first = store.get_setting("rake").await.expect("read");
    let work = async {
        while store.get_setting("rake").await.expect("read") == first {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        other.take_turn("rake", lease).await.expect("answered")
    };
    assert_eq!(turn.hold(work).await, Some(false), "it was renewed");
    assert!(
        other.take_turn("rake", lease).await.expect("stored"),
        "it was given back"
    );
    other.close().await;
}

pub async fn a_turn_is_kept_until_the_work_is_due_again(desk: &Desk) {
    let (store, other) = (&desk.store, desk.another().await);
    let hour = Duration::from_secs(3600);
    let tomorrow = store::now() + 24 * hour;
    let turn = store.begin_turn("mulch", hour).await.expect("stored").expect("free");
    assert_eq!(turn.hold_until(tomorrow, async { "done" }).await, Some("done"));
    assert!(!other.take_turn("mulch", hour).await.expect("answered"), "not due yet");
    let turn = store.begin_turn("water", hour).await.expect("stored").expect("free");
    assert_eq!(turn.hold_until(store::now(), async { "late" }).await, Some("late"));
    assert!(other.take_turn("water", hour).await.expect("stored"), "due already");
    let turn = store
        .begin_turn("weed", Duration::ZERO)
        .await
        .expect("stored")
        .expect("free");
    // Broken off.
    drop(turn.hold_until(tomorrow, std::future::pending::<()>()));
    assert!(
        other.take_turn("weed", hour).await.expect("stored"),
        "its lease is over"
    );
    other.close().await;
}

pub async fn work_ends_with_a_turn_that_was_lost(desk: &Desk) {
    let (store, other) = (&desk.store, desk.another().await);
    let turn = store.begin_turn("prune", Duration::from_millis(30)).await;
    let turn = turn.expect("stored").expect("free");
    store.set_setting("prune", "").await.expect("stored");
    let hour = Duration::from_secs(3600);
    assert!(other.take_turn("prune", hour).await.expect("stored"), "it ran out");
    assert_eq!(turn.hold(std::future::pending::<()>()).await, None);
    assert!(!store.take_turn("prune", hour).await.expect("answered"), "the other's");
    other.close().await;
}
