//! A Qdrant server or cluster, over gRPC.
//!
//! A collection `tickets` is an alias; the points are in a collection `tickets--<generation>`, so that a rebuild can
//! switch over at once. Nothing is called before it is needed: a server that is down makes single calls fail with
//! [`crate::Fault::Dependency`], and the first call after it is back succeeds. One that comes back without its
//! collections gets them again, empty, by the second call; filling them is up to the caller.

mod collection;
mod translate;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use qdrant_client::qdrant::{CountPointsBuilder, GetPointsBuilder, QueryBatchPointsBuilder};
use qdrant_client::{Qdrant, QdrantError};
use secrecy::ExposeSecret;
use uuid::Uuid;

use self::collection::Collection;
use crate::candidates::{Found, Lookup};
use crate::holder::Holder;
use crate::inquiry::Inquiry;
use crate::search::{Core, Prepared, Snapshot};
use crate::{CollectionSpec, Error, Filter, Hit, Payload, Query, ServerConfig, Stored};

/// Collections on a server that other processes may use too. Used through [`crate::Search`].
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    core: Core,
    client: Qdrant,
    prefix: String,
    collections: RwLock<HashMap<String, Arc<Collection>>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("prefix", &self.0.prefix)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Opens nothing yet: connections are made by the calls.
    pub(crate) fn open(core: Core, config: &ServerConfig) -> Result<Self, Error> {
        let timeout = Duration::from_millis(config.timeout_ms);
        let key = config.api_key.as_ref().map(|key| key.expose_secret().to_owned());
        let client = Qdrant::from_url(&config.url)
            .timeout(timeout)
            .connect_timeout(timeout)
            .api_key(key)
            .skip_compatibility_check()
            .build()
            .map_err(at("be addressed"))?;
        Ok(Self(Arc::new(Inner {
            core,
            client,
            prefix: config.prefix.clone(),
            collections: RwLock::default(),
        })))
    }

    pub(crate) fn core(&self) -> &Core {
        &self.0.core
    }

    pub(crate) fn spec(&self, name: &str) -> Result<CollectionSpec, Error> {
        self.known(name).map(|collection| collection.spec.clone())
    }

    /// Remembers the collection even when the server cannot be reached now.
    pub(crate) async fn ensure(&self, spec: &CollectionSpec) -> Result<bool, Error> {
        let collection = self.remember(spec);
        collection.make_ready(&self.0.client).await
    }

    pub(crate) async fn drop_collection(&self, name: &str) -> Result<(), Error> {
        CollectionSpec::new(name, 1).check()?;
        collection::drop_all(&self.0.client, &self.alias(name)).await?;
        let mut collections = self.0.collections.write().unwrap_or_else(PoisonError::into_inner);
        collections.remove(name);
        Ok(())
    }

    pub(crate) async fn upsert(&self, name: &str, points: Vec<Prepared>) -> Result<(), Error> {
        let collection = self.ready(name).await?;
        collection.note_outcome(collection.upsert(&self.0.client, points).await)
    }

    pub(crate) async fn delete(&self, name: &str, ids: &[Uuid]) -> Result<(), Error> {
        let collection = self.ready(name).await?;
        collection.note_outcome(collection.delete(&self.0.client, ids).await)
    }

    pub(crate) async fn nearest(&self, name: &str, query: &Query) -> Result<Vec<Hit>, Error> {
        let collection = self.ready(name).await?;
        let inquiry = Inquiry::new(&self.0.core, &collection.spec, query);
        let found = self.look_up(&collection, &inquiry.lookups()).await?;
        let completion = inquiry.found(found);
        let found = self.look_up(&collection, completion.lookups()).await?;
        let ranking = completion.found(found);
        let payloads = self.payloads(&collection, &ranking.ids()).await?;
        Ok(ranking.hits(payloads))
    }

    async fn look_up(&self, collection: &Collection, lookups: &[Lookup]) -> Result<Vec<Found>, Error> {
        if lookups.is_empty() {
            return Ok(Vec::new());
        }
        let queries: Vec<_> = lookups
            .iter()
            .map(|lookup| translate::query(&collection.alias, lookup))
            .collect();
        let batch = QueryBatchPointsBuilder::new(&collection.alias, queries);
        let answer = self.0.client.query_batch(batch).await;
        let answer = collection.note_outcome(answer.map_err(at("look up neighbours")))?;
        let found = answer.result.into_iter().map(|batch| {
            let points = batch.result.into_iter();
            points.filter_map(|p| Some((translate::uuid(p.id)?, p.score))).collect()
        });
        Ok(found.collect())
    }

    async fn payloads(&self, collection: &Collection, ids: &[Uuid]) -> Result<HashMap<Uuid, Payload>, Error> {
        let ids: Vec<_> = ids.iter().copied().map(translate::point_id).collect();
        let get = GetPointsBuilder::new(&collection.alias, ids).with_payload(true);
        let answer = self.0.client.get_points(get).await;
        let answer = collection.note_outcome(answer.map_err(at("read payloads")))?;
        let points = answer.result.into_iter();
        let pairs = points.filter_map(|p| Some((translate::uuid(p.id)?, translate::payload(p.payload))));
        Ok(pairs.collect())
    }

    pub(crate) async fn stored(&self, name: &str, ids: &[Uuid]) -> Result<Vec<Stored>, Error> {
        let collection = self.ready(name).await?;
        let ids: Vec<_> = ids.iter().copied().map(translate::point_id).collect();
        let get = GetPointsBuilder::new(&collection.alias, ids)
            .with_payload(true)
            .with_vectors(translate::dense_alone());
        let answer = self.0.client.get_points(get).await;
        let answer = collection.note_outcome(answer.map_err(at("read points")))?;
        Ok(answer.result.into_iter().filter_map(translate::stored).collect())
    }

    pub(crate) async fn count(&self, name: &str, filter: &Filter) -> Result<usize, Error> {
        let collection = self.ready(name).await?;
        let filter = translate::filter(filter, None);
        let count = CountPointsBuilder::new(&collection.alias).filter(filter).exact(true);
        let answer = self.0.client.count(count).await;
        let answer = collection.note_outcome(answer.map_err(at("count points")))?;
        let lacks = Error::ServerAnswer {
            act: "count points",
            lacks: "the count",
        };
        answer.result.map(|result| result.count as usize).ok_or(lacks)
    }

    pub(crate) async fn begin_rebuild(&self, name: &str) -> Result<Holder, Error> {
        let collection = self.ready(name).await?;
        collection.note_outcome(collection.begin_rebuild(&self.0.client).await)
    }

    pub(crate) async fn add_to_rebuild(&self, name: &str, id: Uuid, points: Vec<Prepared>) -> Result<(), Error> {
        let collection = self.known(name)?;
        collection.note_outcome(collection.add_to_rebuild(&self.0.client, id, points).await)
    }

    pub(crate) async fn finish_rebuild(&self, name: &str, holder: Holder) -> Result<(), Error> {
        let collection = self.known(name)?;
        collection.note_outcome(collection.finish_rebuild(&self.0.client, holder.id()).await)
    }

    pub(crate) async fn give_up_rebuild(&self, name: &str, holder: Holder) -> Result<(), Error> {
        self.known(name)?.give_up_rebuild(&self.0.client, holder.id()).await
    }

    pub(crate) async fn snapshot(&self, name: &str) -> Result<Snapshot, Error> {
        let collection = self.ready(name).await?;
        let physical = collection.note_outcome(collection.physical(&self.0.client).await)?;
        let act = "make a snapshot";
        let answer = self.0.client.create_snapshot(&physical).await;
        let answer = collection.note_outcome(answer.map_err(at(act)))?;
        let snapshot = answer.snapshot_description.ok_or(Error::ServerAnswer {
            act,
            lacks: "the snapshot",
        })?;
        Ok(Snapshot::OnServer {
            collection: physical,
            name: snapshot.name,
        })
    }

    pub(crate) async fn healthy(&self) -> Result<(), Error> {
        self.0
            .client
            .health_check()
            .await
            .map(drop)
            .map_err(at("say that it is well"))
    }

    fn alias(&self, name: &str) -> String {
        format!("{}{name}", self.0.prefix)
    }

    fn remember(&self, spec: &CollectionSpec) -> Arc<Collection> {
        let mut collections = self.0.collections.write().unwrap_or_else(PoisonError::into_inner);
        match collections.get(&spec.name) {
            Some(known) if known.spec == *spec => known.clone(),
            _ => {
                let new = Arc::new(Collection::new(self.alias(&spec.name), spec.clone()));
                collections.insert(spec.name.clone(), new.clone());
                new
            }
        }
    }

    fn known(&self, name: &str) -> Result<Arc<Collection>, Error> {
        let collections = self.0.collections.read().unwrap_or_else(PoisonError::into_inner);
        collections.get(name).cloned().ok_or_else(|| Error::UnknownCollection {
            collection: name.to_owned(),
        })
    }

    async fn ready(&self, name: &str) -> Result<Arc<Collection>, Error> {
        let collection = self.known(name)?;
        collection.make_ready(&self.0.client).await?;
        Ok(collection)
    }
}

/// Names the act in which the client failed.
fn at(act: &'static str) -> impl FnOnce(QdrantError) -> Error {
    move |source| Error::Server {
        act,
        source: Box::new(source),
    }
}
