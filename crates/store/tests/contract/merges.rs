//! Merging tickets and taking them apart again.

use desk::{Author, AuthorKind, EventKind, NewMessage, NewTicket, Ticket, TicketPatch, Visibility, WorkStatus};
use store::{PageRequest, StoreError, TicketFilter};
use uuid::Uuid;

use crate::desk_under_test::{Desk, decision, tester};

async fn triaged(desk: &Desk, body: &str) -> Ticket {
    let id = desk.submit(body).await.id;
    let recorded = desk.store.record_decision(decision(id), &tester()).await;
    recorded.expect("recorded").into_ticket().expect("there")
}

async fn say(desk: &Desk, on: Uuid, kind: AuthorKind, body: &str) {
    let message = NewMessage {
        author: Author {
            kind,
            id: None,
            name: None,
        },
        visibility: Visibility::Public,
        body: body.to_owned(),
    };
    let message = message.validate().expect("a valid message");
    let said = desk.store.add_message(on, &message, &tester()).await;
    said.expect("stored").expect("there");
}

async fn set_status(desk: &Desk, id: Uuid, status: WorkStatus) {
    let patch = TicketPatch {
        status: Some(status),
        ..TicketPatch::default()
    };
    let patched = desk.store.patch_ticket(id, None, &patch, &tester()).await;
    patched.expect("changed");
}

async fn merge(desk: &Desk, ticket: &Ticket, into: &Ticket) -> Ticket {
    let merged = desk.store.merge_ticket(ticket.id, into.id, None, &tester()).await;
    merged.expect("merged").expect("there")
}

/// Bodies of the conversation, read in pages of two.
async fn conversation(desk: &Desk, id: Uuid) -> Vec<String> {
    let mut bodies = Vec::new();
    let mut page = PageRequest::first(2);
    loop {
        let read = desk.store.list_messages(id, true, &page).await.expect("messages");
        bodies.extend(read.items.into_iter().map(|message| message.body));
        let Some(next) = read.next else { return bodies };
        page = PageRequest::after(2, next);
    }
}

