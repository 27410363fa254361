//! Exact things are found exactly and small typos lose nothing, on both backends.

use search::{Point, Query};
use uuid::Uuid;

use crate::cases::{Case, TICKETS, cases, ids};
use crate::corpus::{point, points, query, vector};

/// A typed query without a vector that would help it: the vector is of other words.
fn typed(text: &str, language: Option<&str>) -> Query {
    Query {
        vector: Some(vector("something else altogether")),
        text: Some(text.to_owned()),
        language: language.map(str::to_owned),
        limit: 10,
        ..Query::default()
    }
}

const WANTED: u128 = 9_001;

/// 300 points and one with this text.
async fn fill_around(case: &Case, text: &str, language: &str) {
    case.fill(&points(300)).await;
    case.fill(&[point(WANTED, text, language)]).await;
}

/// Every query finds the text first.
async fn check(test: &str, text: &str, language: &str, queries: &[&str]) {
    for case in cases(test).await {
        fill_around(&case, text, language).await;
        for query in queries {
            for language in [Some(language), None] {
                let hits = case.nearest(&typed(query, language)).await;
                assert_eq!(
                    hits[0].id,
                    Uuid::from_u128(WANTED),
                    "{}: {query} {language:?}",
                    case.name
                );
            }
        }
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_number_is_found_however_it_is_written() {
    let text = "The invoice for order A-99817 was charged twice on order day";
    let queries = ["A-99817", "a99817", "order A-99817", "where is A99817?"];
    check("an_order_number", text, "en", &queries).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_code_is_found() {
    let text = "The printer fails with code ERR_4711 after the update";
    check("an_error_code", text, "en", &["ERR_4711", "err-4711", "code ERR 4711"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_article_number_is_found_in_spanish() {
    let text = "El repuesto SKU-77/B2 no cabe en la impresora";
    check(
        "an_article_number",
        text,
        "es",
        &["SKU-77/B2", "sku77b2", "el repuesto SKU-77/B2"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_typo_does_not_lose_it() {
    let text = "How to transfer a subscription to another mailbox";
    let queries = ["subscripton", "transfr subscription", "mailbx", "subscirption mailbox"];
    check("a_small_typo", text, "en", &queries).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accents_may_be_left_out() {
    let text = "Cómo pedir una devolución de la suscripción";
    let queries = ["devolucion", "suscripcion", "DEVOLUCIÓN", "suscripsión"];
    check("accents", text, "es", &queries).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quoted_phrase_comes_before_its_scattered_words() {
    let test = "a_quoted_phrase";
    for case in cases(test).await {
        let phrase = "When it is raining the window cannot be closed from outside any more";
        fill_around(&case, phrase, "en").await;
        let scattered: Vec<Point> = (9_100..9_120)
            .map(|id| point(id, "closed window cannot cannot closed window be cannot closed", "en"))
            .collect();
        case.fill(&scattered).await;
        let hits = case.nearest(&typed("\"window cannot be closed\"", Some("en"))).await;
        assert_eq!(hits[0].id, Uuid::from_u128(WANTED), "{}", case.name);
        assert_eq!((hits[0].exact, hits[1].exact), (1.0, 0.0), "{}", case.name);
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quoted_phrase_is_found_among_hundreds_that_have_a_part_of_it() {
    for case in cases("a_quoted_phrase_is_found_among_hundreds").await {
        let phrase = "When it is raining the window cannot be closed from outside any more";
        fill_around(&case, phrase, "en").await;
        for (from, part) in [(10_000, "window cannot"), (20_000, "cannot be"), (30_000, "be closed")] {
            let often = format!("{part} {part} {part}");
            let crowd: Vec<Point> = (from..from + 450).map(|id| point(id, &often, "en")).collect();
            case.fill(&crowd).await;
        }
        for asked in ["\"window cannot be closed\"", "outside \"Cannot be closed\""] {
            let hits = case.nearest(&typed(asked, Some("en"))).await;
            assert_eq!(hits[0].id, Uuid::from_u128(WANTED), "{}: {asked}", case.name);
            assert_eq!((hits[0].exact, hits[1].exact), (1.0, 0.0), "{}: {asked}", case.name);
        }
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quoted_phrase_that_hundreds_have_counts_for_each_of_them() {
    for case in cases("a_quoted_phrase_that_hundreds_have").await {
        case.fill(&points(300)).await;
        let crowd: Vec<Point> = (10_000..10_500)
            .map(|id| point(id, "please restart it", "en"))
            .collect();
        case.fill(&crowd).await;
        for asked in ["\"restart it\"", "\"restart\""] {
            let hits = case.nearest(&typed(asked, Some("en"))).await;
            assert!(hits.iter().all(|hit| hit.exact == 1.0), "{}: {asked}", case.name);
        }
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_many_have_is_no_code_that_must_be_found() {
    for case in cases("what_many_have_is_no_code").await {
        case.fill(&points(300)).await;
        let crowd: Vec<Point> = (10_000..10_200)
            .map(|id| point(id, "Runs on WIN10, asks for the 2FA within 24h", "en"))
            .collect();
        case.fill(&crowd).await;
        case.fill(&[point(WANTED, "It stops with E-4711 on WIN10", "en")]).await;
        for asked in ["WIN10", "2FA", "within 24h", "1st printer of 2024"] {
            let hits = case.nearest(&typed(asked, Some("en"))).await;
            assert!(hits.iter().all(|hit| hit.exact == 0.0), "{}: {asked}", case.name);
        }
        let hits = case.nearest(&typed("E-4711 on WIN10", Some("en"))).await;
        assert_eq!(hits[0].id, Uuid::from_u128(WANTED), "{}", case.name);
        assert_eq!((hits[0].exact, hits[1].exact), (1.0, 0.0), "{}", case.name);
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_code_of_a_list_is_found() {
    let text = "What to do about the errors TL-4410/TL-4411 of the printer";
    let queries = ["TL-4410", "tl4411", "TL-4410/TL-4411", "printer TL 4410 TL-4411"];
    check("each_code_of_a_list", text, "en", &queries).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_nobody_has_is_held_by_nobody() {
    for case in cases("a_code_that_nobody_has").await {
        fill_around(&case, "order A-99817", "en").await;
        for query in ["A-99818", "\"never ever written\"", "\"\"", "\"", "\"the\""] {
            let hits = case.nearest(&typed(query, Some("en"))).await;
            assert!(hits.iter().all(|hit| hit.exact == 0.0), "{}: {query}", case.name);
        }
        case.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_is_found_by_its_meaning() {
    for case in cases("a_title_is_found_by_its_meaning").await {
        let mut titled: Vec<Point> = points(60);
        for point in &mut titled {
            point.title_vector = Some(vector("general remarks"));
        }
        titled[7].title_vector = Some(vector("holiday opening hours"));
        case.fill(&titled).await;
        let mut asked = query("anything", "en");
        asked.vector = Some(vector("holiday opening hours"));
        let hits = case.nearest(&asked).await;
        assert_eq!(ids(&hits)[0], titled[7].id, "{}", case.name);
        assert!(hits[0].title.unwrap() > 0.999, "{}", case.name);
        asked.text = None;
        assert_eq!(case.nearest(&asked).await[0].title, None, "{}", case.name);
        asked.title_vector = Some(vec![1.0]);
        assert!(case.search.nearest(TICKETS, &asked).await.is_err(), "{}", case.name);
        case.end().await;
    }
}
