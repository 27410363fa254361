//! A small knowledge base to test.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use desk::{Actor, Article, ArticlePatch, NewArticle};
use encoder::Encoder;
use knowledge::{Answerability, Config, Knowledge, Weights};
use search::{Filter, Search, SearchConfig};
use store::{DataFolder, Store, StoreConfig};
use tempfile::TempDir;
use uuid::Uuid;

use crate::tiny::{Tiny, Tokenizer};

/// The collection under test.
pub const PASSAGES: &str = "passages";
/// A word that no text can be embedded with.
pub const POISON: &str = "passage";
const POISON_ID: usize = 9;

/// A knowledge base with an index and a database of its own.
pub struct Shelf {
    pub store: Store,
    pub search: Search,
    encoder: Encoder,
    pub knowledge: Arc<Knowledge>,
    /// Deleted last, when nothing writes into it any more.
    scratch: TempDir,
}

impl Shelf {
    pub async fn new() -> Self {
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let url = DataFolder::database_url(scratch.path());
        let store = Store::open(&StoreConfig::new(url)).await.expect("a store");
        let search = Search::open(SearchConfig::edge(scratch.path().join("index"))).await;
        let search = search.expect("an index");
        let model = poisoned().write();
        let encoder = Encoder::open(model.path(), encoder::Config::default()).expect("an encoder");
        let knowledge = open(&store, &search, &encoder, 200).await;
        Shelf {
            store,
            search,
            encoder,
            knowledge,
            scratch,
        }
    }

    /// The same where passages are cut to another length, as by a newer program.
    pub async fn cut_to(&self, passage_tokens: usize) -> Arc<Knowledge> {
        open(&self.store, &self.search, &self.encoder, passage_tokens).await
    }

    pub async fn write(&self, title: &str) -> Article {
        self.keep(fields(title)).await
    }

    pub async fn keep(&self, fields: NewArticle) -> Article {
        let article = self.store.create_article(fields, &actor()).await;
        article.expect("an article")
    }

    pub async fn indexed(&self, titles: usize) -> Vec<Article> {
        let mut articles = Vec::new();
        for at in 0..titles {
            articles.push(self.write(&format!("Lamp {at}")).await);
        }
        self.sweep().await;
        articles
    }

    pub async fn sweep(&self) {
        while self.knowledge.sweep().await.expect("indexed") > 0 {}
    }

    pub async fn change(&self, article: &Article, body: &str) -> Article {
        let patch = ArticlePatch {
            body: Some(body.to_owned()),
            ..ArticlePatch::default()
        };
        let changed = self.store.update_article(article.id, None, patch, &actor()).await;
        changed.expect("changed").expect("there")
    }

    pub async fn rows(&self, article: &Article) -> BTreeSet<Uuid> {
        let rows = self.store.passages_of(article.id).await.expect("rows");
        rows.iter().map(|passage| passage.id).collect()
    }

    /// Checks that the index holds exactly what the rows name, and that nothing waits.
    pub async fn is_at_one(&self) {
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

    /// Deletes the index's files under whoever has it open.
    pub fn lose_index(&self) {
        std::fs::remove_dir_all(self.scratch.path().join("index").join(PASSAGES)).expect("an index");
    }

    pub async fn held(&self) -> usize {
        let held = self.search.count(PASSAGES, &Filter::default()).await;
        held.expect("a number")
    }
}

/// A tiny model one word of which has no number for a vector.
fn poisoned() -> Tiny {
    let mut tiny = Tiny::new(Tokenizer::WordPiece, "mean");
    let words = tiny.tensors.get_mut("embeddings.word_embeddings.weight");
    let (shape, words) = words.expect("vectors of words");
    let hidden = shape[1];
    words[POISON_ID * hidden..][..hidden].fill(f32::MAX);
    tiny
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

pub fn actor() -> Actor {
    Actor::operator("test")
}

/// Long enough that how it is cut depends on the length of a passage.
pub fn fields(title: &str) -> NewArticle {
    let body = format!("## {title}\n\n{}", "The red lamp is in the green box.\n\n".repeat(20));
    NewArticle::draft(title, body)
}
