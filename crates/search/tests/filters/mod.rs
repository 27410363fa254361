//! The part of the contract that is about filters.

use search::{Condition, Error, Fault, Filter, Point};
use serde_json::json;

use crate::cases::{Case, TICKETS, cases};
use crate::corpus::{points, query};

/// Counts and finds by the filter exactly the points that `expect` holds of.
async fn check(case: &Case, points: &[Point], filter: Filter, expect: impl Fn(&Point) -> bool) {
    let wanted = points.iter().filter(|point| expect(point)).count();
    assert!(wanted > 0 && wanted < points.len(), "{filter:?} tells nothing apart");
    assert_eq!(case.count(&filter).await, wanted, "{} {filter:?}", case.name);
    let mut query = query("invoice", "en");
    query.filter = filter;
    let hits = case.nearest(&query).await;
    assert_eq!(hits.len(), wanted.min(10), "{} {:?}", case.name, query.filter);
    for hit in hits {
        let point = points.iter().find(|point| point.id == hit.id).unwrap();
        assert!(expect(point), "{} {:?}", case.name, query.filter);
    }
}

fn state(point: &Point) -> &str {
    point.payload["state"].as_str().unwrap()
}

fn number(point: &Point) -> i64 {
    point.payload["number"].as_i64().unwrap()
}

fn is_vip(point: &Point) -> bool {
    point.payload["tags"].as_array().unwrap().contains(&json!("vip"))
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_compared_as_a_whole() {
    for case in cases("values_are_compared_as_a_whole").await {
        let all = points(1_200);
        case.fill(&all).await;
        let is = |field: &str, value: &str| Filter::all([Condition::is(field, value)]);
        check(&case, &all, is("state", "closed for good"), |p| {
            state(p) == "closed for good"
        })
        .await;
        check(&case, &all, is("tags", "vip"), is_vip).await;
        check(&case, &all, Filter::all([Condition::is("number", 17)]), |p| {
            number(p) == 17
        })
        .await;
        let one_of = Filter::all([Condition::one_of("state", ["new", "open"])]);
        check(&case, &all, one_of, |p| ["new", "open"].contains(&state(p))).await;
        let no_value = Filter::all([Condition::one_of("state", Vec::<String>::new())]);
        assert_eq!(case.count(&no_value).await, 0, "{}", case.name);
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_condition_must_hold() {
    for case in cases("every_condition_must_hold").await {
        let all = points(1_200);
        case.fill(&all).await;
        let both = [Condition::is("language", "es"), Condition::is("tags", "vip")];
        check(&case, &all, Filter::all(both), |p| {
            p.language.as_deref() == Some("es") && is_vip(p)
        })
        .await;
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_cannot_be_answered_is_refused_by_name() {
    for case in cases("a_filter_that_cannot_be_answered_is_refused_by_name").await {
        let unknown = Filter::all([Condition::is("mood", "sad")]);
        let error = case.search.count(TICKETS, &unknown).await.unwrap_err();
        assert!(
            matches!(&error, Error::UnknownField { field, .. } if field == "mood"),
            "{error:?}"
        );
        assert_eq!(error.fault(), Fault::Caller);
        let kind = Filter::all([Condition::is("number", "seven")]);
        let error = case.search.count(TICKETS, &kind).await.unwrap_err();
        assert!(matches!(error, Error::FieldKind { .. }), "{error:?}");
        case.end().await;
    }
}
