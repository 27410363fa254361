//! Lists: filters, pages, cursors.

use desk::{Channel, NewTicket, Priority, Ticket, TicketPatch, TriageState, WorkStatus};
use store::{PageRequest, StoreError, TicketFilter};
use time::macros::datetime;
use uuid::Uuid;

use crate::desk_under_test::{Desk, decision, tester};

async fn numbers(desk: &Desk, filter: TicketFilter) -> Vec<i64> {
    let page = desk
        .store
        .list_tickets(&filter, &PageRequest::default())
        .await
        .expect("a list");
    page.items.iter().map(|ticket| ticket.number).collect()
}

pub async fn every_filter_restricts(desk: &Desk) {
    let team = desk.team("Guides", "how_to").await;
    special_and_plain(desk, team.id).await;
    assert_eq!(numbers(desk, TicketFilter::default()).await, [2, 1]);
    for filter in filters_that_fit(team.id) {
        assert_eq!(numbers(desk, filter.clone()).await, [1], "{filter:?}");
    }
    for filter in filters_that_fit_nothing() {
        assert!(numbers(desk, filter.clone()).await.is_empty(), "{filter:?}");
    }
}

/// Two tickets that have nothing in common.
async fn special_and_plain(desk: &Desk, team: Uuid) {
    let special = NewTicket {
        channel: Channel::Chat,
        external_id: Some("E-1".into()),
        tags: vec!["50%_off".into(), "VIP".into(), "a\",\"b".into()],
        created_at: Some(datetime!(2021-01-01 0:00 UTC)),
        ..NewTicket::from_body("special")
    };
    let special = desk.submit_new(special).await;
    let mut plain = NewTicket::from_body("plain");
    plain.tags = vec!["50xxoff".into()];
    desk.submit_new(plain).await;
    let recorded = desk.store.record_decision(decision(special.id), &tester()).await;
    recorded.expect("recorded");
    let patch = TicketPatch {
        team_id: Some(team),
        status: Some(WorkStatus::Solved),
        ..TicketPatch::default()
    };
    let changed = desk.store.patch_ticket(special.id, None, &patch, &tester()).await;
    changed.expect("changed");
}

/// Each finds the special ticket alone.
fn filters_that_fit(team: Uuid) -> Vec<TicketFilter> {
    let changes: [fn(&mut TicketFilter); 11] = [
        |filter| filter.state = Some(TriageState::Triaged),
        |filter| filter.status = Some(WorkStatus::Solved),
        |filter| filter.category = Some("how_to".into()),
        |filter| filter.priority = Some(Priority::Normal),
        |filter| filter.language = Some("en".into()),
        |filter| filter.channel = Some(Channel::Chat),
        |filter| filter.external_id = Some("E-1".into()),
        |filter| filter.tag = Some("50%_off".into()),
        |filter| filter.tag = Some("VIP".into()),
        |filter| filter.tag = Some("a\",\"b".into()),
        |filter| filter.created_before = Some(datetime!(2021-01-02 0:00 UTC)),
    ];
    let of_team = TicketFilter {
        team_id: Some(team),
        ..TicketFilter::default()
    };
    let of_team_since = TicketFilter {
        created_from: Some(datetime!(2021-01-01 0:00 UTC)),
        ..of_team.clone()
    };
    changes
        .into_iter()
        .map(filter)
        .chain([of_team, of_team_since])
        .collect()
}

fn filters_that_fit_nothing() -> Vec<TicketFilter> {
    let changes: [fn(&mut TicketFilter); 8] = [
        |filter| filter.agent_id = Some(Uuid::now_v7()),
        |filter| filter.account_id = Some(Uuid::now_v7()),
        |filter| filter.contact_id = Some(Uuid::now_v7()),
        |filter| filter.tag = Some("50".into()),
        |filter| filter.tag = Some("vip".into()),
        |filter| filter.tag = Some("b".into()),
        |filter| filter.tag = Some("tags".into()),
        |filter| filter.tag = Some("x".repeat(60_000)),
    ];
    changes.into_iter().map(filter).collect()
}

fn filter(change: fn(&mut TicketFilter)) -> TicketFilter {
    let mut filter = TicketFilter::default();
    change(&mut filter);
    filter
}

pub async fn pages_are_stable_while_tickets_arrive(desk: &Desk) {
    for at in 0..25 {
        desk.submit(&format!("ticket {at}")).await;
    }
    let filter = TicketFilter {
        state: Some(TriageState::Received),
        ..TicketFilter::default()
    };
    let mut seen = Vec::new();
    let mut request = PageRequest::first(10);
    loop {
        let page = desk.store.list_tickets(&filter, &request).await.expect("a page");
        seen.extend(page.items.iter().map(|ticket| ticket.number));
        desk.submit("a late one").await;
        let Some(next) = page.next else { break };
        request = PageRequest::after(10, next);
    }
    assert_eq!(seen, (1..=25).rev().collect::<Vec<_>>());
}

pub async fn a_foreign_cursor_is_refused(desk: &Desk) {
    for _ in 0..3 {
        desk.submit("x").await;
    }
    let all = TicketFilter::default();
    let cursor = desk
        .store
        .list_tickets(&all, &PageRequest::first(1))
        .await
        .expect("a page")
        .next
        .expect("more");
    let open = TicketFilter {
        status: Some(WorkStatus::Open),
        ..TicketFilter::default()
    };
    let refused = desk
        .store
        .list_tickets(&open, &PageRequest::after(1, cursor.clone()))
        .await;
    assert!(matches!(refused, Err(StoreError::ForeignCursor)), "{refused:?}");
    let refused = desk.store.list_teams(&PageRequest::after(1, cursor.clone())).await;
    assert!(matches!(refused, Err(StoreError::ForeignCursor)), "{refused:?}");
    for forged in ["", "x", "9223372036854775807", &cursor[1..], &format!("{cursor}31")] {
        let refused = desk
            .store
            .list_tickets(&all, &PageRequest::after(1, forged.to_owned()))
            .await;
        assert!(
            matches!(refused, Err(StoreError::ForeignCursor)),
            "{forged}: {refused:?}"
        );
    }
    let other = desk.another().await;
    let next = other
        .list_tickets(&all, &PageRequest::after(1, cursor))
        .await
        .expect("another process takes it");
    assert_eq!(next.items[0].number, 2);
    other.close().await;
}

pub async fn all_tickets_are_walked_in_order(desk: &Desk) {
    for at in 0..7 {
        desk.submit(&format!("ticket {at}")).await;
    }
    let mut walked: Vec<Ticket> = Vec::new();
    loop {
        let after = walked.last().map_or(0, |ticket| ticket.number);
        let chunk = desk.store.tickets_after(after, 3).await.expect("readable");
        if chunk.is_empty() {
            break;
        }
        walked.extend(chunk);
    }
    assert_eq!(
        walked.iter().map(|ticket| ticket.number).collect::<Vec<_>>(),
        (1..=7).collect::<Vec<_>>()
    );
    let mut ids: Vec<_> = walked.iter().map(|ticket| ticket.id).collect();
    assert!(ids.is_sorted(), "ids rise with the numbers");
    ids.push(Uuid::now_v7());
    assert_eq!(desk.store.get_tickets(&ids).await.expect("readable").len(), 7);
    assert!(desk.store.get_tickets(&[]).await.expect("readable").is_empty());
}