fn refused(result: Result<Option<Ticket>, StoreError>) -> Vec<String> {
    match result {
        Err(StoreError::Invalid(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
        other => panic!("{other:?}"),
    }
}

pub async fn a_merged_ticket_is_read_with_its_survivor(desk: &Desk) {
    let survivor = triaged(desk, "The till does not sync").await;
    let ticket = triaged(desk, "Our till does not sync").await;
    let further = triaged(desk, "Sync is broken").await;
    say(desk, survivor.id, AuthorKind::Agent, "We look into it").await;
    say(desk, ticket.id, AuthorKind::Customer, "Any news?").await;
    let alone = conversation(desk, ticket.id).await;

    let counted = desk.store.change_count().await.expect("readable");
    merge(desk, &further, &ticket).await;
    let merged = merge(desk, &ticket, &survivor).await;
    assert_eq!(desk.store.change_count().await.expect("readable"), counted + 2);
    assert_eq!(
        (merged.status, merged.merged_into),
        (WorkStatus::Closed, Some(survivor.id))
    );
    assert_eq!(merged, desk.ticket(ticket.id).await);
    say(desk, further.id, AuthorKind::Customer, "Still broken").await;
    let together = [
        "Our till does not sync",
        "Sync is broken",
        "We look into it",
        "Any news?",
        "Still broken",
    ];
    assert_eq!(conversation(desk, survivor.id).await, together);
    let members = desk.store.merged_tickets(survivor.id).await.expect("readable");
    let members: Vec<_> = members.iter().map(|ticket| ticket.id).collect();
    assert_eq!(members, [ticket.id, further.id]);
    let filter = TicketFilter {
        merged_into: Some(survivor.id),
        ..TicketFilter::default()
    };
    let listed = desk.store.list_tickets(&filter, &PageRequest::default()).await;
    assert_eq!(listed.expect("readable").items, [merged]);

    let parted = desk.store.unmerge_ticket(ticket.id, None, &tester()).await;
    parted.expect("unmerged");
    let parted = desk.store.unmerge_ticket(further.id, None, &tester()).await;
    parted.expect("unmerged");
    assert_eq!(desk.store.change_count().await.expect("readable"), counted + 4);
    assert_eq!(conversation(desk, ticket.id).await, alone);
    assert_eq!(conversation(desk, survivor.id).await, ["We look into it"]);
    assert_eq!(conversation(desk, further.id).await, ["Still broken"]);
}

pub async fn unmerging_gives_back_what_was(desk: &Desk) {
    let survivor = triaged(desk, "The till does not sync").await;
    let mut wanted = NewTicket::from_body("Our till does not sync");
    wanted.requester_email = Some("bakery@one.example".to_owned());
    let id = desk.submit_new(wanted).await.id;
    let recorded = desk.store.record_decision(decision(id), &tester()).await;
    recorded.expect("recorded");
    for status in [WorkStatus::Open, WorkStatus::Pending, WorkStatus::Solved] {
        set_status(desk, id, status).await;
        let before = desk.ticket(id).await;
        merge(desk, &before, &survivor).await;
        let after = desk.store.unmerge_ticket(id, None, &tester()).await;
        let after = after.expect("unmerged").expect("there");
        assert_eq!(after, desk.ticket(id).await);
        let as_before = Ticket {
            version: before.version,
            updated_at: before.updated_at,
            ..after
        };
        assert_eq!(as_before, before);
    }
    let told = desk.told(id).await;
    assert_eq!(
        told[told.len() - 2..],
        [EventKind::TicketMerged, EventKind::TicketUnmerged]
    );
    let told = desk.told(survivor.id).await;
    assert_eq!(
        told[told.len() - 2..],
        [EventKind::TicketAbsorbed, EventKind::TicketReleased]
    );
}

pub async fn what_a_customer_says_on_a_merged_ticket_opens_its_survivor(desk: &Desk) {
    let survivor = triaged(desk, "The till does not sync").await;
    let ticket = triaged(desk, "Our till does not sync").await;
    let merged = merge(desk, &ticket, &survivor).await;
    set_status(desk, survivor.id, WorkStatus::Solved).await;
    say(desk, ticket.id, AuthorKind::Customer, "It is still broken").await;
    assert_eq!(desk.ticket(survivor.id).await.status, WorkStatus::Open);
    assert_eq!(desk.ticket(ticket.id).await, merged);
}

pub async fn merges_that_cannot_be_are_refused(desk: &Desk) {
    let survivor = triaged(desk, "The till does not sync").await;
    let ticket = triaged(desk, "Our till does not sync").await;
    let waiting = desk.submit("Nothing syncs").await;
    let store = &desk.store;
    let actor = tester();
    let merging = |id: Uuid, into: Uuid| {
        let actor = actor.clone();
        async move { store.merge_ticket(id, into, None, &actor).await }
    };
    assert_eq!(refused(merging(ticket.id, ticket.id).await), ["into"]);
    assert_eq!(refused(merging(waiting.id, ticket.id).await), ["id"]);
    assert_eq!(refused(merging(ticket.id, waiting.id).await), ["into"]);
    assert_eq!(merging(Uuid::now_v7(), ticket.id).await.expect("answered"), None);
    let unknown = merging(ticket.id, Uuid::now_v7()).await;
    assert!(matches!(unknown, Err(StoreError::Unknown { field: "into", .. })));
    let stale = store.merge_ticket(ticket.id, survivor.id, Some(1), &actor).await;
    assert!(matches!(stale, Err(StoreError::Stale { expected: 1, .. })));
    assert_eq!(refused(store.unmerge_ticket(ticket.id, None, &actor).await), ["id"]);
    assert_eq!(desk.ticket(ticket.id).await, ticket);

    merge(desk, &ticket, &survivor).await;
    assert_eq!(refused(merging(survivor.id, ticket.id).await), ["into"]);
    assert_eq!(refused(merging(ticket.id, survivor.id).await), ["id"]);
    let patch = TicketPatch {
        status: Some(WorkStatus::Open),
        ..TicketPatch::default()
    };
    let patched = store.patch_ticket(ticket.id, None, &patch, &actor).await;
    assert_eq!(refused(patched), ["id"]);
    let stale = store.unmerge_ticket(ticket.id, Some(1), &actor).await;
    assert!(matches!(stale, Err(StoreError::Stale { expected: 1, .. })));
}

/// Each into the other, in two processes: one goes through, and there is no circle.
pub async fn of_two_merges_at_once_one_wins(desk: &Desk) {
    let other = desk.another().await;
    for _ in 0..20 {
        let one = triaged(desk, "The till does not sync").await;
        let two = triaged(desk, "Our till does not sync").await;
        let actor = tester();
        let (there, back) = tokio::join!(
            desk.store.merge_ticket(one.id, two.id, Some(one.version), &actor),
            other.merge_ticket(two.id, one.id, Some(two.version), &actor),
        );
        let won = [&there, &back].into_iter().filter(|merged| merged.is_ok()).count();
        assert_eq!(won, 1, "{there:?} {back:?}");
        let lost = there.and(back).expect_err("one lost");
        assert!(
            matches!(lost, StoreError::Stale { .. } | StoreError::Invalid(_)),
            "{lost:?}"
        );
        let merged = [desk.ticket(one.id).await, desk.ticket(two.id).await];
        assert_eq!(merged.iter().filter(|ticket| ticket.merged_into.is_some()).count(), 1);
    }
    other.close().await;
}

pub async fn a_merged_ticket_is_neither_load_nor_knowledge(desk: &Desk) {
    let agent = desk.agent("Ana", None).await;
    let survivor = triaged(desk, "The till does not sync").await;
    let ticket = triaged(desk, "Our till does not sync").await;
    let assign = TicketPatch {
        agent_id: Some(Some(agent.id)),
        ..TicketPatch::default()
    };
    let assigned = desk.store.patch_ticket(ticket.id, None, &assign, &tester()).await;
    let assigned = assigned.expect("assigned").expect("there");
    merge(desk, &assigned, &survivor).await;
    let load = desk.store.agent_loads().await.expect("readable");
    assert_eq!(load[0].open_tickets, 0);
    assert!(desk.store.resolved_counts().await.expect("readable").is_empty());
    let solved = desk.store.solved_since(ticket.created_at, 10).await;
    assert!(solved.expect("readable").is_empty());
}
