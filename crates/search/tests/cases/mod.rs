//! The backends a contract test runs on.

use search::{Backend, CollectionSpec, Field, FieldKind, Filter, Hit, Point, Query, Search, SearchConfig};
use tempfile::TempDir;
use uuid::Uuid;

use crate::corpus::DIMENSIONS;

/// The collection every test starts with.
pub const TICKETS: &str = "tickets";

/// A backend with the empty collection [`TICKETS`], and what must live as long as it.
pub struct Case {
    pub name: &'static str,
    pub search: Search,
    pub folder: TempDir,
}

/// What [`TICKETS`] is.
pub fn spec() -> CollectionSpec {
    CollectionSpec::new(TICKETS, DIMENSIONS)
        .with_titles()
        .with_field(Field::new("state", FieldKind::Keyword))
        .with_field(Field::new("tags", FieldKind::Keyword))
        .with_field(Field::new("language", FieldKind::Keyword))
        .with_field(Field::new("number", FieldKind::Integer))
}

/// Edge always, the server at `DESK_TEST_QDRANT_URL` where that is set.
pub async fn cases(test: &str) -> Vec<Case> {
    let mut cases = vec![edge().await];
    match std::env::var("DESK_TEST_QDRANT_URL") {
        Ok(url) => cases.push(server(&url, test).await),
        Err(_) => println!("skipped on a Qdrant server, DESK_TEST_QDRANT_URL is not set: {test}"),
    }
    cases
}

async fn edge() -> Case {
    let folder = TempDir::new().unwrap();
    let config = SearchConfig::edge(folder.path().join("search"));
    open("edge", config, folder).await
}

/// Names of its own for each test keep them apart on the server.
async fn server(url: &str, test: &str) -> Case {
    let mut config = SearchConfig::server(url);
    if let Backend::Server(server) = &mut config.backend {
        server.prefix = format!("test_{}_", Uuid::new_v4().simple());
        server.timeout_ms = 120_000;
    }
    let case = open("server", config, TempDir::new().unwrap()).await;
    println!("runs on the Qdrant server as well: {test}");
    case
}

async fn open(name: &'static str, config: SearchConfig, folder: TempDir) -> Case {
    let search = Search::open(config).await.unwrap();
    search.ensure(&spec()).await.unwrap();
    Case { name, search, folder }
}

impl Case {
    pub async fn fill(&self, points: &[Point]) {
        self.search.upsert(TICKETS, points).await.unwrap();
    }

    pub async fn nearest(&self, query: &Query) -> Vec<Hit> {
        self.search.nearest(TICKETS, query).await.unwrap()
    }

    pub async fn count(&self, filter: &Filter) -> usize {
        self.search.count(TICKETS, filter).await.unwrap()
    }

    pub async fn total(&self) -> usize {
        self.count(&Filter::default()).await
    }

    /// Leaves nothing on a server.
    pub async fn end(self) {
        self.search.drop_collection(TICKETS).await.unwrap();
    }
}

/// The ids of the hits, in their order.
pub fn ids(hits: &[Hit]) -> Vec<Uuid> {
    hits.iter().map(|hit| hit.id).collect()
}
