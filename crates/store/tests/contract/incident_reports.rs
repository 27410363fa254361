//! What incidents are made of.

use desk::{Duplicate, NewIncident, NewTicket, TicketPatch, WorkStatus};
use time::Duration;

use crate::desk_under_test::{Desk, decision, tester};

pub async fn open_tickets_are_read_with_their_duplicates(desk: &Desk) {
    let before = store::now() - Duration::hours(1);
    let mut old = NewTicket::from_body("The till did not sync last week");
    old.created_at = Some(before - Duration::days(7));
    let old = desk.submit_new(old).await;
    let first = desk.submit("The till does not sync").await;
    let second = desk.submit("Our tills do not sync").await;
    let waiting = desk.submit("Nothing syncs").await;
    let duplicate = Duplicate {
        ticket_id: first.id,
        number: first.number,
        flagged: true,
        probability: 0.95,
        reasons: vec!["Both name sync-5031.".to_owned()],
    };
    let mut decided = decision(second.id);
    decided.duplicates = vec![duplicate.clone()];
    for decided in [decision(first.id), decided] {
        desk.store.record_decision(decided, &tester()).await.expect("recorded");
    }

    let reports = desk.store.open_reports_since(before, 100).await.expect("readable");
    let read: Vec<_> = reports.iter().map(|r| (r.ticket.id, r.duplicates.clone())).collect();
    let expected = [(waiting.id, vec![]), (second.id, vec![duplicate]), (first.id, vec![])];
    assert_eq!(read, expected);

    let fields = NewIncident {
        title: "Tills do not sync".to_owned(),
        tickets: vec![first.id],
        parent_id: None,
    };
    let made = desk
        .store
        .create_incident(fields, &tester())
        .await
        .expect("made")
        .incident;
    let incidents = async || {
        let reports = desk.store.open_reports_since(before, 100).await.expect("readable");
        reports.iter().map(|report| report.incident).collect::<Vec<_>>()
    };
    assert_eq!(incidents().await, [None, None, Some(made.id)]);
    desk.store
        .merge_ticket(first.id, second.id, None, &tester())
        .await
        .expect("merged");
    assert_eq!(incidents().await, [None, Some(made.id)]);
    desk.store
        .unmerge_ticket(first.id, None, &tester())
        .await
        .expect("unmerged");

    let latest = desk.store.open_reports_since(before, 1).await.expect("readable");
    assert_eq!(latest.len(), 1);
    let all = before - Duration::days(8);
    let reports = desk.store.open_reports_since(all, 100).await.expect("readable");
    assert_eq!(reports.last().map(|report| report.ticket.id), Some(old.id));

    for (id, status) in [(first.id, WorkStatus::Solved), (waiting.id, WorkStatus::Pending)] {
        let patch = TicketPatch {
            status: Some(status),
            ..TicketPatch::default()
        };
        let patched = desk.store.patch_ticket(id, None, &patch, &tester()).await;
        patched.expect("changed");
    }
    let reports = desk.store.open_reports_since(before, 100).await.expect("readable");
    let open: Vec<_> = reports.iter().map(|report| report.ticket.id).collect();
    assert_eq!(open, [waiting.id, second.id]);
}
