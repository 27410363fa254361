//! Incidents: several tickets answered and closed together.

use desk::{
    Actor, EventKind, Incident, IncidentState, IncidentWithTickets, NewIncident, Subject, Ticket, TicketPatch,
    ValidMessage, WorkStatus,
};
use store::{IdempotencyKey, PageRequest, StoreError};
use uuid::Uuid;

use crate::desk_under_test::{Desk, decision, tester};

async fn triaged(desk: &Desk, body: &str) -> Ticket {
    let ticket = desk.submit(body).await;
    let recorded = desk.store.record_decision(decision(ticket.id), &tester()).await;
    recorded.expect("recorded").into_ticket().expect("there")
}

async fn three(desk: &Desk) -> [Ticket; 3] {
    [
        triaged(desk, "The till does not sync").await,
        triaged(desk, "Our till does not sync").await,
        triaged(desk, "No till syncs").await,
    ]
}

fn of(tickets: &[&Ticket], parent: Option<&Ticket>) -> NewIncident {
    NewIncident {
        title: "Tills do not sync".to_owned(),
        tickets: tickets.iter().map(|ticket| ticket.id).collect(),
        parent_id: parent.map(|ticket| ticket.id),
    }
}

async fn make(desk: &Desk, tickets: &[&Ticket]) -> IncidentWithTickets {
    let made = desk.store.create_incident(of(tickets, None), &tester()).await;
    made.expect("an incident")
}

async fn set_status(desk: &Desk, ticket: &Ticket, status: WorkStatus) {
    let patch = TicketPatch {
        status: Some(status),
        ..TicketPatch::default()
    };
    let patched = desk.store.patch_ticket(ticket.id, None, &patch, &tester()).await;
    patched.expect("changed");
}

async fn statuses(desk: &Desk, tickets: &[Ticket]) -> Vec<WorkStatus> {
    let mut statuses = Vec::new();
    for ticket in tickets {
        statuses.push(desk.ticket(ticket.id).await.status);
    }
    statuses
}

async fn said(desk: &Desk, ticket: &Ticket) -> Vec<String> {
    let page = PageRequest::first(100);
    let said = desk.store.list_messages(ticket.id, false, &page).await;
    said.expect("readable")
        .items
        .into_iter()
        .map(|message| message.body)
        .collect()
}

async fn told(desk: &Desk, incident: Uuid) -> Vec<EventKind> {
    let page = PageRequest::first(100);
    let events = desk.store.list_events(Subject::incident(incident), &page).await;
    events
        .expect("readable")
        .items
        .into_iter()
        .map(|event| event.kind)
        .collect()
}

fn reply(body: &str) -> ValidMessage {
    desk::incident_reply(body.to_owned(), None, "Noor".to_owned()).expect("a reply")
}

fn numbers(incident: &IncidentWithTickets) -> Vec<i64> {
    incident.tickets.iter().map(|ticket| ticket.number).collect()
}

