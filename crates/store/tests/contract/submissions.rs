//! Storing tickets.

use std::collections::HashSet;
use std::time::Duration;

use desk::{Channel, EventKind, NewAccount, NewContact, NewTicket, TriageState, WorkStatus};
use store::{IdempotencyKey, StoreError, Submission};
use time::macros::datetime;
use uuid::Uuid;

use crate::desk_under_test::{Desk, submission, tester};

pub async fn a_ticket_is_kept_as_it_came(desk: &Desk) {
    let account = NewAccount {
        name: "Acme".into(),
        ..NewAccount::default()
    };
    let account = desk.store.create_account(account, &tester()).await.expect("an account");
    let contact = NewContact {
        name: "Ana".into(),
        account_id: Some(account.id),
        ..NewContact::default()
    };
    let contact = desk.store.create_contact(contact, &tester()).await.expect("a contact");
    let sent = NewTicket {
        subject: Some("¿Dónde está mi pedido? 📦".into()),
        body: "Line one\r\n\tline 'two' -- $1; DROP TABLE tickets\u{2028}".into(),
        channel: Channel::Email,
        account_id: Some(account.id),
        contact_id: Some(contact.id),
        external_id: Some("Z-1".into()),
        source: Some("old desk".into()),
        requester_email: Some("ana@acme.example".into()),
        requester_name: Some("Ana".into()),
        tags: vec!["vip".into(), "a, \"b\"".into()],
        created_at: Some(datetime!(2020-02-29 23:59:59.123456 UTC)),
    };
    let ticket = desk.submit_new(sent.clone()).await;
    assert_eq!(desk.ticket(ticket.id).await, ticket);
    assert_eq!((ticket.number, ticket.version, ticket.attempts), (1, 1, 0));
    assert_eq!((ticket.state, ticket.status), (TriageState::Received, WorkStatus::Open));
    assert_eq!(Some(&ticket.subject), sent.subject.as_ref());
    assert_eq!((&ticket.body, &ticket.tags), (&sent.body, &sent.tags));
    assert_eq!(
        (ticket.account_id, ticket.contact_id),
        (sent.account_id, sent.contact_id)
    );
    assert_eq!(Some(ticket.created_at), sent.created_at);
    assert_eq!(desk.told(ticket.id).await, [EventKind::TicketSubmitted]);
    assert_eq!(desk.store.get_ticket(Uuid::now_v7()).await.expect("readable"), None);
}

pub async fn what_was_acknowledged_is_there_after_a_restart(desk: &Desk) {
    let ticket = desk.submit("Still there?").await;
    let again = desk.another().await;
    assert_eq!(again.get_ticket(ticket.id).await.expect("readable"), Some(ticket));
    again.close().await;
}

pub async fn many_at_once_get_different_rising_numbers(desk: &Desk) {
    let other = desk.another().await;
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..400 {
        let store = if at % 2 == 0 { desk.store.clone() } else { other.clone() };
        tasks.spawn(async move {
            let submission = submission(NewTicket::from_body(format!("ticket {at}")));
            store.submit_ticket(submission).await.expect("stored").ticket
        });
    }
    let tickets = tasks.join_all().await;
    let numbers: HashSet<i64> = tickets.iter().map(|ticket| ticket.number).collect();
    assert_eq!(numbers, (1..=400).collect());
    let stored = desk.store.tickets_after(0, 1_000).await.expect("readable");
    assert_eq!(stored.len(), 400);
    other.close().await;
}

fn key(token_id: Uuid, key: &str, body: &str) -> Option<IdempotencyKey> {
    Some(IdempotencyKey::new(token_id, key, body.as_bytes()).expect("a valid key"))
}

pub async fn a_key_gives_the_same_ticket(desk: &Desk) {
    let (token, other) = (Uuid::now_v7(), Uuid::now_v7());
    let send = |token, name, body: &'static str| desk.try_submit(NewTicket::from_body(body), key(token, name, body));
    let first = send(token, "k", "one").await.expect("stored");
    let again = send(token, "k", "one").await.expect("found");
    assert_eq!((first.replayed, again.replayed), (false, true));
    assert_eq!(first.ticket, again.ticket);
    let changed = send(token, "k", "two").await;
    assert!(matches!(changed, Err(StoreError::IdempotencyConflict)), "{changed:?}");
    let of_other = send(other, "k", "two").await.expect("a key of another token");
    assert!(!of_other.replayed && of_other.ticket.id != first.ticket.id);
    assert_eq!(desk.told(first.ticket.id).await, [EventKind::TicketSubmitted]);
}

