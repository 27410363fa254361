//! Versions of heads and which one is in force.

use desk::model_version::{active_version, version_before};
use desk::{EventKind, HeadRole, ModelOrigin, Subject, SubjectKind};
use store::{ModelFile, NewActivation, NewModelVersion, PageRequest, StoreError};

use crate::desk_under_test::{Desk, tester};

fn version(head: HeadRole, version: i64) -> NewModelVersion {
    NewModelVersion {
        head,
        version,
        revision: format!("r{version}"),
        origin: ModelOrigin::Added,
        note: "for a test".into(),
    }
}

/// Bytes that are no text.
fn files() -> Vec<ModelFile> {
    let file = |path: &str, bytes: &[u8]| ModelFile {
        path: path.to_owned(),
        bytes: bytes.to_owned(),
    };
    vec![file("deep/weights", &[0, 255, 128, 0]), file("manifest.toml", b"")]
}

fn nothing_to_place() -> Result<(), StoreError> {
    Ok(())
}

fn activation(head: HeadRole, version: i64, reason: &str) -> NewActivation<'_> {
    NewActivation {
        head,
        version,
        replacing: None,
        is_rollback: false,
        reason,
    }
}

pub async fn versions_are_numbered_once_in_each_head(desk: &Desk) {
    let store = &desk.store;
    for revision in ["a", "a", "b"] {
        store
            .set_shipped_model(HeadRole::Category, revision)
            .await
            .expect("stored");
    }
    for head in [HeadRole::Category, HeadRole::Priority] {
        store
            .add_model_version(version(head, 2), &files(), &tester(), nothing_to_place)
            .await
            .expect("stored");
    }
    let again = store
        .add_model_version(version(HeadRole::Category, 2), &files(), &tester(), nothing_to_place)
        .await;
    assert!(matches!(again, Err(StoreError::Taken { .. })), "{again:?}");
    let known = store.list_model_versions(HeadRole::Category).await.expect("readable");
    let known: Vec<_> = known
        .iter()
        .map(|v| (v.version, v.revision.as_str(), v.origin))
        .collect();
    assert_eq!(known, [(1, "b", ModelOrigin::Shipped), (2, "r2", ModelOrigin::Added)]);
}

pub async fn every_process_sees_the_same_active_version(desk: &Desk) {
    let (store, other) = (&desk.store, desk.another().await);
    let head = HeadRole::Priority;
    assert_eq!(store.last_activation(head).await.expect("readable"), None);
    store.set_shipped_model(head, "a").await.expect("stored");
    let second = store
        .add_model_version(version(head, 2), &files(), &tester(), nothing_to_place)
        .await
        .expect("stored");
    let activated = store
        .activate_model(activation(head, 2, "better"), &tester())
        .await
        .expect("stored");
    assert_eq!(other.last_activation(head).await.expect("readable"), activated);
    let back = NewActivation {
        is_rollback: true,
        replacing: Some(1),
        ..activation(head, 1, "worse")
    };
    let late = other.activate_model(back, &tester()).await;
    assert!(
        matches!(
            late,
            Err(StoreError::Stale {
                expected: 1,
                current: 2
            })
        ),
        "judged against a version that is no longer active: {late:?}"
    );
    let back = NewActivation {
        replacing: Some(2),
        ..back
    };
    other.activate_model(back, &tester()).await.expect("stored");
    let log = store.list_activations(head).await.expect("readable");
    let lines: Vec<_> = log
        .iter()
        .map(|l| (l.serial, l.version, l.replaced, l.is_rollback))
        .collect();
    assert_eq!(lines, [(1, 2, 1, false), (2, 1, 2, true)]);
    assert_eq!((active_version(&log), version_before(&log)), (1, None));
    let missing = store.activate_model(activation(head, 7, "none"), &tester()).await;
    assert_eq!(missing.expect("readable"), None);
    store
        .record_model_refusal(&second, "broken", &tester())
        .await
        .expect("stored");
    let subject = Subject {
        kind: SubjectKind::Model,
        id: second.id,
    };
    let told = store
        .list_events(subject, &PageRequest::default())
        .await
        .expect("events")
        .items;
    let kinds: Vec<_> = told.iter().map(|event| event.kind).collect();
    let expected = [
        EventKind::ModelAdded,
        EventKind::ModelActivated,
        EventKind::ModelRefused,
    ];
    assert_eq!(kinds, expected);
    other.close().await;
}

