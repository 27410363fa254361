//! Articles: every edit kept, found by their filters, passages as the index has them.

use desk::{Article, ArticlePatch, ArticleVisibility, EventKind, NewArticle, Passage, Subject, SubjectKind};
use store::{ArticleFilter, PageRequest, StoreError};
use uuid::Uuid;

use crate::desk_under_test::{Desk, tester};

async fn create(desk: &Desk, external_id: &str, visibility: ArticleVisibility) -> Article {
    let article = NewArticle {
        external_id: Some(external_id.to_owned()),
        language: Some("en".to_owned()),
        tags: vec!["till".to_owned(), "day 100%".to_owned()],
        visibility,
        author: Some("Selma".to_owned()),
        review_date: desk::article::read_date("2027-11-01"),
        ..NewArticle::draft("Close the day", "Count the drawer.")
    };
    desk.store.create_article(article, &SYSTEM).await.expect("an article")
}

fn to_body(body: &str) -> ArticlePatch {
    ArticlePatch {
        body: Some(body.to_owned()),
        ..ArticlePatch::default()
    }
}

fn passage(article: &Article, position: i64, text: &str) -> Passage {
    Passage {
        id: Uuid::now_v7(),
        article_id: article.id,
        article_version: article.version,
        position,
        headings: vec!["Steps".to_owned()],
        visibility: article.fields.visibility,
        start: 0,
        end: text.chars().count() as i64,
        text: text.to_owned(),
    }
}

pub async fn every_edit_of_an_article_is_kept(desk: &Desk) {
    let created = create(desk, "close", ArticleVisibility::Public).await;
    assert_eq!(
        desk.store.get_article(created.id).await.expect("readable"),
        Some(created.clone())
    );
    assert_eq!(
        desk.store.find_article("close").await.expect("readable"),
        Some(created.clone())
    );
    let update = |version, patch| desk.store.update_article(created.id, version, patch, &SYSTEM);
    let changed = update(Some(1), to_body("Count it twice."))
        .await
        .expect("changed")
        .expect("there");
    assert_eq!((changed.version, changed.fields.author.as_deref()), (2, Some("Selma")));
    let stale = update(Some(1), to_body("Late")).await;
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
    let blank = update(Some(2), to_body(" ")).await;
    assert!(
        matches!(&blank, Err(StoreError::Invalid(errors)) if errors[0].field == "body"),
        "{blank:?}"
    );
    let restored = desk
        .store
        .replace_article(created.id, Some(2), created.fields.clone(), &SYSTEM);
    let restored = restored.await.expect("restored").expect("there");
    assert_eq!((restored.version, &restored.fields), (3, &created.fields));

    let page = PageRequest::first(2);
    let first = desk
        .store
        .list_article_versions(created.id, &page)
        .await
        .expect("versions");
    let next = PageRequest::after(2, first.next.expect("more"));
    let rest = desk
        .store
        .list_article_versions(created.id, &next)
        .await
        .expect("versions");
    let bodies: Vec<_> = first
        .items
        .iter()
        .chain(&rest.items)
        .map(|kept| kept.fields.body.as_str())
        .collect();
    assert_eq!(bodies, ["Count the drawer.", "Count it twice.", "Count the drawer."]);
    let second = desk
        .store
        .get_article_version(created.id, 2)
        .await
        .expect("readable")
        .expect("kept");
    assert_eq!((second.actor, second.fields), (tester(), changed.fields));
    assert_eq!(
        desk.store.get_article_version(created.id, 4).await.expect("readable"),
        None
    );
    let subject = Subject {
        kind: SubjectKind::Article,
        id: created.id,
    };
    let told = desk
        .store
        .list_events(subject, &PageRequest::default())
        .await
        .expect("events")
        .items;
    let told: Vec<_> = told.iter().map(|event| event.kind).collect();
    assert_eq!(
        told,
        [
            EventKind::ArticleCreated,
            EventKind::ArticleChanged,
            EventKind::ArticleChanged
        ]
    );
}

static SYSTEM: std::sync::LazyLock<desk::Actor> = std::sync::LazyLock::new(tester);

pub async fn an_external_id_of_an_article_is_taken_once(desk: &Desk) {
    create(desk, "close", ArticleVisibility::Public).await;
    let again = NewArticle {
        external_id: Some("close".to_owned()),
        ..NewArticle::draft("Other", "Other")
    };
    let taken = desk.store.create_article(again, &SYSTEM).await;
    assert!(matches!(taken, Err(StoreError::Taken { .. })), "{taken:?}");
    let versions = desk.raw("SELECT article_id FROM article_versions").await.expect("rows");
    assert_eq!(versions.len(), 1, "nothing is left of what was refused");
}

