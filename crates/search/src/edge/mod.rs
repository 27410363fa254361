//! Qdrant Edge inside this process; its blocking calls run on threads made for blocking.

mod collection;
mod folder;
mod gathering;
mod rebuild;
mod shard;
mod translate;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard};
use std::thread;
use std::time::Instant;

use tokio::task::spawn_blocking;
use uuid::Uuid;

use self::collection::Collection;
use self::folder::DataFolder;
use crate::holder::Holder;
use crate::inquiry::Inquiry;
use crate::search::{Core, Prepared, Snapshot};
use crate::{CollectionSpec, EdgeConfig, Error, Filter, Hit, Query, Stored};

/// Collections in a folder that this process holds alone. Used through [`crate::Search`].
#[derive(Clone, Debug)]
pub struct Edge(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    core: Core,
    /// Held by whoever opens a collection or drops one; those that are open serve meanwhile.
    opening: Mutex<()>,
    /// Closed before the folder is given free: whoever opens it next opens them.
    collections: RwLock<HashMap<String, Arc<Collection>>>,
    folder: DataFolder,
}

impl Edge {
    pub(crate) async fn open(core: Core, config: EdgeConfig) -> Result<Self, Error> {
        let open = move || DataFolder::open(&config.folder, config.free_bytes_min);
        Ok(Self(Arc::new(Inner {
            core,
            opening: Mutex::default(),
            collections: RwLock::default(),
            folder: spawn_blocking(open).await??,
        })))
    }

    pub(crate) fn core(&self) -> &Core {
        &self.0.core
    }

    pub(crate) fn spec(&self, name: &str) -> Result<CollectionSpec, Error> {
        self.0.collection(name).map(|collection| collection.spec())
    }

    pub(crate) async fn ensure(&self, spec: &CollectionSpec) -> Result<bool, Error> {
        let (inner, spec) = (self.0.clone(), spec.clone());
        spawn_blocking(move || inner.ensure(&spec)).await?
    }

    pub(crate) async fn drop_collection(&self, name: &str) -> Result<(), Error> {
        let (inner, name) = (self.0.clone(), name.to_owned());
        spawn_blocking(move || inner.drop_collection(&name)).await?
    }

    pub(crate) async fn upsert(&self, name: &str, points: Vec<Prepared>) -> Result<(), Error> {
        self.write(name, move |collection| collection.upsert(points)).await
    }

    pub(crate) async fn upsert_unflushed(&self, name: &str, points: Vec<Prepared>) -> Result<(), Error> {
        self.write(name, move |collection| collection.upsert_unflushed(points))
            .await
    }

    async fn write(
        &self,
        name: &str,
        call: impl FnOnce(&Collection) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        let (inner, collection) = (self.0.clone(), self.0.collection(name)?);
        spawn_blocking(move || {
            inner.folder.check_room()?;
            call(&collection)?;
            if collection.wants_graph()? {
                build_graph(inner, collection);
            }
            Ok(())
        })
        .await?
    }

    pub(crate) async fn delete(&self, name: &str, ids: Vec<Uuid>) -> Result<(), Error> {
        self.with(name, move |collection| collection.delete(&ids)).await
    }

    pub(crate) async fn nearest(&self, name: &str, query: &Query) -> Result<Vec<Hit>, Error> {
        let (inner, query) = (self.0.clone(), query.clone());
        self.with(name, move |collection| {
            let inquiry = Inquiry::new(&inner.core, &collection.spec(), &query);
            let found = collection.look_up(&inquiry.lookups())?;
            let completion = inquiry.found(found);
            let found = collection.look_up(completion.lookups())?;
            let ranking = completion.found(found);
            let payloads = collection.payloads(&ranking.ids())?;
            Ok(ranking.hits(payloads))
        })
        .await
    }

    pub(crate) async fn stored(&self, name: &str, ids: Vec<Uuid>) -> Result<Vec<Stored>, Error> {
        self.with(name, move |collection| collection.stored(&ids)).await
    }

    pub(crate) async fn count(&self, name: &str, filter: Filter) -> Result<usize, Error> {
        self.with(name, move |collection| collection.count(&filter)).await
    }

    pub(crate) async fn begin_rebuild(&self, name: &str) -> Result<Holder, Error> {
        let inner = self.0.clone();
        self.with(name, move |collection| {
            inner.folder.check_room()?;
            collection.begin_rebuild()
        })
        .await
    }

