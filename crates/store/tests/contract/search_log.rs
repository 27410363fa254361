//! Searches: counted by day where nothing answered, with what was said of the answers.

use desk::{InsightKind, SearchFeedback, SearchInsight, SearchOutcome, SearchRecord};
use store::{InsightFilter, PageRequest, StoreError};
use time::{Date, Duration, Month, OffsetDateTime};
use uuid::Uuid;

use crate::desk_under_test::Desk;

/// Days after the first day of these tests, at noon.
fn day(number: i64) -> OffsetDateTime {
    let first = Date::from_calendar_date(2027, Month::March, 1).expect("a date");
    first.midnight().assume_utc() + Duration::days(number) + Duration::hours(12)
}

fn search(query: &str, outcome: SearchOutcome, probability: f32, on: i64) -> SearchRecord {
    SearchRecord {
        id: Uuid::now_v7(),
        query: query.to_owned(),
        language: Some("en".to_owned()),
        outcome,
        probability,
        is_open: true,
        created_at: day(on),
    }
}

async fn insights(desk: &Desk, filter: &InsightFilter<'_>) -> Vec<SearchInsight> {
    let page = desk.store.list_search_insights(filter, &PageRequest::default()).await;
    page.expect("insights").items
}

fn all() -> InsightFilter<'static> {
    InsightFilter {
        since: day(0).date(),
        kind: None,
        language: None,
    }
}

pub async fn unanswered_searches_are_counted_by_query(desk: &Desk) {
    use SearchOutcome::{Answered, LowConfidence, ZeroResult};
    let unknown = SearchRecord {
        language: None,
        ..search("vpn", ZeroResult, 0.0, 1)
    };
    let within_tags = SearchRecord {
        is_open: false,
        ..search("vpn", ZeroResult, 0.0, 1)
    };
    let searches = [
        search("gift card refund", LowConfidence, 0.25, 0),
        search("gift card refund", LowConfidence, 0.375, 1),
        search("gift card refund", ZeroResult, 0.0, 2),
        search("vpn", ZeroResult, 0.0, 1),
        unknown,
        within_tags,
        search("close the till", Answered, 0.9, 1),
        search("", ZeroResult, 0.0, 1),
    ];
    desk.store.record_searches(&searches[..4]).await.expect("kept");
    desk.store.record_searches(&searches[4..]).await.expect("kept");
    let listed = insights(desk, &all()).await;
    let counts: Vec<_> = listed
        .iter()
        .map(|i| (i.query.as_str(), i.language.as_deref(), i.count))
        .collect();
    assert_eq!(
        counts,
        [
            ("gift card refund", Some("en"), 3),
            ("vpn", None, 1),
            ("vpn", Some("en"), 1)
        ]
    );
    let first = &listed[0];
    assert_eq!(
        (
            first.zero_results,
            first.low_confidence,
            first.best_probability,
            first.last_seen
        ),
        (1, 2, 0.375, day(2))
    );
    let check = async |filter: InsightFilter<'_>, expect: &[(&str, i64)]| {
        let listed = insights(desk, &filter).await;
        let counts: Vec<_> = listed.iter().map(|i| (i.query.as_str(), i.count)).collect();
        assert_eq!(counts, expect, "{filter:?}");
    };
    let since = day(1).date();
    check(
        InsightFilter { since, ..all() },
        &[("gift card refund", 2), ("vpn", 1), ("vpn", 1)],
    )
    .await;
    let kind = Some(InsightKind::LowConfidence);
    check(InsightFilter { kind, ..all() }, &[("gift card refund", 2)]).await;
    let kind = Some(InsightKind::NotHelped);
    check(InsightFilter { kind, ..all() }, &[]).await;
    let language = Some("es");
    check(InsightFilter { language, ..all() }, &[]).await;
}

pub async fn insights_come_in_pages(desk: &Desk) {
    let asked = ["a", "b", "b", "c", "d", "d", "d"];
    let searches: Vec<_> = asked
        .iter()
        .map(|query| search(query, SearchOutcome::ZeroResult, 0.0, 0))
        .collect();
    desk.store.record_searches(&searches).await.expect("kept");
    let (mut seen, mut page) = (Vec::new(), PageRequest::first(1));
    loop {
        let turned = desk.store.list_search_insights(&all(), &page).await.expect("insights");
        seen.extend(turned.items.into_iter().map(|insight| insight.query));
        let Some(next) = turned.next else { break };
        page = PageRequest::after(1, next);
    }
    assert_eq!(seen, ["d", "b", "a", "c"]);
    let other = InsightFilter {
        kind: Some(InsightKind::ZeroResult),
        ..all()
    };
    let foreign = desk.store.list_search_insights(&other, &page).await;
    assert!(matches!(foreign, Err(StoreError::ForeignCursor)), "{foreign:?}");
}

pub async fn the_last_verdict_on_an_answer_counts(desk: &Desk) {
    let asked = search("close the till", SearchOutcome::Answered, 0.9, 0);
    desk.store
        .record_searches(std::slice::from_ref(&asked))
        .await
        .expect("kept");
    assert!(desk.store.is_search_known(asked.id).await.expect("answered"));
    let article = Uuid::now_v7();
    let say = async |search_id, article_id, helped| {
        let feedback = SearchFeedback {
            search_id,
            article_id,
            passage_id: None,
            helped,
        };
        desk.store.record_feedback(&feedback).await.expect("answered")
    };
    assert!(!say(Uuid::now_v7(), None, false).await, "an unknown search");
    for (article_id, helped) in [
        (Some(article), true),
        (Some(article), true),
        (Some(article), false),
        (None, false),
    ] {
        assert!(say(asked.id, article_id, helped).await);
    }
    let listed = insights(desk, &all()).await;
    let first = &listed[0];
    assert_eq!(
        (first.query.as_str(), first.count, first.helped, first.not_helped),
        ("close the till", 2, 0, 2)
    );
    assert!(say(asked.id, None, true).await);
    let first = &insights(desk, &all()).await[0];
    assert_eq!((first.helped, first.not_helped), (1, 1));
}

pub async fn one_verdict_given_many_times_at_once_counts_once(desk: &Desk) {
    let asked = search("close the till", SearchOutcome::Answered, 0.9, 0);
    desk.store
        .record_searches(std::slice::from_ref(&asked))
        .await
        .expect("kept");
    let feedback = SearchFeedback {
        search_id: asked.id,
        article_id: None,
        passage_id: None,
        helped: false,
    };
    let said: Vec<_> = (0..8)
        .map(|_| {
            let store = desk.store.clone();
            tokio::spawn(async move { store.record_feedback(&feedback).await })
        })
        .collect();
    for one in said {
        assert!(one.await.expect("a task").expect("answered"));
    }
    assert_eq!(insights(desk, &all()).await[0].not_helped, 1);
}

pub async fn old_searches_are_forgotten(desk: &Desk) {
    let searches = [
        search("old", SearchOutcome::ZeroResult, 0.0, 0),
        search("new", SearchOutcome::ZeroResult, 0.0, 5),
    ];
    desk.store.record_searches(&searches).await.expect("kept");
    desk.store
        .forget_searches(day(5), day(1).date())
        .await
        .expect("forgotten");
    let left = insights(desk, &all()).await;
    assert_eq!(left.iter().map(|i| i.query.as_str()).collect::<Vec<_>>(), ["new"]);
    assert!(!desk.store.is_search_known(searches[0].id).await.expect("answered"));
    assert!(desk.store.is_search_known(searches[1].id).await.expect("answered"));
}
