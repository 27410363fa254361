//! What agents did with suggestions, and the replies these are taken from.

use desk::{Author, AuthorKind, NewMessage, SourceKind, SourceRef, Tally, Verdict, Visibility};
use store::StoreError;
use uuid::Uuid;

use crate::desk_under_test::{Desk, tester};

async fn say(desk: &Desk, ticket: Uuid, kind: AuthorKind, visibility: Visibility, body: &str) -> Uuid {
    let author = Author {
        kind,
        id: None,
        name: None,
    };
    let message = NewMessage {
        author,
        visibility,
        body: body.to_owned(),
    };
    let message = message.validate().expect("valid");
    let added = desk.store.add_message(ticket, &message, &tester()).await;
    added.expect("stored").expect("a ticket").id
}

pub async fn the_last_verdict_on_a_ticket_counts(desk: &Desk) {
    let (one, other) = (desk.submit("one").await.id, desk.submit("other").await.id);
    let source = SourceRef {
        kind: SourceKind::Reply,
        id: say(desk, one, AuthorKind::Agent, Visibility::Public, "Turn it round").await,
    };
    for (ticket, verdict) in [
        (one, Verdict::Rejected),
        (one, Verdict::Accepted),
        (other, Verdict::Edited),
    ] {
        let kept = desk.store.record_verdict(ticket, source, verdict, &tester()).await;
        assert!(kept.expect("kept"));
    }
    let tallies = desk.store.verdict_tallies(&[source]).await.expect("readable");
    let expect = Tally {
        accepted: 1,
        edited: 1,
        rejected: 0,
    };
    assert_eq!(tallies.get(&source), Some(&expect));
    assert!(desk.store.verdict_tallies(&[]).await.expect("readable").is_empty());

    let missing = desk
        .store
        .record_verdict(Uuid::now_v7(), source, Verdict::Accepted, &tester())
        .await;
    assert!(!missing.expect("answered"));
    let unknown = SourceRef {
        kind: SourceKind::Article,
        ..source
    };
    let refused = desk
        .store
        .record_verdict(one, unknown, Verdict::Accepted, &tester())
        .await;
    assert!(matches!(refused, Err(StoreError::Unknown { .. })), "{refused:?}");
}

pub async fn the_last_public_reply_of_an_agent_is_the_reply(desk: &Desk) {
    let (answered, silent) = (desk.submit("answered").await.id, desk.submit("silent").await.id);
    say(desk, answered, AuthorKind::Agent, Visibility::Public, "first").await;
    let last = say(desk, answered, AuthorKind::Agent, Visibility::Public, "last").await;
    say(desk, answered, AuthorKind::Agent, Visibility::Internal, "a note").await;
    say(desk, answered, AuthorKind::Customer, Visibility::Public, "thanks").await;
    say(desk, silent, AuthorKind::Customer, Visibility::Public, "anyone?").await;
    let replies = desk.store.last_replies(&[answered, silent]).await.expect("readable");
    let ids: Vec<Uuid> = replies.iter().map(|reply| reply.id).collect();
    assert_eq!(ids, [last]);
}
