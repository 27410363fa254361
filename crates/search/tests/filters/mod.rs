//! The part of the contract that is about filters.

use search::{Condition, Error, Fault, Filter, Point};
use serde_json::json;
use time::macros::datetime;

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

fn between(field: &str, from: Option<f64>, to: Option<f64>) -> Filter {
    let field = field.to_owned();
    Filter::all([Condition::Between { field, from, to }])
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
        check(&case, &all, Filter::all([Condition::is("open", true)]), |p| {
            p.payload["open"] == true
        })
        .await;
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
async fn numbers_and_moments_are_compared_by_range() {
    for case in cases("numbers_and_moments_are_compared_by_range").await {
        let all = points(1_200);
        case.fill(&all).await;
        let tens = between("number", Some(10.0), Some(20.0));
        check(&case, &all, tens, |p| (10..=20).contains(&number(p))).await;
        let light = between("weight", None, Some(0.25));
        check(&case, &all, light, |p| p.payload["weight"].as_f64().unwrap() <= 0.25).await;
        let two_hours_short_of_a_day = Condition::During {
            field: "created_at".into(),
            from: Some(datetime!(2026-03-02 00:00 UTC)),
            until: Some(datetime!(2026-03-03 00:00 +02:00)),
        };
        check(&case, &all, Filter::all([two_hours_short_of_a_day]), |p| {
            let at = p.payload["created_at"].as_str().unwrap();
            ("2026-03-02T00:00:00Z".."2026-03-02T22:00:00Z").contains(&at)
        })
        .await;
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn phrases_are_found_word_beside_word() {
    for case in cases("phrases_are_found_word_beside_word").await {
        let all = points(1_200);
        case.fill(&all).await;
        let phrase = |text: &str| Filter::all([Condition::phrase("body", text)]);
        check(&case, &all, phrase("CHARGED twice"), |p| {
            p.text.contains("charged twice")
        })
        .await;
        check(&case, &all, phrase("N77"), |p| p.text.ends_with(" N77")).await;
        assert_eq!(case.count(&phrase("twice charged")).await, 0, "{}", case.name);
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_any_and_none_hold_together() {
    for case in cases("all_any_and_none_hold_together").await {
        let all = points(1_200);
        case.fill(&all).await;
        let filter = Filter {
            all: vec![Condition::is("language", "es")],
            any: vec![Condition::is("tags", "vip"), Condition::is("state", "new")],
            none: vec![Condition::is("state", "closed for good")],
        };
        let expect = |p: &Point| {
            let any = is_vip(p) || state(p) == "new";
            p.language.as_deref() == Some("es") && any && state(p) != "closed for good"
        };
        check(&case, &all, filter, expect).await;
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
