//! The queue of triage and its decisions.

use std::collections::HashSet;
use std::time::Duration;

use desk::{EventKind, Priority, Routing, TicketPatch, TriageState};
use store::{Failed, Fault, Recorded, RetryPolicy, Submission};
use uuid::Uuid;

use crate::desk_under_test::{Desk, decision, submission, tester};

const LEASE: Duration = Duration::from_secs(30);

pub async fn a_decision_flips_the_state_once(desk: &Desk) {
    let team = desk.team("Guides", "how_to").await;
    let id = desk.submit("How do I export?").await.id;
    assert_eq!(desk.store.latest_decision(id).await.expect("readable"), None);
    let mut first = decision(id);
    first.routing = Routing {
        team: Some(desk::routing::TeamRef {
            id: team.id,
            name: team.name,
        }),
        ..Routing::default()
    };
    let recorded = desk
        .store
        .record_decision(first.clone(), &tester())
        .await
        .expect("recorded");
    let Recorded::Flipped(ticket) = recorded else {
        panic!("{recorded:?}")
    };
    assert_eq!(*ticket, desk.ticket(id).await);
    assert_eq!((ticket.state, ticket.version), (TriageState::Triaged, 2));
    assert_eq!(
        (ticket.category.as_deref(), ticket.priority),
        (Some("how_to"), Some(Priority::Normal))
    );
    assert_eq!(
        (ticket.team_id, ticket.language.as_deref()),
        (Some(team.id), Some("en"))
    );
    assert!(ticket.triaged_at.is_some() && ticket.next_attempt_at.is_none());

    let second = desk
        .store
        .record_decision(decision(id), &tester())
        .await
        .expect("answered");
    assert!(matches!(second, Recorded::AlreadyDone(_)), "{second:?}");
    assert_eq!(desk.store.latest_decision(id).await.expect("readable"), Some(first));
    assert_eq!(
        desk.told(id).await,
        [EventKind::TicketSubmitted, EventKind::TicketTriaged]
    );
}

