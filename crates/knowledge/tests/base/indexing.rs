//! The index of passages and the rows that speak of it: written side by side, and at one again whatever comes between.

use std::sync::Arc;
use std::time::Duration;

use desk::{ArticlePatch, NewArticle};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::shelf::{PASSAGES, POISON, Shelf, actor, fields};

/// Name of the turn to build the index anew.
const TURN: &str = "knowledge.reindex.turn";

#[tokio::test]
async fn a_rebuild_that_is_cut_short_leaves_rows_that_speak_of_the_index_that_serves() {
    let shelf = Shelf::new().await;
    let articles = shelf.indexed(5).await;
    let before = shelf.rows(&articles[0]).await;
    let other = shelf.cut_to(60).await;
    let some = Notify::new();
    tokio::select! {
        _ = other.reindex(|held| if held > 10 { some.notify_one() }) => panic!("it was not cut short"),
        () = some.notified() => {}
    }
    assert_eq!(shelf.rows(&articles[0]).await, before);
    shelf.is_at_one().await;
}

#[tokio::test]
async fn a_rebuild_that_cuts_articles_anew_ends_with_rows_that_speak_of_the_new_index() {
    let shelf = Shelf::new().await;
    let articles = shelf.indexed(3).await;
    let before = shelf.rows(&articles[0]).await;
    let waiting = shelf.write("Written a moment ago").await;
    let other = shelf.cut_to(60).await;
    let held = other.reindex(|_| {}).await.expect("rebuilt");
    assert_ne!(shelf.rows(&articles[0]).await, before, "cut anew");
    assert!(!shelf.rows(&waiting).await.is_empty());
    shelf.is_at_one().await;
    assert_eq!(held as usize, shelf.held().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_article_written_during_a_rebuild_is_in_the_index_before_its_end() {
    let shelf = Shelf::new().await;
    let articles = shelf.indexed(200).await;
    let begun = Arc::new(Notify::new());
    let (rebuilt, told) = (Arc::clone(&shelf.knowledge), Arc::clone(&begun));
    let rebuild = tokio::spawn(async move { rebuilt.reindex(|_| told.notify_one()).await });
    begun.notified().await;
    let article = shelf.knowledge.create(fields("Box"), &actor()).await;
    let article = article.expect("an article");
    shelf.change(&articles[0], "The lamp is green.").await;
    shelf.sweep().await;
    assert!(!rebuild.is_finished(), "it ended before anything was written");
    assert!(!shelf.rows(&article).await.is_empty(), "it waited for the rebuild");
    rebuild.await.expect("a task").expect("rebuilt");
    shelf.is_at_one().await;
}

#[tokio::test]
async fn a_version_that_is_no_longer_the_latest_leaves_nothing_in_the_index() {
    let shelf = Shelf::new().await;
    let first = shelf.write("Lamp").await;
    let second = shelf.change(&first, "The lamp is red.").await;
    assert!(!shelf.knowledge.index_article(&first).await.expect("answered"));
    assert_eq!(shelf.held().await, 0);
    assert!(shelf.knowledge.index_article(&second).await.expect("answered"));
    shelf.is_at_one().await;

    // What the latest version says too stays, though its rows are not there yet.
    let third = shelf
        .change(&second, "The lamp is red.\n\n## More\n\nThe box is green.")
        .await;
    shelf
        .change(
            &third,
            "The lamp is red.\n\n## More\n\nThe box is green.\n\n## Less\n\nRed.",
        )
        .await;
    assert!(!shelf.knowledge.index_article(&third).await.expect("answered"));
    assert_eq!(shelf.held().await, 2);
    shelf.sweep().await;
    shelf.is_at_one().await;
}

#[tokio::test]
async fn an_article_waits_until_the_index_has_let_go_of_what_it_no_longer_says() {
    let shelf = Shelf::new().await;
    let article = shelf.indexed(1).await.remove(0);
    let before = shelf.rows(&article).await;
    let put_away = ArticlePatch {
        archived: Some(true),
        ..ArticlePatch::default()
    };
    let put_away = shelf.store.update_article(article.id, None, put_away, &actor()).await;
    let put_away = put_away.expect("changed").expect("there");
    shelf.lose_index();
    // What is put away has no passages: only the deletion fails.
    shelf.knowledge.index_article(&put_away).await.expect_err("no index");
    let waiting = shelf.store.articles_to_index(10).await.expect("articles");
    assert_eq!(waiting, [put_away]);
    assert_eq!(shelf.rows(&article).await, before, "they name what is to be deleted");
    shelf.knowledge.keep_up().await.expect("indexed");
    shelf.is_at_one().await;
}

#[tokio::test]
async fn passages_that_no_row_names_are_cleared_away_when_nothing_waits() {
    let shelf = Shelf::new().await;
    let left = shelf.indexed(2).await.remove(0);
    let recorded = shelf.store.record_passages(left.id, left.version, &[]).await;
    assert!(recorded.expect("recorded"));
    shelf.write("Written a moment ago").await;
    assert!(!shelf.knowledge.mend().await.expect("looked at"), "they may be its own");
    shelf.sweep().await;
    assert!(shelf.knowledge.mend().await.expect("mended"));
    shelf.is_at_one().await;
}

#[tokio::test]
async fn what_the_index_lost_is_embedded_again_whatever_the_rows_say() {
    let shelf = Shelf::new().await;
    let articles = shelf.indexed(2).await;
    let lost: Vec<Uuid> = shelf.rows(&articles[0]).await.into_iter().collect();
    shelf.search.delete(PASSAGES, &lost).await.expect("deleted");
    shelf.store.index_again(&[articles[0].id]).await.expect("waiting");
    shelf.sweep().await;
    shelf.is_at_one().await;
}

#[tokio::test]
async fn a_passage_that_the_encoder_cannot_take_keeps_nothing_else_out() {
    let shelf = Shelf::new().await;
    let body = format!("## One\n\nThe red lamp.\n\n## Two\n\nThe {POISON}.\n\n## Three\n\nThe green box.");
    let partly = shelf.keep(NewArticle::draft("Lamp", body)).await;
    let wholly = shelf
        .keep(NewArticle::draft(format!("The {POISON}"), "The red lamp."))
        .await;
    let behind = shelf.write("Behind them").await;
    shelf.sweep().await;
    assert_eq!(shelf.rows(&partly).await.len(), 2);
    assert!(shelf.rows(&wholly).await.is_empty());
    assert!(!shelf.rows(&behind).await.is_empty());
    shelf.is_at_one().await;

    let held = shelf.held().await;
    assert_eq!(shelf.knowledge.reindex(|_| {}).await.expect("rebuilt"), held as u64);
    shelf.is_at_one().await;
    assert!(!shelf.knowledge.mend().await.expect("looked at"), "nothing is lost");
}

#[tokio::test]
async fn an_index_that_lost_passages_is_built_anew_by_one_server_at_a_time() {
    let shelf = Shelf::new().await;
    let articles = shelf.indexed(2).await;
    let lost: Vec<Uuid> = shelf.rows(&articles[0]).await.into_iter().collect();
    shelf.search.delete(PASSAGES, &lost).await.expect("deleted");
    let lease = Duration::from_secs(3_600);
    let another = shelf.store.begin_turn(TURN, lease).await.expect("stored");
    let mending = async { shelf.knowledge.mend().await.expect("looked at") };
    let mended = another.expect("free").hold(mending).await;
    assert_eq!(mended, Some(false), "another server is at it");

    assert!(shelf.knowledge.mend().await.expect("mended"));
    shelf.is_at_one().await;
    assert!(!shelf.knowledge.mend().await.expect("looked at"));
    assert!(
        shelf.store.take_turn(TURN, lease).await.expect("stored"),
        "it was given back"
    );
}
