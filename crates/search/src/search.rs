//! The public face: one set of calls over two backends.

use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::candidates::{By, Lookup};
use crate::exact::{Exact, PHRASE_DEPTH};
use crate::holder::Holder;
use crate::words::{ExactPart, SparseWords, Words};
use crate::{
    Backend, CollectionSpec, Edge, Error, Filter, FusionConfig, Hit, Payload, Point, Query, SearchConfig, Server,
    Stored, Weights,
};

/// What both backends share: the analysis of words and the rules of fusion.
#[derive(Debug)]
pub(crate) struct Core {
    words: Words,
    fusion: FusionConfig,
    candidates: usize,
}

/// A point ready to be stored by either backend.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub id: Uuid,
    pub dense: Vec<f32>,
    pub title: Option<Vec<f32>>,
    pub sparse: SparseWords,
    pub payload: Payload,
}

/// A cheap handle to all collections; clones share them.
#[derive(Clone, Debug)]
pub enum Search {
    /// Qdrant Edge in a folder that this process holds alone.
    Edge(Edge),
    /// A Qdrant server that several processes share.
    Server(Server),
}

/// Where a snapshot is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Snapshot {
    /// A data folder of its own, holding this one collection: open it with [`SearchConfig::edge`].
    Folder(PathBuf),
    /// A file the server keeps, named so in its snapshot folder.
    OnServer {
        /// The server's name of the collection.
        collection: String,
        /// The file.
        name: String,
    },
}

impl Search {
    /// Opens the backend; a server is not called yet, so that a process can start while it is down.
    ///
    /// **Errors** when the data folder is in use by another process or cannot be written.
    pub async fn open(config: SearchConfig) -> Result<Self, Error> {
        let core = Core {
            words: Words::new(config.fusion.forms)?,
            fusion: config.fusion,
            candidates: config.candidates,
        };
        match config.backend {
            Backend::Edge(edge) => Edge::open(core, edge).await.map(Self::Edge),
            Backend::Server(server) => Server::open(core, &server).map(Self::Server),
        }
    }

    /// Makes the collection where it is missing, adds indexes for new fields, and readies it for every other call. Whether
    /// it was not ready before: then it may lack what it held.
    ///
    /// **Errors** when the stored vectors have other dimensions. When a server is down the collection is remembered
    /// and made ready by the first call that reaches the server.
    pub async fn ensure(&self, spec: &CollectionSpec) -> Result<bool, Error> {
        spec.check()?;
        match self {
            Self::Edge(edge) => edge.ensure(spec).await,
            Self::Server(server) => server.ensure(spec).await,
        }
    }

    /// Whether the collection was ensured, so that other calls know it.
    pub fn knows(&self, collection: &str) -> bool {
        self.spec(collection).is_ok()
    }

    /// Deletes the collection and all its points; `ensure` then makes it anew. Nothing happens where there is none.
    pub async fn drop_collection(&self, collection: &str) -> Result<(), Error> {
        match self {
            Self::Edge(edge) => edge.drop_collection(collection).await,
            Self::Server(server) => server.drop_collection(collection).await,
        }
    }

    /// Stores the points, each replacing the one with its id. All of them are durable when this returns, and the
    /// same points again change nothing. Many points in one call cost little more than one.
    pub async fn upsert(&self, collection: &str, points: &[Point]) -> Result<(), Error> {
        let points = self.prepare(collection, points)?;
        match self {
            Self::Edge(edge) => edge.upsert(collection, points).await,
            Self::Server(server) => server.upsert(collection, points).await,
        }
    }

    /// As [`Search::upsert`], without waiting for the disk: found at once, durable after the next
    /// [`Search::flush`]. A Qdrant server keeps a log, so there they are durable as well.
    pub async fn upsert_unflushed(&self, collection: &str, points: &[Point]) -> Result<(), Error> {
        let points = self.prepare(collection, points)?;
        match self {
            Self::Edge(edge) => edge.upsert_unflushed(collection, points).await,
            Self::Server(server) => server.upsert(collection, points).await,
        }
    }

    /// The points that are most like the query, best first, with every score that was asked for.
    pub async fn nearest(&self, collection: &str, query: &Query) -> Result<Vec<Hit>, Error> {
        query.check(&self.spec(collection)?)?;
        if query.limit == 0 {
            return Ok(Vec::new());
        }
        match self {
            Self::Edge(edge) => edge.nearest(collection, query).await,
            Self::Server(server) => server.nearest(collection, query).await,
        }
    }

