//! Changing tickets, and what is said on them.

use desk::{
    Author, AuthorKind, CorrectedField, EventKind, NewMessage, Priority, TicketPatch, TriageState, ValidMessage,
    Visibility, WorkStatus,
};
use store::{PageRequest, StoreError};
use uuid::Uuid;

use crate::desk_under_test::{Desk, decision, tester};

fn to_category(label: &str) -> TicketPatch {
    TicketPatch {
        category: Some(label.to_owned()),
        ..TicketPatch::default()
    }
}

pub async fn a_patch_keeps_corrections_and_events(desk: &Desk) {
    let (guides, money) = (
        desk.team("Guides", "how_to").await,
        desk.team("Money", "billing_payment").await,
    );
    let agent = desk.agent("Ana", Some(guides.id)).await;
    let id = desk.submit("A refund, please").await.id;
    desk.store
        .record_decision(decision(id), &tester())
        .await
        .expect("recorded");
    let assign = TicketPatch {
        team_id: Some(guides.id),
        agent_id: Some(Some(agent.id)),
        ..TicketPatch::default()
    };
    desk.store
        .patch_ticket(id, Some(2), &assign, &tester())
        .await
        .expect("changed");

    let patch = TicketPatch {
        category: Some("billing_payment".into()),
        priority: Some(Priority::Normal),
        team_id: Some(money.id),
        tags: Some(vec!["refund".into()]),
        status: Some(WorkStatus::Pending),
        agent_id: None,
    };
    let ticket = desk
        .store
        .patch_ticket(id, Some(3), &patch, &tester())
        .await
        .expect("changed")
        .expect("there");
    assert_eq!(ticket, desk.ticket(id).await);
    assert_eq!(
        (ticket.version, ticket.team_id, ticket.agent_id),
        (4, Some(money.id), None)
    );

    let page = PageRequest::default();
    let corrections = desk
        .store
        .list_corrections(Some(id), &page)
        .await
        .expect("corrections")
        .items;
    let kept: Vec<_> = corrections
        .iter()
        .map(|c| (c.field, c.before.as_deref(), c.after.as_str()))
        .collect();
    let (guides_id, money_id) = (guides.id.to_string(), money.id.to_string());
    assert_eq!(
        kept,
        [
            (CorrectedField::Team, None, guides_id.as_str()),
            (CorrectedField::Category, Some("how_to"), "billing_payment"),
            (CorrectedField::Team, Some(guides_id.as_str()), money_id.as_str()),
        ]
    );
    let all = desk
        .store
        .list_corrections(None, &page)
        .await
        .expect("corrections")
        .items;
    assert_eq!(all, corrections);
    let told = desk.told(id).await;
    assert_eq!(
        told.iter().filter(|kind| **kind == EventKind::TicketCorrected).count(),
        3
    );
    assert_eq!(told.iter().filter(|kind| **kind == EventKind::TicketChanged).count(), 2);
}

pub async fn a_stale_patch_is_refused(desk: &Desk) {
    let id = desk.submit("x").await.id;
    let patch = to_category("how_to");
    assert_eq!(
        desk.store
            .patch_ticket(Uuid::now_v7(), Some(1), &patch, &tester())
            .await
            .expect("answered"),
        None
    );
    let changed = desk
        .store
        .patch_ticket(id, Some(1), &patch, &tester())
        .await
        .expect("changed")
        .expect("there");
    assert_eq!(changed.version, 2);
    let stale = desk
        .store
        .patch_ticket(id, Some(1), &to_category("other"), &tester())
        .await;
    assert!(
        matches!(
            stale,
            Err(StoreError::Stale {
                expected: 1,
                current: 2
            })
        ),
        "{stale:?}"
    );
    let same = desk
        .store
        .patch_ticket(id, Some(2), &patch, &tester())
        .await
        .expect("answered")
        .expect("there");
    assert_eq!(same, changed, "a patch that changes nothing changes no version");
}

pub async fn another_category_is_counted_as_a_change(desk: &Desk) {
    let id = desk.submit("Cancel it").await.id;
    let other = desk.another().await;
    let counted = async || desk.store.change_count().await.expect("readable");
    let before = counted().await;
    let patch = async |patch: &TicketPatch| {
        desk.store
            .patch_ticket(id, None, patch, &tester())
            .await
            .expect("changed")
    };
    patch(&to_category("how_to")).await;
    assert_eq!(counted().await, before + 1);
    let solved = TicketPatch {
        status: Some(desk::WorkStatus::Solved),
        ..to_category("how_to")
    };
    patch(&solved).await;
    assert_eq!(counted().await, before + 1, "it had this category");
    assert_eq!(
        other.change_count().await.expect("readable"),
        before + 1,
        "for every server"
    );
    other.close().await;
}

pub async fn of_many_patches_from_one_version_one_wins(desk: &Desk) {
    let id = desk.submit("x").await.id;
    let other = desk.another().await;
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..12 {
        let store = if at % 2 == 0 { desk.store.clone() } else { other.clone() };
        let patch = TicketPatch {
            tags: Some(vec![format!("tag {at}")]),
            ..TicketPatch::default()
        };
        tasks.spawn(async move { store.patch_ticket(id, Some(1), &patch, &tester()).await });
    }
    let answers = tasks.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(
        answers
            .iter()
            .flat_map(|answer| answer.as_ref().err())
            .all(|e| matches!(e, StoreError::Stale { .. }))
    );
    assert_eq!(desk.ticket(id).await.version, 2);
    other.close().await;
}