pub async fn articles_are_listed_by_their_filters(desk: &Desk) {
    let public = create(desk, "public", ArticleVisibility::Public).await;
    let internal = create(desk, "internal", ArticleVisibility::Internal).await;
    let archive = ArticlePatch {
        archived: Some(true),
        language: Some(Some("es".to_owned())),
        tags: Some(vec!["baja".to_owned()]),
        review_date: Some(None),
        ..ArticlePatch::default()
    };
    let store = &desk.store;
    let archived = store.update_article(internal.id, None, archive, &SYSTEM).await;
    let archived = archived.expect("changed").expect("there");
    let check = async |filter: ArticleFilter, expect: &[Uuid]| {
        let listed = store
            .list_articles(&filter, &PageRequest::default())
            .await
            .expect("articles");
        let ids: Vec<_> = listed.items.iter().map(|article| article.id).collect();
        assert_eq!(ids, expect, "{filter:?}");
    };
    let filter = ArticleFilter::default;
    check(filter(), &[public.id, archived.id]).await;
    check(
        ArticleFilter {
            visibility: vec![ArticleVisibility::Public],
            ..filter()
        },
        &[public.id],
    )
    .await;
    check(
        ArticleFilter {
            visibility: ArticleVisibility::ALL.to_vec(),
            ..filter()
        },
        &[public.id, archived.id],
    )
    .await;
    check(
        ArticleFilter {
            archived: Some(true),
            ..filter()
        },
        &[archived.id],
    )
    .await;
    check(
        ArticleFilter {
            language: Some("es".into()),
            ..filter()
        },
        &[archived.id],
    )
    .await;
    check(
        ArticleFilter {
            tag: Some("day 100%".into()),
            ..filter()
        },
        &[public.id],
    )
    .await;
    check(
        ArticleFilter {
            tag: Some("day".into()),
            ..filter()
        },
        &[],
    )
    .await;
    check(
        ArticleFilter {
            tag: Some("Baja".into()),
            ..filter()
        },
        &[],
    )
    .await;
    check(
        ArticleFilter {
            external_id: Some("public".into()),
            ..filter()
        },
        &[public.id],
    )
    .await;
    let on = desk::article::read_date;
    check(
        ArticleFilter {
            review_before: on("2027-11-01"),
            ..filter()
        },
        &[],
    )
    .await;
    check(
        ArticleFilter {
            review_before: on("2027-11-02"),
            ..filter()
        },
        &[public.id],
    )
    .await;
}

pub async fn an_article_waits_until_its_latest_version_is_indexed(desk: &Desk) {
    let store = &desk.store;
    let article = create(desk, "close", ArticleVisibility::Public).await;
    let waiting = async || {
        let waiting = store.articles_to_index(10).await.expect("articles");
        waiting.into_iter().map(|article| article.version).collect::<Vec<_>>()
    };
    assert_eq!(waiting().await, [1]);
    let old = [passage(&article, 0, "one"), passage(&article, 1, "two")];
    assert!(store.record_passages(article.id, 1, &old).await.expect("recorded"));
    assert_eq!(waiting().await, Vec::<i64>::new());
    assert_eq!(store.passages_of(article.id).await.expect("passages"), old);
    assert_eq!(store.count_passages().await.expect("a number"), 2);

    let changed = store
        .update_article(article.id, Some(1), to_body("one, changed"), &SYSTEM)
        .await;
    let changed = changed.expect("changed").expect("there");
    assert_eq!(waiting().await, [2]);
    store.index_again(&[article.id, Uuid::now_v7()]).await.expect("waiting");
    let late = store.record_passages(article.id, 1, &[]).await.expect("answered");
    assert!(!late, "an older version does not overwrite a newer one");
    assert_eq!(store.passages_of(article.id).await.expect("passages"), old);
    assert_eq!(store.count_passages().await.expect("a number"), 0, "it waits");
    let new = [passage(&changed, 0, "one, changed")];
    assert!(store.record_passages(article.id, 2, &new).await.expect("recorded"));
    assert_eq!(waiting().await, Vec::<i64>::new());
    store.index_again(&[article.id]).await.expect("waiting");
    assert_eq!(waiting().await, [2], "once more, with its rows as they were");
    let ids = [old[0].id, new[0].id, Uuid::now_v7()];
    let found = store.get_passages(&ids).await.expect("passages");
    assert_eq!(found, [(new[0].clone(), changed)], "what is gone is left out");
    let walked = store.articles_after(None, 10).await.expect("articles");
    assert_eq!(walked.len(), 1);
    assert!(
        store
            .articles_after(Some(article.id), 10)
            .await
            .expect("articles")
            .is_empty()
    );
}

pub async fn what_changed_lately_is_known_without_its_text(desk: &Desk) {
    let store = &desk.store;
    let old = create(desk, "old", ArticleVisibility::Public).await;
    let new = create(desk, "new", ArticleVisibility::Internal).await;
    let everything = store.articles_changed_since(old.updated_at).await.expect("changes");
    assert_eq!(everything, [(old.id, 1), (new.id, 1)]);
    let changed = store.update_article(old.id, Some(1), to_body("Later"), &SYSTEM).await;
    let changed = changed.expect("changed").expect("there");
    let lately = store.articles_changed_since(changed.updated_at).await.expect("changes");
    assert_eq!(lately, [(old.id, 2)]);
    let ids = [new.id, changed.id, Uuid::now_v7()];
    let mut heads = store.get_article_heads(&ids).await.expect("heads");
    heads.sort_by_key(|head| head.id);
    assert_eq!(heads, [changed.clone().into(), new.clone().into()]);
    let mut whole = store.get_articles(&ids).await.expect("articles");
    whole.sort_by_key(|article| article.id);
    assert_eq!(whole, [changed, new]);
    assert_eq!(store.get_article_heads(&[]).await.expect("nothing"), []);
}
