//! Accounts, contacts, teams and agents.

use desk::{
    AccountPatch, AgentPatch, Availability, ContactPatch, NewAccount, NewContact, NewTeam, Subject, SubjectKind,
    TeamPatch, TicketPatch, WorkStatus,
};
use store::{PageRequest, StoreError};
use uuid::Uuid;

use crate::desk_under_test::{Desk, decision, tester};

pub async fn accounts_and_contacts_are_kept(desk: &Desk) {
    let store = &desk.store;
    let new = NewAccount {
        name: "Acme".into(),
        external_id: Some("A-1".into()),
        ..NewAccount::default()
    };
    let account = store.create_account(new, &tester()).await.expect("an account");
    assert_eq!(
        store.get_account(account.id).await.expect("readable"),
        Some(account.clone())
    );
    assert_eq!(
        store.find_account("A-1").await.expect("readable"),
        Some(account.clone())
    );
    let patch = AccountPatch {
        tier: Some(Some("gold".into())),
        ..AccountPatch::default()
    };
    let gold = store
        .update_account(account.id, Some(1), patch, &tester())
        .await
        .expect("changed")
        .expect("there");
    assert_eq!(
        (gold.tier.as_deref(), gold.version, gold.name.as_str()),
        (Some("gold"), 2, "Acme")
    );
    let subject = Subject {
        kind: SubjectKind::Account,
        id: account.id,
    };
    let told = store
        .list_events(subject, &PageRequest::default())
        .await
        .expect("events")
        .items;
    assert_eq!(told.len(), 2);

    let new = NewContact {
        name: "Ana".into(),
        email: Some("ana@acme.example".into()),
        ..NewContact::default()
    };
    let contact = store.create_contact(new, &tester()).await.expect("a contact");
    assert_eq!(
        store.find_contact("ana@acme.example").await.expect("readable"),
        Some(contact.clone())
    );
    let patch = ContactPatch {
        account_id: Some(Some(account.id)),
        email: Some(None),
        ..ContactPatch::default()
    };
    let moved = store
        .update_contact(contact.id, None, patch, &tester())
        .await
        .expect("changed")
        .expect("there");
    assert_eq!((moved.account_id, moved.email), (Some(account.id), None));
    assert_eq!(
        store
            .list_contacts(&PageRequest::default())
            .await
            .expect("contacts")
            .items
            .len(),
        1
    );
}

pub async fn names_and_addresses_are_unique(desk: &Desk) {
    desk.team("Guides", "how_to").await;
    let again = NewTeam {
        name: "Guides".into(),
        categories: Vec::new(),
    };
    let taken = desk.store.create_team(again, &tester()).await.expect_err("taken");
    assert!(matches!(taken, StoreError::Taken { .. }), "{taken:?}");
    let other = desk.team("Money", "billing_payment").await;
    let rename = TeamPatch {
        name: Some("Guides".into()),
        ..TeamPatch::default()
    };
    let taken = desk
        .store
        .update_team(other.id, None, rename, &tester())
        .await
        .expect_err("taken");
    assert!(matches!(taken, StoreError::Taken { .. }), "{taken:?}");
    assert_eq!(
        desk.store
            .list_teams(&PageRequest::default())
            .await
            .expect("teams")
            .items
            .len(),
        2
    );
    assert_eq!(desk.store.find_team("Money").await.expect("readable"), Some(other));
}

pub async fn stale_and_bad_changes_are_refused(desk: &Desk) {
    let agent = desk.agent("Ana", None).await;
    let update = |version, patch| desk.store.update_agent(agent.id, version, patch, &SYSTEM);
    let away = AgentPatch {
        availability: Some(Availability::Away),
        ..AgentPatch::default()
    };
    let changed = update(Some(1), away.clone()).await.expect("changed").expect("there");
    assert_eq!(
        (changed.availability, changed.skills.clone()),
        (Availability::Away, agent.skills.clone())
    );
    let stale = update(Some(1), away.clone()).await;
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
    let bad = update(
        Some(2),
        AgentPatch {
            capacity: Some(-1),
            ..AgentPatch::default()
        },
    )
    .await;
    assert!(
        matches!(&bad, Err(StoreError::Invalid(errors)) if errors[0].field == "capacity"),
        "{bad:?}"
    );
    let lost = update(
        Some(2),
        AgentPatch {
            team_id: Some(Some(Uuid::now_v7())),
            ..AgentPatch::default()
        },
    )
    .await;
    assert!(
        matches!(lost, Err(StoreError::Unknown { field: "team_id", .. })),
        "{lost:?}"
    );
    let nobody = desk
        .store
        .update_agent(Uuid::now_v7(), None, away, &tester())
        .await
        .expect("answered");
    assert_eq!(nobody, None);
}

static SYSTEM: std::sync::LazyLock<desk::Actor> = std::sync::LazyLock::new(tester);

pub async fn load_and_experience_follow_the_tickets(desk: &Desk) {
    let team = desk.team("Guides", "how_to").await;
    let (ana, ben) = (
        desk.agent("Ana", Some(team.id)).await,
        desk.agent("Ben", Some(team.id)).await,
    );
    for status in [
        WorkStatus::Open,
        WorkStatus::Pending,
        WorkStatus::Solved,
        WorkStatus::Closed,
    ] {
        let id = desk.submit("x").await.id;
        desk.store
            .record_decision(decision(id), &tester())
            .await
            .expect("recorded");
        let patch = TicketPatch {
            agent_id: Some(Some(ana.id)),
            status: Some(status),
            ..TicketPatch::default()
        };
        desk.store
            .patch_ticket(id, None, &patch, &tester())
            .await
            .expect("changed");
    }
    let loads = desk.store.agent_loads().await.expect("loads");
    let open: Vec<_> = loads.iter().map(|load| (load.agent.id, load.open_tickets)).collect();
    assert_eq!(open, [(ana.id, 2), (ben.id, 0)]);
    let resolved = desk.store.resolved_counts().await.expect("counts");
    let counted: Vec<_> = resolved
        .iter()
        .map(|r| (r.agent_id, r.category.as_str(), r.tickets))
        .collect();
    assert_eq!(counted, [(ana.id, "how_to", 2)]);
}