    pub(crate) async fn add_to_rebuild(&self, name: &str, id: Uuid, points: Vec<Prepared>) -> Result<(), Error> {
        let inner = self.0.clone();
        self.with(name, move |collection| {
            inner.folder.check_room()?;
            collection.add_to_rebuild(id, points)
        })
        .await
    }

    /// Goes on to its end even where nobody waits for it any more.
    pub(crate) async fn finish_rebuild(&self, name: &str, holder: Holder) -> Result<(), Error> {
        self.with(name, move |collection| collection.finish_rebuild(&holder))
            .await
    }

    pub(crate) async fn give_up_rebuild(&self, name: &str, holder: Holder) -> Result<(), Error> {
        self.with(name, move |collection| collection.give_up_rebuild(holder.id()))
            .await
    }

    pub(crate) async fn snapshot(&self, name: &str, path: &Path) -> Result<Snapshot, Error> {
        let path = path.to_owned();
        if path.exists() {
            return Err(Error::SnapshotExists { path });
        }
        let target = path.clone();
        self.with(name, move |collection| collection.snapshot(&target)).await?;
        Ok(Snapshot::Folder(path))
    }

    pub(crate) async fn healthy(&self) -> Result<(), Error> {
        self.with_all(Collection::check_folder).await?;
        let inner = self.0.clone();
        spawn_blocking(move || inner.folder.check_room()).await?
    }

    pub(crate) async fn flush(&self) -> Result<(), Error> {
        self.with_all(Collection::flush).await
    }

    async fn with<T: Send + 'static>(
        &self,
        name: &str,
        call: impl FnOnce(&Collection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let collection = self.0.collection(name)?;
        spawn_blocking(move || call(&collection)).await?
    }

    async fn with_all(&self, call: fn(&Collection) -> Result<(), Error>) -> Result<(), Error> {
        let all = self.0.all();
        spawn_blocking(move || all.iter().try_for_each(|collection| call(collection))).await?
    }
}

/// On a thread of its own, which holds the folder until it is done; nobody waits for it.
fn build_graph(inner: Arc<Inner>, collection: Arc<Collection>) {
    let build = move || {
        let name = collection.spec().name;
        let begun = Instant::now();
        match inner.folder.check_room().and_then(|()| collection.optimize()) {
            Ok(()) => {
                let seconds = begun.elapsed().as_secs_f64();
                tracing::info!(search.collection = name, seconds, "built the graph of the search index");
            }
            Err(Error::RebuildRunning { .. } | Error::RebuildGivenUp { .. }) => {}
            Err(error) => {
                tracing::warn!(search.collection = name, error = %error, "the search index has no new graph; searches read what has none");
            }
        }
        // In this order, as in `Inner`.
        drop(collection);
        drop(inner);
    };
    if let Err(error) = thread::Builder::new().name("search-graph".to_owned()).spawn(build) {
        tracing::warn!(error = %error, "no thread for the graph of the search index");
    }
}

impl Inner {
    fn collection(&self, name: &str) -> Result<Arc<Collection>, Error> {
        let collections = self.collections.read().unwrap_or_else(PoisonError::into_inner);
        collections.get(name).cloned().ok_or_else(|| Error::UnknownCollection {
            collection: name.to_owned(),
        })
    }

    fn all(&self) -> Vec<Arc<Collection>> {
        let collections = self.collections.read().unwrap_or_else(PoisonError::into_inner);
        collections.values().cloned().collect()
    }

    /// Opens or makes the collection once; one whose files were deleted meanwhile is made anew. Whether it did either.
    fn ensure(&self, spec: &CollectionSpec) -> Result<bool, Error> {
        let _turn = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(collection) = self.collection(&spec.name)
            && collection.check_folder().is_ok()
        {
            return collection.change(spec).map(|()| false);
        }
        self.folder.check_room()?;
        let collection = Collection::open(self.folder.collection(&spec.name), spec)?;
        // One whose files are gone is known until here: otherwise nobody would see that it is to be made anew.
        let gone = self.opened().insert(spec.name.clone(), Arc::new(collection));
        drop(gone);
        Ok(true)
    }

    fn drop_collection(&self, name: &str) -> Result<(), Error> {
        CollectionSpec::new(name, 1).check()?;
        let _turn = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = self.opened().remove(name);
        drop(dropped);
        folder::remove(&self.folder.collection(name))
    }

    /// Which collections are open, to be changed; not held while one is closed, which takes as long as the disk does.
    fn opened(&self) -> RwLockWriteGuard<'_, HashMap<String, Arc<Collection>>> {
        self.collections.write().unwrap_or_else(PoisonError::into_inner)
    }
}