pub async fn of_many_decisions_at_once_one_is_kept(desk: &Desk) {
    let other = desk.another().await;
    let mut ids = Vec::new();
    for at in 0..10 {
        ids.push(desk.submit(&format!("ticket {at}")).await.id);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..80 {
        let store = if at % 2 == 0 { desk.store.clone() } else { other.clone() };
        let decision = decision(ids[at % ids.len()]);
        tasks.spawn(async move { store.record_decision(decision, &tester()).await.expect("answered") });
    }
    let flipped = tasks
        .join_all()
        .await
        .iter()
        .filter(|recorded| recorded.flipped())
        .count();
    assert_eq!(flipped, ids.len());
    for id in ids {
        assert_eq!(
            desk.told(id).await,
            [EventKind::TicketSubmitted, EventKind::TicketTriaged]
        );
    }
    other.close().await;
}

pub async fn what_a_person_set_meanwhile_stays(desk: &Desk) {
    let ticket = desk.submit("Cancel it").await;
    let patch = TicketPatch {
        category: Some("cancellation".into()),
        ..TicketPatch::default()
    };
    desk.store
        .patch_ticket(ticket.id, Some(1), &patch, &tester())
        .await
        .expect("changed");
    desk.store
        .record_decision(decision(ticket.id), &tester())
        .await
        .expect("recorded");
    let ticket = desk.ticket(ticket.id).await;
    assert_eq!(ticket.category.as_deref(), Some("cancellation"));
    assert_eq!(
        (ticket.priority, ticket.state),
        (Some(Priority::Normal), TriageState::Triaged)
    );
}

pub async fn an_agent_of_another_team_than_a_persons_is_not_taken(desk: &Desk) {
    let (guides, billing) = (
        desk.team("Guides", "how_to").await,
        desk.team("Billing", "billing").await,
    );
    let ana = desk.agent("Ana", Some(guides.id)).await;
    let routed = |id| {
        let mut decision = decision(id);
        decision.routing.team = Some(desk::routing::TeamRef {
            id: guides.id,
            name: guides.name.clone(),
        });
        decision.routing.winner = Some(scored(&ana));
        decision
    };
    let mut took = Vec::new();
    for team in [None, Some(&guides), Some(&billing)] {
        let id = desk.submit("How do I export?").await.id;
        if let Some(team) = team {
            let patch = TicketPatch {
                team_id: Some(team.id),
                ..TicketPatch::default()
            };
            patched(desk, id, &patch).await;
        }
        let recorded = desk.store.record_decision(routed(id), &tester()).await;
        assert!(recorded.expect("recorded").flipped());
        let ticket = desk.ticket(id).await;
        took.push((ticket.team_id, ticket.agent_id));
    }
    let by_triage = (Some(guides.id), Some(ana.id));
    assert_eq!(took, [by_triage, by_triage, (Some(billing.id), None)]);
}

pub async fn what_people_have_said_is_asked_of_nobody_else(desk: &Desk) {
    let category = TicketPatch {
        category: Some("cancellation".into()),
        ..TicketPatch::default()
    };
    let both = TicketPatch {
        priority: Some(Priority::High),
        ..category.clone()
    };
    let last = RetryPolicy {
        max_attempts: 1,
        first_delay_ms: 1,
        max_delay_ms: 1,
    };
    for (patch, state, kind) in [
        (&category, TriageState::NeedsHuman, EventKind::TicketNeedsHuman),
        (&both, TriageState::Triaged, EventKind::TicketTriaged),
    ] {
        let (unsure, failing) = (desk.submit("Cancel it").await.id, desk.submit("Cancel this").await.id);
        patched(desk, unsure, patch).await;
        patched(desk, failing, patch).await;
        let mut abstaining = decision(unsure);
        abstaining.outcome = TriageState::NeedsHuman;
        desk.store
            .record_decision(abstaining, &tester())
            .await
            .expect("recorded");
        let failed = desk.store.record_failure(failing, "down", &last, &tester()).await;
        let expected = match state {
            TriageState::Triaged => Failed::Triaged,
            _ => Failed::NeedsHuman,
        };
        assert_eq!(failed.expect("counted"), expected);
        for id in [unsure, failing] {
            let ticket = desk.ticket(id).await;
            assert_eq!((ticket.state, ticket.next_attempt_at), (state, None));
            assert_eq!(desk.told(id).await.last(), Some(&kind));
        }
    }
}

async fn patched(desk: &Desk, id: Uuid, patch: &TicketPatch) {
    let patched = desk.store.patch_ticket(id, None, patch, &tester()).await;
    patched.expect("changed").expect("there");
}

fn scored(agent: &desk::Agent) -> desk::routing::Scored {
    desk::routing::Scored {
        agent_id: agent.id,
        name: agent.name.clone(),
        score: 1.0,
        open_tickets: 0,
        factors: Vec::new(),
    }
}

pub async fn a_decision_needs_a_waiting_ticket(desk: &Desk) {
    let missing = desk
        .store
        .record_decision(decision(Uuid::now_v7()), &tester())
        .await
        .expect("answered");
    assert_eq!(missing, Recorded::Missing);
    let mut undecided = decision(desk.submit("?").await.id);
    undecided.outcome = TriageState::Received;
    let error = desk
        .store
        .record_decision(undecided, &tester())
        .await
        .expect_err("no decision");
    assert_eq!(error.fault(), Fault::Bug);
}

pub async fn claims_are_disjoint_and_expire(desk: &Desk) {
    for at in 0..60 {
        desk.submit(&format!("ticket {at}")).await;
    }
    let others = [desk.another().await, desk.another().await];
    let now = store::now();
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..12 {
        let store = others[at % 2].clone();
        tasks.spawn(async move { store.claim_waiting(7, now, LEASE).await.expect("claimed") });
    }
    let claimed: Vec<Uuid> = tasks
        .join_all()
        .await
        .into_iter()
        .flatten()
        .map(|ticket| ticket.id)
        .collect();
    assert_eq!(
        claimed.len(),
        claimed.iter().collect::<HashSet<_>>().len(),
        "claimed twice"
    );
    let rest = desk.store.claim_waiting(100, now, LEASE).await.expect("claimed").len();
    assert_eq!(claimed.len() + rest, 60);
    assert!(
        desk.store
            .claim_waiting(100, now, LEASE)
            .await
            .expect("claimed")
            .is_empty()
    );
    let later = now + LEASE + Duration::from_secs(1);
    assert_eq!(
        desk.store
            .claim_waiting(100, later, LEASE)
            .await
            .expect("claimed")
            .len(),
        60
    );
    for other in others {
        other.close().await;
    }
}

pub async fn claims_can_be_released(desk: &Desk) {
    let kept = Submission {
        claim: LEASE,
        ..submission(desk::NewTicket::from_body("mine"))
    };
    let ticket = desk.store.submit_ticket(kept).await.expect("stored").ticket;
    assert!(
        desk.store
            .claim_waiting(10, store::now(), LEASE)
            .await
            .expect("claimed")
            .is_empty()
    );
    assert_eq!(desk.store.release_claims(store::now()).await.expect("released"), 1);
    let claimed = desk
        .store
        .claim_waiting(10, store::now(), LEASE)
        .await
        .expect("claimed");
    assert_eq!(claimed.iter().map(|ticket| ticket.id).collect::<Vec<_>>(), [ticket.id]);
    desk.store
        .record_decision(decision(ticket.id), &tester())
        .await
        .expect("recorded");
    assert_eq!(desk.store.release_claims(store::now()).await.expect("released"), 0);
}

pub async fn failures_are_tried_again_and_end_with_a_person(desk: &Desk) {
    let policy = RetryPolicy {
        max_attempts: 2,
        first_delay_ms: 60_000,
        max_delay_ms: 60_000,
    };
    let id = desk.submit("Slow").await.id;
    let before = store::now();
    let fail = |error: &'static str| desk.store.record_failure(id, error, &policy, &SYSTEM);
    let Failed::Retry(at) = fail("index\0 down").await.expect("counted") else {
        panic!("no retry")
    };
    assert!(at >= before + Duration::from_secs(60));
    let ticket = desk.ticket(id).await;
    assert_eq!(
        (ticket.attempts, ticket.next_attempt_at, ticket.version),
        (1, Some(at), 1)
    );
    assert_eq!(ticket.last_error.as_deref(), Some("index down"));

    assert_eq!(fail("index down").await.expect("counted"), Failed::NeedsHuman);
    let ticket = desk.ticket(id).await;
    assert_eq!((ticket.state, ticket.next_attempt_at), (TriageState::NeedsHuman, None));
    assert_eq!(fail("late").await.expect("counted"), Failed::NotWaiting);
    let told = [
        EventKind::TicketSubmitted,
        EventKind::TicketAttemptFailed,
        EventKind::TicketNeedsHuman,
    ];
    assert_eq!(desk.told(id).await, told);
}

pub async fn an_attempt_that_is_put_off_is_not_counted(desk: &Desk) {
    desk.submit("Busy").await;
    let (now, later) = (store::now(), store::now() + Duration::from_secs(60));
    let claim = async |at| desk.store.claim_waiting(10, at, LEASE).await.expect("claimed");
    let claimed = claim(now).await.remove(0);
    assert!(desk.store.postpone(&claimed, later).await.expect("put off"));
    let ticket = desk.ticket(claimed.id).await;
    let as_before = desk::Ticket {
        next_attempt_at: Some(later),
        ..claimed.clone()
    };
    assert_eq!(ticket, as_before, "nothing else has changed");
    assert_eq!(desk.told(claimed.id).await, [EventKind::TicketSubmitted]);
    assert!(claim(now + LEASE).await.is_empty(), "it is not due yet");
    assert_eq!(claim(later).await.len(), 1);
    assert!(
        !desk.store.postpone(&claimed, now).await.expect("answered"),
        "another process has it"
    );
}

static SYSTEM: std::sync::LazyLock<desk::Actor> = std::sync::LazyLock::new(tester);

pub async fn counts_follow_the_tickets(desk: &Desk) {
    let none = desk.store.counts().await.expect("counts");
    assert_eq!((none.tickets(), none.oldest_due), (0, None));
    let first = desk.submit("one").await;
    desk.submit("two").await;
    desk.store
        .record_decision(decision(first.id), &tester())
        .await
        .expect("recorded");
    let counts = desk.store.counts().await.expect("counts");
    assert_eq!(counts.in_state(TriageState::Triaged), 1);
    assert_eq!(counts.in_state(TriageState::Received), 1);
    assert_eq!(counts.in_state(TriageState::NeedsHuman), 0);
    assert_eq!(counts.by_status[0], (desk::WorkStatus::Open, 2));
    assert!(counts.oldest_due.is_some());
}

pub async fn what_was_decided_since_a_time_is_walked_in_order(desk: &Desk) {
    let mut decided = Vec::new();
    for at in 0..5 {
        let id = desk.submit(&format!("ticket {at}")).await.id;
        if at != 2 {
            let decided_now = desk.store.record_decision(decision(id), &tester()).await;
            decided_now.expect("recorded");
            decided.push(id);
        }
    }
    let times = [desk.ticket(decided[2]).await, desk.ticket(decided[3]).await].map(|ticket| ticket.updated_at);
    let ids = async |since, after, limit| {
        let found = desk.store.decided_since(since, after, limit).await.expect("readable");
        found.into_iter().map(|ticket| ticket.id).collect::<Vec<_>>()
    };
    let ever = time::OffsetDateTime::UNIX_EPOCH;
    assert_eq!(ids(ever, 0, 10).await, decided, "one still waits and is left out");
    assert_eq!(ids(times[0], 0, 10).await, decided[2..]);
    assert_eq!(ids(ever, 0, 2).await, decided[..2]);
    assert_eq!(ids(ever, 2, 10).await, decided[2..]);
    assert!(ids(times[1] + Duration::from_secs(1), 0, 10).await.is_empty());
}