/// However often somebody makes it active: a rollback goes to what was in force before it.
pub async fn a_version_in_force_is_not_activated_again(desk: &Desk) {
    let store = &desk.store;
    let head = HeadRole::Category;
    store.set_shipped_model(head, "a").await.expect("stored");
    let added = store
        .add_model_version(version(head, 2), &files(), &tester(), nothing_to_place)
        .await;
    added.expect("stored");
    let activate = async |version| {
        let activated = store
            .activate_model(activation(head, version, "again"), &tester())
            .await;
        activated.expect("answered").expect("there")
    };
    let replaced = [activate(1).await, activate(2).await, activate(2).await].map(|line| line.replaced);
    assert_eq!(replaced, [1, 1, 2], "itself where it is in force");
    let log = store.list_activations(head).await.expect("readable");
    let lines: Vec<_> = log.iter().map(|line| (line.version, line.replaced)).collect();
    assert_eq!((lines, version_before(&log)), (vec![(2, 1)], Some(1)));
}

pub async fn a_version_whose_files_cannot_be_placed_is_not_known(desk: &Desk) {
    let store = &desk.store;
    let head = HeadRole::Category;
    store.set_shipped_model(head, "a").await.expect("stored");
    let full = || Err(StoreError::Closed);
    let failed = store
        .add_model_version(version(head, 2), &files(), &tester(), full)
        .await;
    assert!(matches!(failed, Err(StoreError::Closed)), "{failed:?}");
    assert_eq!(store.get_model_version(head, 2).await.expect("readable"), None);
    let again = store
        .add_model_version(version(head, 2), &files(), &tester(), nothing_to_place)
        .await;
    assert_eq!(again.expect("stored").version, 2);
}

pub async fn versions_that_never_decided_are_forgotten(desk: &Desk) {
    let store = &desk.store;
    let head = HeadRole::Category;
    store.set_shipped_model(head, "a").await.expect("stored");
    for number in 2..=8 {
        let origin = if number == 3 {
            ModelOrigin::Added
        } else {
            ModelOrigin::Retrained
        };
        let new = NewModelVersion {
            origin,
            ..version(head, number)
        };
        let added = store
            .add_model_version(new, &files(), &tester(), nothing_to_place)
            .await;
        added.expect("stored");
    }
    let active = store.activate_model(activation(head, 2, "better"), &tester()).await;
    active.expect("stored");
    let tried = store.set_challenger(head, 4, &tester()).await;
    tried.expect("stored");
    let other = NewModelVersion {
        origin: ModelOrigin::Retrained,
        ..version(HeadRole::Priority, 2)
    };
    let added = store
        .add_model_version(other, &files(), &tester(), nothing_to_place)
        .await;
    added.expect("stored");

    let forgotten = store.forget_model_versions(head, 2, &tester()).await.expect("removed");
    let numbers: Vec<i64> = forgotten.iter().map(|version| version.version).collect();
    assert_eq!(
        numbers,
        [6, 5],
        "not what decided, is tried out, was added by a person, or came last"
    );
    let known = store.list_model_versions(head).await.expect("readable");
    let known: Vec<i64> = known.iter().map(|version| version.version).collect();
    assert_eq!(known, [1, 2, 3, 4, 7, 8]);
    let other = store.list_model_versions(HeadRole::Priority).await.expect("readable");
    assert_eq!(other.len(), 1);
    let subject = Subject {
        kind: SubjectKind::Model,
        id: forgotten[0].id,
    };
    let told = store.list_events(subject, &PageRequest::default()).await;
    let kinds: Vec<_> = told.expect("events").items.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::ModelAdded, EventKind::ModelForgotten]);
    let again = store.forget_model_versions(head, 2, &tester()).await.expect("nothing");
    assert_eq!(again, []);
}

pub async fn the_files_of_a_version_are_there_for_every_process(desk: &Desk) {
    let (store, other) = (&desk.store, desk.another().await);
    let head = HeadRole::Category;
    store.set_shipped_model(head, "a").await.expect("stored");
    store
        .add_model_version(version(head, 2), &files(), &tester(), nothing_to_place)
        .await
        .expect("stored");
    store
        .add_model_version(version(head, 3), &[], &tester(), nothing_to_place)
        .await
        .expect("as it was before files were kept");
    assert_eq!(other.model_files(head, 2).await.expect("readable"), files());
    assert_eq!(other.model_files(HeadRole::Priority, 2).await.expect("readable"), []);
    assert_eq!(other.versions_without_files(head).await.expect("readable"), [3]);
    for _ in 0..2 {
        other.keep_model_files(head, 3, &files()).await.expect("kept");
    }
    assert_eq!(store.model_files(head, 3).await.expect("readable"), files());
    assert_eq!(store.versions_without_files(head).await.expect("readable"), [0; 0]);
    let unknown = store.keep_model_files(head, 9, &files()).await;
    assert!(unknown.is_err(), "no such version");

    let retrained = NewModelVersion {
        origin: ModelOrigin::Retrained,
        ..version(head, 4)
    };
    let added = store
        .add_model_version(retrained, &files(), &tester(), nothing_to_place)
        .await;
    added.expect("stored");
    store.forget_model_versions(head, 0, &tester()).await.expect("removed");
    assert_eq!(other.model_files(head, 4).await.expect("readable"), []);
    other.close().await;
}
