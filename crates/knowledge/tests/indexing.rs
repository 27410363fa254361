//! The index of passages and the rows that speak of it: written side by side, and at one again whatever comes between.
#![allow(clippy::unwrap_used, reason = "the tiny encoder is shared with another suite")]

#[path = "../../encoder/tests/tiny/mod.rs"]
mod tiny;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use desk::{Actor, Article, ArticlePatch, NewArticle};
use encoder::Encoder;
use knowledge::{Answerability, Config, Knowledge, Weights};
use search::{Filter, Search, SearchConfig};
use store::{DataFolder, Store, StoreConfig};
use tempfile::TempDir;
use tiny::{Tiny, Tokenizer};
use tokio::sync::Notify;
use uuid::Uuid;

/// The collection under test.
const PASSAGES: &str = "passages";

/// A knowledge base with an index and a database of its own.
struct Shelf {
    store: Store,
    search: Search,
    encoder: Encoder,
    knowledge: Arc<Knowledge>,
    /// Deleted last, when nothing writes into it any more.
    _scratch: TempDir,
}

impl Shelf {
    async fn new() -> Self {
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let url = DataFolder::database_url(scratch.path());
        let store = Store::open(&StoreConfig::new(url)).await.expect("a store");
        let search = Search::open(SearchConfig::edge(scratch.path().join("index"))).await;
        let search = search.expect("an index");
        let model = Tiny::new(Tokenizer::WordPiece, "mean").write();
        let encoder = Encoder::open(model.path(), encoder::Config::default()).expect("an encoder");
        let knowledge = open(&store, &search, &encoder, 200).await;
        Shelf {
            store,
            search,
            encoder,
            knowledge,
            _scratch: scratch,
        }
    }

    /// The same where passages are cut to another length, as by a newer program.
    async fn cut_to(&self, passage_tokens: usize) -> Arc<Knowledge> {
        open(&self.store, &self.search, &self.encoder, passage_tokens).await
    }

    async fn write(&self, title: &str) -> Article {
        let article = self.store.create_article(fields(title), &actor()).await;
        article.expect("an article")
    }

    async fn indexed(&self, titles: usize) -> Vec<Article> {
        let mut articles = Vec::new();
        for at in 0..titles {
            articles.push(self.write(&format!("Lamp {at}")).await);
        }
        while self.knowledge.sweep().await.expect("indexed") > 0 {}
        articles
    }

    async fn change(&self, article: &Article, body: &str) -> Article {
        let patch = ArticlePatch {
            body: Some(body.to_owned()),
            ..ArticlePatch::default()
        };
        let changed = self.store.update_article(article.id, None, patch, &actor()).await;
        changed.expect("changed").expect("there")
    }

    async fn rows(&self, article: &Article) -> BTreeSet<Uuid> {
        let rows = self.store.passages_of(article.id).await.expect("rows");
        rows.iter().map(|passage| passage.id).collect()
    }

    /// Checks that the index holds exactly what the rows name, and that nothing waits.
    async fn is_at_one(&self) {
        let waiting = self.store.articles_to_index(1).await.expect("articles");
        assert!(waiting.is_empty(), "{waiting:?}");
        let mut named = Vec::new();
        for article in self.store.articles_after(None, 1_000).await.expect("articles") {
            named.extend(self.rows(&article).await);
        }
        let stored = self.search.stored(PASSAGES, &named).await.expect("points");
        assert_eq!(stored.len(), named.len(), "the index lacks what rows name");
        assert_eq!(self.held().await, named.len(), "the index holds what no row names");
    }

    async fn held(&self) -> usize {
        let held = self.search.count(PASSAGES, &Filter::default()).await;
        held.expect("a number")
    }
}

async fn open(store: &Store, search: &Search, encoder: &Encoder, passage_tokens: usize) -> Arc<Knowledge> {
    let config = Config {
        passage_tokens,
        ..Config::default()
    };
    let answerability = Answerability {
        revision: String::new(),
        threshold: 0.5,
        ceiling: 1.0,
        by_language: BTreeMap::new(),
        otherwise: Weights::default(),
    };
    let knowledge = Knowledge::open(config, store.clone(), search.clone(), encoder.clone(), answerability).await;
    knowledge.expect("a knowledge base")
}

fn actor() -> Actor {
    Actor::operator("test")
}

/// Long enough that how it is cut depends on the length of a passage.
fn fields(title: &str) -> NewArticle {
    let body = format!("## {title}\n\n{}", "The red lamp is in the green box.\n\n".repeat(20));
    NewArticle::draft(title, body)
}

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
    while shelf.knowledge.sweep().await.expect("indexed") > 0 {}
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
    while shelf.knowledge.sweep().await.expect("indexed") > 0 {}
    shelf.is_at_one().await;
}

#[tokio::test]
async fn what_the_index_lost_is_embedded_again_whatever_the_rows_say() {
    let shelf = Shelf::new().await;
    let articles = shelf.indexed(2).await;
    let lost: Vec<Uuid> = shelf.rows(&articles[0]).await.into_iter().collect();
    shelf.search.delete(PASSAGES, &lost).await.expect("deleted");
    shelf.store.index_again(&[articles[0].id]).await.expect("waiting");
    while shelf.knowledge.sweep().await.expect("indexed") > 0 {}
    shelf.is_at_one().await;
}