pub async fn a_key_sent_many_times_at_once_makes_one_ticket(desk: &Desk) {
    let token = Uuid::now_v7();
    let other = desk.another().await;
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..40 {
        let store = if at % 2 == 0 { desk.store.clone() } else { other.clone() };
        let one = submission(NewTicket::from_body("one"));
        let submission = Submission {
            key: key(token, "k", "one"),
            ..one
        };
        tasks.spawn(async move { store.submit_ticket(submission).await.expect("stored or found") });
    }
    let answers = tasks.join_all().await;
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    let ids: HashSet<Uuid> = answers.iter().map(|answer| answer.ticket.id).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(desk.store.counts().await.expect("counts").tickets(), 1);
    other.close().await;
}

pub async fn a_key_can_be_forgotten(desk: &Desk) {
    let token = Uuid::now_v7();
    let first = desk
        .try_submit(NewTicket::from_body("one"), key(token, "k", "one"))
        .await
        .expect("stored");
    let later = store::now() + Duration::from_secs(1);
    assert_eq!(
        desk.store
            .forget_idempotency_keys(later - Duration::from_secs(60))
            .await
            .expect("done"),
        0
    );
    assert_eq!(desk.store.forget_idempotency_keys(later).await.expect("done"), 1);
    let second = desk
        .try_submit(NewTicket::from_body("two"), key(token, "k", "two"))
        .await
        .expect("stored");
    assert_ne!(first.ticket.id, second.ticket.id);
}

pub async fn old_keys_are_forgotten_and_young_ones_stay(desk: &Desk) {
    // More than are forgotten in one transaction.
    const OLD: usize = 600;
    let (token, other) = (Uuid::now_v7(), Uuid::now_v7());
    let keyed = |token, at: usize| Submission {
        key: key(token, &format!("k{at}"), "one"),
        ..submission(NewTicket::from_body("one"))
    };
    let old = desk
        .store
        .submit_tickets((0..OLD).map(|at| keyed(token, at)).collect())
        .await;
    assert!(old.iter().all(Result::is_ok), "{old:?}");
    let before = store::now();
    let young = desk.store.submit_ticket(keyed(other, 7)).await.expect("stored");
    let forgotten = desk.store.forget_idempotency_keys(before).await.expect("done");
    assert_eq!(forgotten, OLD as u64);
    let again = desk.store.submit_ticket(keyed(other, 7)).await.expect("found");
    assert_eq!((again.replayed, again.ticket.id), (true, young.ticket.id));
    let anew = desk.store.submit_ticket(keyed(token, 7)).await.expect("stored");
    assert!(!anew.replayed);
}

pub async fn an_external_id_is_stored_once_per_source(desk: &Desk) {
    let import = |external_id: &str, source: Option<&str>| NewTicket {
        external_id: Some(external_id.to_owned()),
        source: source.map(str::to_owned),
        ..NewTicket::from_body("imported")
    };
    let file: Vec<_> = ["1", "2", "1", "3"].map(|id| submission(import(id, None))).into();
    let first = desk.store.submit_tickets(file.clone()).await;
    let replayed: Vec<bool> = first
        .iter()
        .map(|answer| answer.as_ref().expect("stored").replayed)
        .collect();
    assert_eq!(replayed, [false, false, true, false]);
    let again = desk.store.submit_tickets(file).await;
    assert!(again.iter().all(|answer| answer.as_ref().expect("found").replayed));
    let elsewhere = desk.try_submit(import("1", Some("other")), None).await.expect("stored");
    assert!(!elsewhere.replayed);
    assert_eq!(desk.store.counts().await.expect("counts").tickets(), 4);
}

pub async fn a_bad_reference_spoils_only_its_own_ticket(desk: &Desk) {
    let nobody = Uuid::now_v7();
    let mut lost = NewTicket::from_body("lost");
    lost.account_id = Some(nobody);
    let mut stray = NewTicket::from_body("stray");
    stray.contact_id = Some(nobody);
    let good = NewTicket::from_body("good");
    let group = [good.clone(), lost, stray, good].map(submission).into();
    let answers = desk.store.submit_tickets(group).await;
    let fields: Vec<_> = answers
        .iter()
        .map(|answer| match answer {
            Err(StoreError::Unknown { field, id }) if *id == nobody.to_string() => *field,
            Ok(_) => "stored",
            Err(error) => panic!("{error:?}"),
        })
        .collect();
    assert_eq!(fields, ["stored", "account_id", "contact_id", "stored"]);
}
