//! Versions that are tried out, and what they said beside the one in force.

use desk::{Actor, HeadRole, Said, ShadowCounts, ShadowJudgement, TicketPatch, WorkStatus};
use store::{NewActivation, NewModelVersion, StoreError};
use uuid::Uuid;

use crate::desk_under_test::{Desk, decision, tester};

const HEAD: HeadRole = HeadRole::Category;

async fn known(desk: &Desk) {
    desk.store.set_shipped_model(HEAD, "r1").await.expect("stored");
    for version in [2, 3] {
        let new = NewModelVersion {
            head: HEAD,
            version,
            revision: format!("r{version}"),
            origin: desk::ModelOrigin::Added,
            note: String::new(),
        };
        let added = desk
            .store
            .add_model_version(new, &[], &tester(), || Ok::<_, StoreError>(()))
            .await;
        added.expect("stored");
    }
}

fn judgement(active: &str, challenger: Option<&str>) -> ShadowJudgement {
    let said = |version, label: Option<&str>| Said {
        version,
        label: label.map(str::to_owned),
        is_sure: label.is_some(),
    };
    ShadowJudgement {
        head: HEAD,
        active: said(1, Some(active)),
        challenger: said(2, challenger),
    }
}

async fn judged(desk: &Desk, judgement: ShadowJudgement) -> Uuid {
    let id = desk.submit("How do I export?").await.id;
    let recorded = desk
        .store
        .record_judged_decision(decision(id), vec![judgement], &tester())
        .await;
    assert!(recorded.expect("recorded").flipped());
    id
}

async fn change(desk: &Desk, id: Uuid, patch: TicketPatch) {
    let version = desk.ticket(id).await.version;
    let changed = desk.store.patch_ticket(id, Some(version), &patch, &tester()).await;
    assert!(changed.is_ok(), "{changed:?}");
}

async fn challenger(desk: &Desk) -> Option<i64> {
    let all = desk.store.list_challengers().await.expect("readable");
    assert!(all.iter().all(|challenger| challenger.head == HEAD), "{all:?}");
    all.first().map(|challenger| challenger.version)
}

pub async fn what_a_challenger_said_is_counted_and_settled_by_people(desk: &Desk) {
    known(desk).await;
    let agree = judged(desk, judgement("how_to", Some("how_to"))).await;
    let differ = judged(desk, judgement("how_to", Some("complaint"))).await;
    let unsure = judged(desk, judgement("how_to", None)).await;
    let counts = || async { desk.store.shadow_counts(HEAD, 2, 1).await.expect("readable") };
    let mut expected = ShadowCounts {
        tickets: 3,
        agreed: 1,
        active_sure: 3,
        challenger_sure: 2,
        ..ShadowCounts::default()
    };
    assert_eq!(counts().await, expected);
    let solved = TicketPatch {
        status: Some(WorkStatus::Solved),
        ..TicketPatch::default()
    };
    change(desk, agree, solved.clone()).await;
    change(desk, unsure, solved).await;
    let corrected = TicketPatch {
        category: Some("complaint".into()),
        ..TicketPatch::default()
    };
    change(desk, differ, corrected).await;
    expected.both_right = 1;
    expected.active_alone = 1;
    expected.challenger_alone = 1;
    expected.corrected = 1;
    assert_eq!(counts().await, expected);
    let of_others = desk.store.shadow_counts(HEAD, 1, 2).await.expect("readable");
    assert_eq!(of_others, ShadowCounts::default());
    let again = desk
        .store
        .record_judged_decision(decision(agree), vec![judgement("how_to", None)], &tester())
        .await;
    assert!(!again.expect("answered").flipped(), "only what decided is kept");
    assert_eq!(counts().await, expected);
}

pub async fn a_merge_settles_nothing(desk: &Desk) {
    known(desk).await;
    let survivor = judged(desk, judgement("how_to", Some("complaint"))).await;
    let merged = judged(desk, judgement("how_to", Some("complaint"))).await;
    let closed = desk.store.merge_ticket(merged, survivor, None, &tester()).await;
    assert_eq!(
        closed.expect("merged").map(|ticket| ticket.status),
        Some(WorkStatus::Closed)
    );
    let counts = async || desk.store.shadow_counts(HEAD, 2, 1).await.expect("readable");
    let mut expected = ShadowCounts {
        tickets: 2,
        active_sure: 2,
        challenger_sure: 2,
        ..ShadowCounts::default()
    };
    assert_eq!(counts().await, expected, "nobody has looked at its labels");
    let solved = TicketPatch {
        status: Some(WorkStatus::Solved),
        ..TicketPatch::default()
    };
    change(desk, survivor, solved).await;
    expected.active_alone = 1;
    assert_eq!(counts().await, expected);
}

pub async fn a_head_has_one_challenger_until_it_is_in_force_or_called_off(desk: &Desk) {
    known(desk).await;
    let (store, operator) = (&desk.store, Actor::operator("test"));
    assert_eq!(store.set_challenger(HEAD, 7, &operator).await.expect("answered"), None);
    for _ in 0..2 {
        let set = store.set_challenger(HEAD, 2, &operator).await.expect("stored");
        assert_eq!(set.map(|set| (set.version, set.actor)), Some((2, operator.clone())));
    }
    assert_eq!(challenger(desk).await, Some(2));
    assert!(store.end_challenge(HEAD, &operator).await.expect("stored"));
    assert!(!store.end_challenge(HEAD, &operator).await.expect("answered"));
    assert_eq!(challenger(desk).await, None);
    store.set_challenger(HEAD, 2, &operator).await.expect("stored");
    let activation = |version| NewActivation {
        head: HEAD,
        version,
        replacing: None,
        is_rollback: false,
        reason: "",
    };
    store.activate_model(activation(3), &tester()).await.expect("stored");
    assert_eq!(challenger(desk).await, Some(2), "another version in force ends nothing");
    store.activate_model(activation(2), &tester()).await.expect("stored");
    assert_eq!(challenger(desk).await, None);
}
