//! What every backend must do alike: run over Qdrant Edge always, and over the Qdrant server at
//! `DESK_TEST_QDRANT_URL` (its gRPC address) where that is set.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cases;
mod corpus;
mod exact;
mod filters;

use search::{CollectionSpec, Condition, Error, Fault, Field, FieldKind, Filter, Hit, Point, Query, Rebuild, Search};
use search::{SearchConfig, Snapshot};
use serde_json::json;
use tokio::sync::Notify;
use uuid::Uuid;

use cases::{TICKETS, cases, ids, spec};
use corpus::{DIMENSIONS, NAMES, point, points, query, rebuild, vector};

fn words(text: &str, language: Option<&str>) -> Query {
    Query {
        text: Some(text.to_owned()),
        language: language.map(Into::into),
        limit: 10,
        ..Query::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_comes_back_whole() {
    for case in cases("a_point_comes_back_whole").await {
        let mut stored = point(7, "The printer on floor 3 jams, error E-4711", "en");
        let deep = json!({"list": [1, "two", null, 2.5], "yes": true});
        stored.payload.insert("deep".into(), deep);
        case.fill(&[stored.clone()]).await;
        let hits = case.nearest(&query("printer jam", "en")).await;
        assert_eq!(hits.len(), 1, "{}", case.name);
        assert_eq!(hits[0].payload, stored.payload, "{}", case.name);
        assert!(hits[0].dense.is_some() && hits[0].sparse > Some(0.0), "{}", case.name);
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_vectors_are_read_back_by_id() {
    for case in cases("stored_vectors_are_read_back_by_id").await {
        let given = points(40);
        case.fill(&given).await;
        let wanted: Vec<Uuid> = given.iter().take(7).map(|point| point.id).collect();
        let ids = [wanted.clone(), vec![Uuid::from_u128(0xdead)]].concat();
        let mut stored = case.search.stored(TICKETS, &ids).await.unwrap();
        stored.sort_by_key(|stored| stored.id);
        assert_eq!(stored.len(), 7, "{}: unknown ids are passed over", case.name);
        for found in &stored {
            let point = given.iter().find(|point| point.id == found.id).unwrap();
            let length = point.vector.iter().map(|x| x * x).sum::<f32>().sqrt();
            let far = found.vector.iter().zip(&point.vector);
            let far = far.map(|(a, b)| (a - b / length).abs()).fold(0.0, f32::max);
            // Half floats are kept: eleven digits of a number below one.
            assert!(far < 2.5e-4, "{}: {far}", case.name);
            assert_eq!(found.payload, point.payload, "{}", case.name);
        }
        assert!(case.search.stored(TICKETS, &[]).await.unwrap().is_empty());
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_hundred_points_in_two_languages_are_found_by_words_and_by_meaning() {
    for case in cases("twelve_hundred_points_in_two_languages").await {
        let points = points(1_200);
        case.fill(&points).await;
        assert_eq!(case.total().await, 1_200);
        for wanted in points.iter().step_by(97) {
            let hits = case.nearest(&words(&wanted.text, wanted.language.as_deref())).await;
            assert_eq!(hits[0].id, wanted.id, "{} by words: {}", case.name, wanted.text);
            let by_meaning = Query {
                vector: Some(wanted.vector.clone()),
                limit: 3,
                ..Query::default()
            };
            let hit = &case.nearest(&by_meaning).await[0];
            assert_eq!(hit.id, wanted.id, "{} by meaning", case.name);
            assert!((hit.dense.unwrap() - 1.0).abs() < 1e-3, "{} {hit:?}", case.name);
        }
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hit_carries_both_scores_and_is_ordered_by_the_fused_one() {
    for case in cases("every_hit_carries_both_scores").await {
        case.fill(&points(1_200)).await;
        let mut both = query("factura cobrada dos veces", "es");
        both.limit = 40;
        let hits = case.nearest(&both).await;
        assert_eq!(hits.len(), 40, "{}", case.name);
        assert!(hits.is_sorted_by(|a, b| a.score >= b.score), "{}", case.name);
        let mut by_meaning = both.clone();
        (by_meaning.text, by_meaning.limit) = (None, 1_000);
        let alone = case.nearest(&by_meaning).await;
        for hit in &hits {
            assert!(hit.sparse.is_some(), "{} {hit:?}", case.name);
            if let Some(same) = alone.iter().find(|other| other.id == hit.id) {
                let apart = hit.dense.unwrap() - same.dense.unwrap();
                assert!(apart.abs() < 1e-4, "{} {hit:?} {same:?}", case.name);
            }
        }
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_stemmed_in_their_language_and_codes_found_in_any() {
    for case in cases("words_are_stemmed_in_their_language").await {
        case.fill(&[
            point(1, "Your invoices were wrong", "en"),
            point(2, "Las facturas llegaron mal", "es"),
            point(3, "Rechnungen stimmen nicht, Bestellung A-99817", "de"),
        ])
        .await;
        let found = async |text: &str, language| ids(&case.nearest(&words(text, language)).await);
        assert_eq!(found("invoice", Some("en")).await, [Uuid::from_u128(1)]);
        assert_eq!(found("factura", Some("es")).await, [Uuid::from_u128(2)]);
        assert_eq!(found("Rechnungen", Some("de")).await, [Uuid::from_u128(3)]);
        assert_eq!(found("factura", None).await, [Uuid::from_u128(2)]);
        for language in [Some("en"), Some("es"), Some("de"), None] {
            let order = found("order A-99817", language).await;
            assert_eq!(order, [Uuid::from_u128(3)], "{} {language:?}", case.name);
        }
        assert!(found("the of and", Some("en")).await.is_empty());
        assert!(found("?!… 🙂", None).await.is_empty());
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_without_words_left_is_answered_by_meaning() {
    for case in cases("a_query_without_words_left_is_answered_by_meaning").await {
        case.fill(&points(50)).await;
        let hits = case.nearest(&query("?", "en")).await;
        assert_eq!(hits.len(), 10);
        assert!(hits.iter().all(|hit| hit.sparse == Some(0.0)), "{}", case.name);
        assert!(hits.is_sorted_by(|a, b| a.dense >= b.dense), "{}", case.name);
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn excluded_points_are_never_found() {
    for case in cases("excluded_points_are_never_found").await {
        let points = points(200);
        case.fill(&points).await;
        let mut query = query(&points[6].text, "en");
        assert_eq!(case.nearest(&query).await[0].id, points[6].id, "{}", case.name);
        query.exclude = vec![points[6].id, points[7].id];
        query.limit = 200;
        let found = ids(&case.nearest(&query).await);
        assert_eq!(found.len(), 198, "{}", case.name);
        assert!(query.exclude.iter().all(|id| !found.contains(id)), "{}", case.name);
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_point_again_changes_nothing_and_another_replaces_it() {
    for case in cases("the_same_point_again_changes_nothing").await {
        let points = points(100);
        case.fill(&points).await;
        let before = case.nearest(&query("invoice", "en")).await;
        case.fill(&points).await;
        case.fill(&points[..10]).await;
        assert_eq!(case.total().await, 100);
        let after = case.nearest(&query("invoice", "en")).await;
        assert_eq!(ids(&after), ids(&before), "{}", case.name);
        let mut changed = point(3, "Zebra crossing", "en");
        changed.payload.remove("state");
        case.fill(&[changed.clone()]).await;
        let hits = case.nearest(&query("zebra", "en")).await;
        assert_eq!((hits[0].id, &hits[0].payload), (changed.id, &changed.payload));
        assert_eq!(case.total().await, 100);
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_points_are_gone_and_unknown_ids_passed_over() {
    for case in cases("deleted_points_are_gone").await {
        let points = points(100);
        case.fill(&points).await;
        let gone = [points[0].id, points[1].id, Uuid::new_v4()];
        case.search.delete(TICKETS, &gone).await.unwrap();
        case.search.delete(TICKETS, &gone).await.unwrap();
        case.search.delete(TICKETS, &[]).await.unwrap();
        assert_eq!(case.total().await, 98);
        let mut all = query(&points[0].text, "en");
        all.limit = 100;
        assert!(!ids(&case.nearest(&all).await).contains(&points[0].id), "{}", case.name);
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_serves_the_old_until_it_switches_and_keeps_what_came_meanwhile() {
    for case in cases("a_rebuild_serves_the_old_until_it_switches").await {
        case.fill(&points(60)).await;
        let newer = point(31, "A newer wording about zebras", "en");
        let fill = async |building: &Rebuild| {
            let second = rebuild(&case.search, TICKETS, []).await.unwrap_err();
            assert_eq!(second.fault(), Fault::Busy, "{second:?}");
            building.add(&points(30)).await?;
            assert_eq!(case.total().await, 60, "{}: the old one serves", case.name);

            case.fill(std::slice::from_ref(&newer)).await;
            case.search.delete(TICKETS, &[Uuid::from_u128(32)]).await?;
            building.add(&points(40)[30..]).await?;
            Ok::<_, Error>("filled")
        };
        assert_eq!(case.search.rebuild_with(TICKETS, fill).await.unwrap(), "filled");

        assert_eq!(case.total().await, 39, "{}: 40 without the deleted one", case.name);
        let hits = case.nearest(&query("zebras", "en")).await;
        assert_eq!(
            (hits[0].id, &hits[0].payload),
            (newer.id, &newer.payload),
            "{}",
            case.name
        );
        case.fill(&points(50)).await;
        assert_eq!(case.total().await, 50);
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_given_up_leaves_the_old_in_use() {
    for case in cases("a_rebuild_given_up_leaves_the_old_in_use").await {
        case.fill(&points(20)).await;
        let mut short = point(1, "short", "en");
        short.vector.pop();
        let error = rebuild(&case.search, TICKETS, [points(10), vec![short]]).await;
        let error = error.unwrap_err();
        assert!(matches!(error, Error::WrongDimensions { .. }), "{error:?}");
        assert_eq!(case.total().await, 20);
        let batches: Vec<_> = points(30).chunks(7).map(<[Point]>::to_vec).collect();
        rebuild(&case.search, TICKETS, batches).await.unwrap();
        assert_eq!(case.total().await, 30, "{}", case.name);
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_nobody_waits_for_any_more_stands_in_nobodys_way() {
    for case in cases("a_rebuild_that_nobody_waits_for_any_more").await {
        case.fill(&points(20)).await;
        let begun = Notify::new();
        let fill = async |building: &Rebuild| {
            building.add(&points(5)).await?;
            begun.notify_one();
            std::future::pending::<Result<(), Error>>().await
        };
        tokio::select! {
            _ = case.search.rebuild_with(TICKETS, fill) => panic!("it never ends"),
            () = begun.notified() => {}
        }
        case.fill(&points(25)).await;
        case.search.delete(TICKETS, &[Uuid::from_u128(3)]).await.unwrap();
        assert_eq!(case.total().await, 24, "{}: the old one serves", case.name);
        rebuild(&case.search, TICKETS, [points(30)]).await.unwrap();
        assert_eq!(case.total().await, 30, "{}", case.name);
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ensure_takes_new_fields_and_refuses_other_dimensions() {
    for case in cases("ensure_takes_new_fields_and_refuses_other_dimensions").await {
        let mut points = points(20);
        for point in &mut points {
            point.payload.insert("team".into(), json!("blue"));
        }
        case.fill(&points).await;
        case.search.ensure(&spec()).await.unwrap();
        let wider = spec().with_field(Field::new("team", FieldKind::Keyword));
        case.search.ensure(&wider).await.unwrap();
        let blue = Filter::all([Condition::is("team", "blue")]);
        assert_eq!(case.count(&blue).await, 20, "{}", case.name);

        let other = CollectionSpec::new(TICKETS, DIMENSIONS + 1);
        let error = case.search.ensure(&other).await.unwrap_err();
        let Error::DimensionsDiffer { stored, wanted, .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!((stored, wanted), (DIMENSIONS, DIMENSIONS + 1), "{}", case.name);
        case.search.drop_collection(TICKETS).await.unwrap();
        case.search.ensure(&other).await.unwrap();
        assert_eq!(case.total().await, 0, "{}", case.name);
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_calls_are_the_callers_fault() {
    for case in cases("bad_calls_are_the_callers_fault").await {
        let mut short = point(1, "short", "en");
        short.vector.pop();
        let mut infinite = point(2, "infinite", "en");
        infinite.vector[0] = f32::INFINITY;
        let mut greedy = words("x", None);
        greedy.limit = 100_000;
        let search = &case.search;
        let errors = [
            search.upsert(TICKETS, &[short]).await.unwrap_err(),
            search.upsert(TICKETS, &[infinite]).await.unwrap_err(),
            search.upsert("nowhere", &[point(1, "x", "en")]).await.unwrap_err(),
            search.nearest(TICKETS, &Query::default()).await.unwrap_err(),
            search.nearest(TICKETS, &greedy).await.unwrap_err(),
            search.delete("nowhere", &[Uuid::nil()]).await.unwrap_err(),
            search.ensure(&CollectionSpec::new("../evil", 3)).await.unwrap_err(),
            search.ensure(&CollectionSpec::new("empty", 0)).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.fault(), Fault::Caller, "{} {error:?}", case.name);
        }
        assert_eq!(case.total().await, 0);
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_and_strange_texts_are_taken() {
    for case in cases("long_and_strange_texts_are_taken").await {
        let long = "palabra distinta ".repeat(20_000);
        let texts = [
            "",
            "\u{0}",
            "🙂",
            "مرحبا بالعالم",
            "发票金额不对",
            "a",
            &long,
            "\u{202e}abc\u{7}",
        ];
        let points: Vec<Point> = (0..).zip(texts).map(|(i, text)| point(i, text, "xx")).collect();
        case.fill(&points).await;
        assert_eq!(case.total().await, texts.len());
        for text in texts {
            let hits = case.nearest(&query(text, "xx")).await;
            assert_eq!(hits.len(), texts.len(), "{} {text:.20}", case.name);
        }
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_and_writers_go_on_together() {
    for case in cases("readers_and_writers_go_on_together").await {
        let all = points(400);
        case.fill(&all[..100]).await;
        let writing = async {
            for chunk in all.chunks(50) {
                case.fill(chunk).await;
            }
        };
        let reading = async {
            for point in all.iter().step_by(10) {
                assert!(!case.nearest(&query(&point.text, "en")).await.is_empty());
            }
        };
        tokio::join!(writing, reading);
        assert_eq!(case.total().await, 400, "{}", case.name);
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_holds_what_was_there() {
    for case in cases("a_snapshot_holds_what_was_there").await {
        case.fill(&points(40)).await;
        let path = case.folder.path().join("snapshot");
        let snapshot = case.search.snapshot(TICKETS, &path).await.unwrap();
        case.fill(&points(60)).await;
        match snapshot {
            Snapshot::Folder(path) => {
                let copy = Search::open(SearchConfig::edge(&path)).await.unwrap();
                copy.ensure(&spec()).await.unwrap();
                assert_eq!(copy.count(TICKETS, &Filter::default()).await.unwrap(), 40);
                let again = case.search.snapshot(TICKETS, &path).await.unwrap_err();
                assert_eq!(again.fault(), Fault::Caller, "{again:?}");
            }
            Snapshot::OnServer { collection, name } => assert!(name.contains(&collection), "{name}"),
        }
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_there_is_healthy() {
    for case in cases("a_backend_that_is_there_is_healthy").await {
        case.search.healthy().await.unwrap();
        case.search.flush().await.unwrap();
        case.end().await;
    }
}

/// Both answers' scores, for the message of a failure.
fn scores(a: &[Hit], b: &[Hit]) -> Vec<String> {
    let line = |hit: &Hit| format!("{} {:?} {:?} {}", hit.id.as_u128(), hit.dense, hit.sparse, hit.score);
    a.iter()
        .zip(b)
        .map(|(a, b)| format!("{} | {}", line(a), line(b)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_backends_give_the_same_order() {
    let cases = cases("both_backends_give_the_same_order").await;
    for case in &cases {
        case.fill(&points(1_200)).await;
    }
    let texts = NAMES.map(|name| {
        [
            (format!("{name} charged twice"), "en"),
            (format!("{name} cobrada mal"), "es"),
        ]
    });
    for (text, language) in texts.as_flattened() {
        let mut query = query(text, language);
        query.vector = Some(vector(text));
        let expect = cases[0].nearest(&query).await;
        for case in &cases[1..] {
            let hits = case.nearest(&query).await;
            assert_eq!(ids(&hits), ids(&expect), "{text}: {:#?}", scores(&hits, &expect));
            for (a, b) in hits.iter().zip(&expect) {
                assert!(
                    (a.sparse.unwrap() - b.sparse.unwrap()).abs() < 1e-3,
                    "{text}: {a:?} {b:?}"
                );
                assert!(
                    (a.dense.unwrap() - b.dense.unwrap()).abs() < 1e-4,
                    "{text}: {a:?} {b:?}"
                );
            }
        }
    }
    for case in cases {
        case.end().await;
    }
}