    /// What is stored of the points; ids that are not there are passed over.
    pub async fn stored(&self, collection: &str, ids: &[Uuid]) -> Result<Vec<Stored>, Error> {
        self.spec(collection)?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        match self {
            Self::Edge(edge) => edge.stored(collection, ids.to_vec()).await,
            Self::Server(server) => server.stored(collection, ids).await,
        }
    }

    /// Where a text has words of a query, by the analysis that finds it; each in its language where that is known.
    ///
    /// **Units:** bytes, rising.
    pub fn marks(
        &self,
        text: &str,
        text_language: Option<&str>,
        query: &str,
        query_language: Option<&str>,
    ) -> Vec<std::ops::Range<usize>> {
        crate::marks::marks(&self.core().words, text, text_language, query, query_language)
    }

    /// For each word of a query, each once and in their order, how much a text has it, 0 to 1, by the analysis that
    /// finds it; none for a word that tells nothing. Each text in its language where that is known. The same whatever
    /// else a collection holds.
    pub fn coverage(
        &self,
        query: &str,
        query_language: Option<&str>,
        text: &str,
        text_language: Option<&str>,
    ) -> Vec<Option<f32>> {
        crate::coverage::coverage(&self.core().words, query, query_language, text, text_language)
    }

    /// Deletes the points; ids that are not there are passed over.
    pub async fn delete(&self, collection: &str, ids: &[Uuid]) -> Result<(), Error> {
        self.spec(collection)?;
        if ids.is_empty() {
            return Ok(());
        }
        match self {
            Self::Edge(edge) => edge.delete(collection, ids.to_vec()).await,
            Self::Server(server) => server.delete(collection, ids).await,
        }
    }

    /// How many points pass the filter, exactly.
    pub async fn count(&self, collection: &str, filter: &Filter) -> Result<usize, Error> {
        filter.check(&self.spec(collection)?)?;
        match self {
            Self::Edge(edge) => edge.count(collection, filter.clone()).await,
            Self::Server(server) => server.count(collection, filter).await,
        }
    }

    /// Builds the collection anew beside the one in use, from what `fill` adds, and switches over at the end; what
    /// `fill` answers. Until then all queries are answered from the old points; what is upserted or deleted meanwhile
    /// through this `Search` (or a clone) goes to both and wins over what the rebuild adds. Where something fails, or
    /// the future is dropped, the old points stay in use and another rebuild may begin.
    ///
    /// On a server, other processes' writes meanwhile must be sent again, and the caller sees to it that no two
    /// processes rebuild a collection at once: each clears away what it takes for a leftover.
    ///
    /// **Errors** when one is under way already in this process; those of `fill`.
    pub async fn rebuild_with<T, E: From<Error>>(
        &self,
        collection: &str,
        fill: impl AsyncFnOnce(&Rebuild) -> Result<T, E>,
    ) -> Result<T, E> {
        let rebuild = self.begin_rebuild(collection).await?;
        match fill(&rebuild).await {
            Ok(filled) => {
                rebuild.finish().await?;
                Ok(filled)
            }
            Err(error) => {
                if let Err(left) = rebuild.give_up().await {
                    tracing::debug!(search.collection = collection, error = %left, "the next rebuild clears what is left of this one");
                }
                Err(error)
            }
        }
    }

    async fn begin_rebuild(&self, collection: &str) -> Result<Rebuild, Error> {
        self.spec(collection)?;
        let holder = match self {
            Self::Edge(edge) => edge.begin_rebuild(collection).await?,
            Self::Server(server) => server.begin_rebuild(collection).await?,
        };
        Ok(Rebuild {
            search: self.clone(),
            collection: collection.to_owned(),
            holder,
        })
    }

    /// Copies the collection as it is now: to the new folder `path` on Edge, into the server's own snapshot folder on
    /// a server (where `path` plays no part).
    pub async fn snapshot(&self, collection: &str, path: &Path) -> Result<Snapshot, Error> {
        self.spec(collection)?;
        match self {
            Self::Edge(edge) => edge.snapshot(collection, path).await,
            Self::Server(server) => server.snapshot(collection).await,
        }
    }

    /// Whether the backend is there and can be used.
    ///
    /// **Errors** say what is wrong; their fault is [`crate::Fault::Dependency`].
    pub async fn healthy(&self) -> Result<(), Error> {
        match self {
            Self::Edge(edge) => edge.healthy().await,
            Self::Server(server) => server.healthy().await,
        }
    }

    /// Writes everything to disk: what [`Search::upsert_unflushed`] stored is durable when this returns.
    pub async fn flush(&self) -> Result<(), Error> {
        match self {
            Self::Edge(edge) => edge.flush().await,
            Self::Server(_) => Ok(()),
        }
    }

    fn core(&self) -> &Core {
        match self {
            Self::Edge(edge) => edge.core(),
            Self::Server(server) => server.core(),
        }
    }