pub async fn a_patch_names_only_what_exists(desk: &Desk) {
    let id = desk.submit("x").await.id;
    let nobody = Uuid::now_v7();
    let team = TicketPatch {
        team_id: Some(nobody),
        ..TicketPatch::default()
    };
    let agent = TicketPatch {
        agent_id: Some(Some(nobody)),
        ..TicketPatch::default()
    };
    for (patch, name) in [(team, "team_id"), (agent, "agent_id")] {
        let error = desk
            .store
            .patch_ticket(id, None, &patch, &tester())
            .await
            .expect_err("unknown");
        assert!(
            matches!(error, StoreError::Unknown { field, .. } if field == name),
            "{error:?}"
        );
    }
    assert_eq!(desk.ticket(id).await.version, 1);
}

pub async fn a_person_finishes_what_triage_could_not(desk: &Desk) {
    let id = desk.submit("???").await.id;
    let mut unsure = decision(id);
    unsure.outcome = TriageState::NeedsHuman;
    unsure.category.label = None;
    desk.store.record_decision(unsure, &tester()).await.expect("recorded");
    let ticket = desk.ticket(id).await;
    assert_eq!(
        (ticket.state, ticket.category.as_deref()),
        (TriageState::NeedsHuman, Some("how_to")),
        "a guess"
    );

    let tagged = TicketPatch {
        tags: Some(vec!["odd".into()]),
        ..TicketPatch::default()
    };
    desk.store
        .patch_ticket(id, Some(2), &tagged, &tester())
        .await
        .expect("changed");
    assert_eq!(
        desk.ticket(id).await.state,
        TriageState::NeedsHuman,
        "a tag decides nothing"
    );
    desk.store
        .patch_ticket(id, Some(3), &to_category("how_to"), &tester())
        .await
        .expect("changed");
    assert_eq!(
        desk.ticket(id).await.state,
        TriageState::Triaged,
        "the guess is confirmed"
    );
    let corrections = desk
        .store
        .list_corrections(Some(id), &PageRequest::default())
        .await
        .expect("corrections");
    assert!(corrections.items.is_empty(), "nothing was put right");
}

fn message(kind: AuthorKind, visibility: Visibility, body: &str) -> ValidMessage {
    let author = Author {
        kind,
        id: None,
        name: Some("Ana".into()),
    };
    NewMessage {
        author,
        visibility,
        body: body.to_owned(),
    }
    .validate()
    .expect("a valid message")
}

pub async fn messages_are_kept_and_reopen(desk: &Desk) {
    let id = desk.submit("x").await.id;
    let note = message(AuthorKind::Agent, Visibility::Internal, "VIP, be quick");
    let answer = message(AuthorKind::Agent, Visibility::Public, "Done");
    let reply = message(AuthorKind::Customer, Visibility::Public, "Not at all");
    assert_eq!(
        desk.store
            .add_message(Uuid::now_v7(), &note, &tester())
            .await
            .expect("answered"),
        None
    );
    for message in [&note, &answer] {
        desk.store.add_message(id, message, &tester()).await.expect("stored");
    }
    let solved = TicketPatch {
        status: Some(WorkStatus::Solved),
        ..TicketPatch::default()
    };
    desk.store
        .patch_ticket(id, Some(1), &solved, &tester())
        .await
        .expect("solved");
    let kept = desk
        .store
        .add_message(id, &reply, &tester())
        .await
        .expect("stored")
        .expect("there");
    assert_eq!(
        (desk.ticket(id).await.status, desk.ticket(id).await.version),
        (WorkStatus::Open, 3)
    );

    let page = PageRequest::default();
    let all = desk.store.list_messages(id, true, &page).await.expect("messages").items;
    let bodies: Vec<_> = all.iter().map(|message| message.body.as_str()).collect();
    assert_eq!(bodies, ["VIP, be quick", "Done", "Not at all"]);
    assert_eq!(all.last(), Some(&kept));
    let public = desk
        .store
        .list_messages(id, false, &page)
        .await
        .expect("messages")
        .items;
    assert_eq!(public, all[1..]);
}

/// A customer answers while another process closes the ticket.
pub async fn a_message_opens_no_ticket_that_is_closed_meanwhile(desk: &Desk) {
    let id = desk.submit("x").await.id;
    let solved = TicketPatch {
        status: Some(WorkStatus::Solved),
        ..TicketPatch::default()
    };
    let changed = desk.store.patch_ticket(id, None, &solved, &tester()).await;
    changed.expect("solved");
    let mut told = desk.told(id).await;
    let (reply, actor) = (
        message(AuthorKind::Customer, Visibility::Public, "Not at all"),
        tester(),
    );
    let close = format!("UPDATE tickets SET status = 'closed' WHERE id = '{id}'");
    let said = desk.overtaken(&close, desk.store.add_message(id, &reply, &actor)).await;
    assert!(said.expect("stored").is_some());
    assert_eq!(desk.ticket(id).await.status, WorkStatus::Closed);
    told.push(EventKind::MessageAdded);
    assert_eq!(desk.told(id).await, told);
}

pub async fn events_cannot_be_changed(desk: &Desk) {
    desk.submit("x").await;
    for sql in ["DELETE FROM events", "UPDATE events SET kind = 'ticket.triaged'"] {
        let refused = desk.raw(sql).await.expect_err("append-only");
        assert!(refused.to_string().contains("events are append-only"), "{refused}");
    }
}