fn refused<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> Vec<String> {
    match answer {
        Err(StoreError::Invalid(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
        other => panic!("not refused: {other:?}"),
    }
}

pub async fn an_incident_is_read_with_its_tickets(desk: &Desk) {
    let [one, two, three] = three(desk).await;
    let fields = of(&[&two, &one, &two], Some(&three));
    let made = desk.store.create_incident(fields, &tester()).await.expect("made");
    assert_eq!(numbers(&made), [one.number, two.number, three.number]);
    assert_eq!(
        (made.incident.parent_id, made.incident.state, made.incident.version),
        (Some(three.id), IncidentState::Open, 1)
    );
    let read = desk.store.get_incident(made.incident.id).await.expect("readable");
    assert_eq!(read.as_ref(), Some(&made));
    assert_eq!(desk.store.get_incident(Uuid::now_v7()).await.expect("readable"), None);
    let added = EventKind::IncidentTicketAdded;
    assert_eq!(
        told(desk, made.incident.id).await,
        [EventKind::IncidentCreated, added, added, added]
    );
    assert_eq!(desk.told(one.id).await.last(), Some(&added));
}

pub async fn incidents_are_listed_by_state(desk: &Desk) {
    let [one, two, three] = three(desk).await;
    let mut made: Vec<Incident> = Vec::new();
    for ticket in [&one, &two, &three] {
        made.push(make(desk, &[ticket]).await.incident);
    }
    let closed = desk.store.close_incident(made[1].id, Some(1), None, &tester()).await;
    assert!(closed.expect("closed").is_some());
    let first = desk
        .store
        .list_incidents(None, &PageRequest::first(2))
        .await
        .expect("a page");
    let ids = |incidents: &[Incident]| incidents.iter().map(|incident| incident.id).collect::<Vec<_>>();
    assert_eq!(ids(&first.items), [made[2].id, made[1].id]);
    let cursor = first.next.expect("more");
    let rest = PageRequest::after(2, cursor.clone());
    let rest = desk.store.list_incidents(None, &rest).await.expect("a page");
    assert_eq!((ids(&rest.items), rest.next), (vec![made[0].id], None));
    let open = PageRequest::first(10);
    let open = desk.store.list_incidents(Some(IncidentState::Open), &open).await;
    assert_eq!(ids(&open.expect("a page").items), [made[2].id, made[0].id]);
    let foreign = PageRequest::after(2, cursor);
    let foreign = desk.store.list_incidents(Some(IncidentState::Open), &foreign).await;
    assert!(matches!(foreign, Err(StoreError::ForeignCursor)));
}

pub async fn a_ticket_is_in_one_open_incident(desk: &Desk) {
    let [one, two, three] = three(desk).await;
    let first = make(desk, &[&one, &two]).await;
    let taken = desk
        .store
        .create_incident(of(&[&three, &two], Some(&one)), &tester())
        .await;
    assert_eq!(refused(taken), ["tickets[1]", "parent"]);
    let second = make(desk, &[&three]).await;
    let id = second.incident.id;
    let store = &desk.store;
    let actor = tester();
    let add = |ticket: Uuid| {
        let actor = actor.clone();
        async move { store.add_incident_tickets(id, &[ticket], None, &actor).await }
    };
    assert_eq!(refused(add(two.id).await), ["tickets[0]"]);
    assert_eq!(refused(add(Uuid::now_v7()).await), ["tickets[0]"]);
    let stale = store.add_incident_tickets(id, &[three.id], Some(7), &actor).await;
    assert!(matches!(
        stale,
        Err(StoreError::Stale {
            expected: 7,
            current: 1
        })
    ));
    assert_eq!(
        refused(store.add_incident_tickets(id, &[], None, &actor).await),
        ["tickets"]
    );

    let left = store
        .remove_incident_ticket(first.incident.id, two.id, Some(1), &actor)
        .await;
    let left = left.expect("removed").expect("there");
    assert_eq!((numbers(&left), left.incident.version), (vec![one.number], 2));
    let again = store
        .remove_incident_ticket(first.incident.id, two.id, Some(2), &actor)
        .await;
    assert_eq!(again.expect("answered"), None);
    let both = add(two.id).await.expect("added").expect("there");
    assert_eq!(numbers(&both), [two.number, three.number]);
    assert_eq!(add(two.id).await.expect("added").expect("there").tickets, both.tickets);
    let kinds = desk.told(two.id).await;
    let (added, removed) = (EventKind::IncidentTicketAdded, EventKind::IncidentTicketRemoved);
    assert!(kinds.ends_with(&[added, removed, added]), "{kinds:?}");
}

pub async fn one_reply_goes_to_all_once(desk: &Desk) {
    let [one, two, three] = three(desk).await;
    let made = make(desk, &[&one, &two, &three]).await.incident;
    let merged = desk.store.merge_ticket(three.id, two.id, None, &tester()).await;
    merged.expect("merged");
    let token = Uuid::now_v7();
    let key = |body: &[u8]| IdempotencyKey::new(token, "outage-1", body).expect("a key");
    let message = reply("We look into it.");
    let other = desk.another().await;
    let (actor, same) = (tester(), key(b"a"));
    let (here, there) = tokio::join!(
        desk.store.reply_to_incident(made.id, &message, Some(&same), &actor),
        other.reply_to_incident(made.id, &message, Some(&same), &actor),
    );
    let (here, there) = (
        here.expect("said").expect("there"),
        there.expect("said").expect("there"),
    );
    assert_ne!(here.replayed, there.replayed);
    assert_eq!(here.messages, there.messages);
    let answered: Vec<_> = here.messages.iter().map(|(ticket, _)| *ticket).collect();
    assert_eq!(answered, [one.id, two.id]);
    assert_eq!(said(desk, &one).await, ["We look into it."]);
    assert_eq!(said(desk, &two).await, [three.body.as_str(), "We look into it."]);
    assert_eq!(told(desk, made.id).await.last(), Some(&EventKind::IncidentReplied));

    let reused = desk
        .store
        .reply_to_incident(made.id, &message, Some(&key(b"b")), &actor)
        .await;
    assert!(matches!(reused, Err(StoreError::IdempotencyConflict)));
    let nowhere = desk
        .store
        .reply_to_incident(Uuid::now_v7(), &message, None, &actor)
        .await;
    assert_eq!(nowhere.expect("answered"), None);
    desk.store
        .close_incident(made.id, None, None, &actor)
        .await
        .expect("closed");
    let late = desk.store.reply_to_incident(made.id, &message, None, &actor).await;
    assert_eq!(refused(late), ["id"]);
    let again = desk
        .store
        .reply_to_incident(made.id, &message, Some(&same), &actor)
        .await;
    assert!(again.expect("said").expect("there").replayed);
    other.close().await;
}

pub async fn tickets_are_solved_and_opened_together(desk: &Desk) {
    let tickets = three(desk).await;
    let [one, two, three] = &tickets;
    set_status(desk, two, WorkStatus::Pending).await;
    set_status(desk, three, WorkStatus::Closed).await;
    let made = make(desk, &[one, two, three]).await.incident;
    let word = reply("It works again.");
    let closed = desk
        .store
        .close_incident(made.id, Some(1), Some(&word), &tester())
        .await;
    let closed = closed.expect("closed").expect("there");
    assert_eq!(
        (closed.incident.state, closed.incident.version),
        (IncidentState::Closed, 2)
    );
    assert!(closed.incident.closed_at.is_some());
    let (open, pending, solved, shut) = (
        WorkStatus::Open,
        WorkStatus::Pending,
        WorkStatus::Solved,
        WorkStatus::Closed,
    );
    assert_eq!(statuses(desk, &tickets).await, [solved, solved, shut]);
    for ticket in &tickets {
        assert_eq!(said(desk, ticket).await, ["It works again."]);
    }
    assert_eq!(
        refused(desk.store.close_incident(made.id, None, None, &tester()).await),
        ["id"]
    );
    assert_eq!(
        refused(
            desk.store
                .remove_incident_ticket(made.id, one.id, None, &tester())
                .await
        ),
        ["id"]
    );

    let reopened = desk.store.reopen_incident(made.id, Some(2), &tester()).await;
    let reopened = reopened.expect("reopened").expect("there");
    assert_eq!(
        (reopened.incident.state, reopened.incident.closed_at),
        (IncidentState::Open, None)
    );
    assert_eq!(statuses(desk, &tickets).await, [open, pending, shut]);
    assert_eq!(
        refused(desk.store.reopen_incident(made.id, None, &tester()).await),
        ["id"]
    );
    let kinds = told(desk, made.id).await;
    let (replied, ended, again) = (
        EventKind::IncidentReplied,
        EventKind::IncidentClosed,
        EventKind::IncidentReopened,
    );
    assert!(kinds.ends_with(&[replied, ended, again]), "{kinds:?}");

    desk.store
        .close_incident(made.id, Some(3), None, &tester())
        .await
        .expect("closed");
    make(desk, &[one]).await;
    assert_eq!(
        refused(desk.store.reopen_incident(made.id, None, &tester()).await),
        ["id"]
    );
}

/// An incident is closed, and opened again, while another process closes a ticket of it.
pub async fn what_overtakes_a_change_of_an_incident_stays(desk: &Desk) {
    let [one, two, _] = three(desk).await;
    let first = make(desk, &[&one]).await.incident.id;
    let second = make(desk, &[&two]).await.incident.id;
    let (store, actor) = (&desk.store, tester());
    let closed = store.close_incident(second, None, None, &actor).await;
    closed.expect("closed");
    let before = [desk.told(one.id).await, desk.told(two.id).await];

    let close = |ticket: &Ticket| format!("UPDATE tickets SET status = 'closed' WHERE id = '{}'", ticket.id);
    let closing = store.close_incident(first, None, None, &actor);
    let closed = desk.overtaken(&close(&one), closing).await;
    assert!(closed.expect("closed").is_some());
    let opening = store.reopen_incident(second, None, &actor);
    let opened = desk.overtaken(&close(&two), opening).await;
    assert!(opened.expect("opened").is_some());

    assert_eq!(
        statuses(desk, &[one.clone(), two.clone()]).await,
        [WorkStatus::Closed; 2]
    );
    assert_eq!([desk.told(one.id).await, desk.told(two.id).await], before);
    let kept = desk.raw("SELECT status_before FROM incident_tickets WHERE status_before IS NOT NULL");
    assert!(kept.await.expect("rows").is_empty(), "nothing is to be given back");
}

/// One ticket into two incidents, by two processes: one goes through.
pub async fn of_two_incidents_at_once_one_has_the_ticket(desk: &Desk) {
    let other = desk.another().await;
    for _ in 0..10 {
        let ticket = triaged(desk, "The till does not sync").await;
        let actor: Actor = tester();
        let (here, there) = tokio::join!(
            desk.store.create_incident(of(&[&ticket], None), &actor),
            other.create_incident(of(&[&ticket], None), &actor),
        );
        let made = [&here, &there].into_iter().filter(|made| made.is_ok()).count();
        assert_eq!(made, 1, "{here:?} {there:?}");
        let lost = here.and(there).expect_err("one lost");
        assert!(matches!(lost, StoreError::Invalid(_)), "{lost:?}");
    }
    other.close().await;
}