    fn spec(&self, collection: &str) -> Result<CollectionSpec, Error> {
        match self {
            Self::Edge(edge) => edge.spec(collection),
            Self::Server(server) => server.spec(collection),
        }
    }

    fn prepare(&self, collection: &str, points: &[Point]) -> Result<Vec<Prepared>, Error> {
        let spec = self.spec(collection)?;
        points.iter().map(|point| self.core().prepare(&spec, point)).collect()
    }
}

impl Core {
    fn prepare(&self, spec: &CollectionSpec, point: &Point) -> Result<Prepared, Error> {
        spec.check_vector(&point.vector, Some(point.id))?;
        if let Some(title) = &point.title_vector {
            spec.check_titles()?;
            spec.check_vector(title, Some(point.id))?;
        }
        Ok(Prepared {
            id: point.id,
            dense: point.vector.clone(),
            title: point.title_vector.clone(),
            sparse: self.words.document(&point.text, point.language.as_deref()),
            payload: point.payload.clone(),
        })
    }

    /// A lookup for each kind of likeness the query asks for and the collection has.
    pub(crate) fn lookups(&self, spec: &CollectionSpec, query: &Query) -> Vec<Lookup> {
        let dense = query.vector.clone().map(By::Dense);
        let sparse = query
            .text
            .as_deref()
            .map(|text| self.words.query(text, query.language.as_deref()))
            .filter(|words| !words.is_empty())
            .map(By::Sparse);
        // The title weighs in where meaning and words are fused; a query by its vector alone is by the text alone.
        let title = query.title_vector.as_ref().or(query.vector.as_ref());
        let title = title
            .filter(|_| spec.titles && dense.is_some() && query.text.is_some())
            .cloned();
        [dense, title.map(By::Title), sparse]
            .into_iter()
            .flatten()
            .map(|by| self.lookup(query, by))
            .collect()
    }

    /// The exact parts of the query, each with what it is looked up by.
    pub(crate) fn exact_parts(&self, query: &Query) -> Vec<Exact> {
        let text = query.text.as_deref().unwrap_or_default();
        let lookup = |words| self.lookup(query, By::Sparse(words));
        let exact = |part| match part {
            ExactPart::Code(code) => Exact::Code(lookup(code)),
            ExactPart::Phrase { whole, forms } => {
                let mut whole = lookup(whole);
                whole.limit *= PHRASE_DEPTH;
                Exact::Phrase { whole, forms }
            }
        };
        let parts = self.words.exact_parts(text, query.language.as_deref());
        parts.into_iter().map(exact).collect()
    }

    /// What the kinds of likeness weigh for this query.
    pub(crate) fn weights(&self, query: &Query) -> Weights {
        self.fusion
            .weights(query.language.as_deref(), query.title_vector.is_some())
    }

    /// What an exact part weighs.
    pub(crate) fn exact_weight(&self) -> f32 {
        self.fusion.exact
    }

    fn lookup(&self, query: &Query, by: By) -> Lookup {
        Lookup {
            by,
            filter: query.filter.clone(),
            exclude: query.exclude.clone(),
            only: None,
            limit: query.candidates.unwrap_or(self.candidates).max(2 * query.limit),
        }
    }
}

/// A collection in the making, within [`Search::rebuild_with`].
#[derive(Debug)]
pub struct Rebuild {
    search: Search,
    collection: String,
    /// Dropped with it, which gives the rebuild up.
    holder: Holder,
}

impl Rebuild {
    /// Adds points, except those written or deleted since the rebuild began, which are newer.
    pub async fn add(&self, points: &[Point]) -> Result<(), Error> {
        let points = self.search.prepare(&self.collection, points)?;
        let id = self.holder.id();
        match &self.search {
            Search::Edge(edge) => edge.add_to_rebuild(&self.collection, id, points).await,
            Search::Server(server) => server.add_to_rebuild(&self.collection, id, points).await,
        }
    }

    /// Switches over: from here on queries are answered from the new points, and the old ones are deleted.
    async fn finish(self) -> Result<(), Error> {
        match &self.search {
            Search::Edge(edge) => edge.finish_rebuild(&self.collection, self.holder).await,
            Search::Server(server) => server.finish_rebuild(&self.collection, self.holder).await,
        }
    }

    /// Deletes what was built; the old points stay in use.
    async fn give_up(self) -> Result<(), Error> {
        match &self.search {
            Search::Edge(edge) => edge.give_up_rebuild(&self.collection, self.holder).await,
            Search::Server(server) => server.give_up_rebuild(&self.collection, self.holder).await,
        }
    }
}
