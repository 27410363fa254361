//! One Qdrant Edge shard: blocking calls, its panics turned into errors.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use qdrant_edge::{
    CountRequest, CreateIndex, Distance, EdgeConfig as ShardConfig, EdgeOptimizersConfig, EdgeShard,
    EdgeSparseVectorParams, EdgeVectorParams, FieldIndexOperations, HnswIndexConfig, Modifier, NamedQuery,
    OperationError, OperationResult, PointId, PointInsertOperations, PointOperations, PointStructPersisted, QueryEnum,
    QueryRequest, Record, ScoringQuery, ScrollRequest, SearchParams, SparseVector, UpdateOperation, VectorInternal,
    VectorStorageDatatype, WithPayloadInterface, WithVector,
};
use uuid::Uuid;

use super::{folder, translate};
use crate::candidates::{By, DENSE, Found, Lookup, SPARSE, TITLE};
use crate::search::Prepared;
use crate::{CollectionSpec, Error, Filter, Payload, Stored};

/// Points in one entry of the write-ahead log, which holds 32 MiB.
const POINTS_AT_ONCE: usize = 512;

/// Vectors that make a segment one with a graph when it is optimised; fewer are read one by one. **Units:** KiB.
const GRAPH_MIN_KIB: usize = 4_096;
/// Vectors that a graph is passed over for, where a filter or deletions leave no more. **Units:** KiB.
const READ_ALL_KIB: usize = 1_024;
/// Points a graph search keeps in view on its way: the more, the fewer it misses and the longer it takes.
const NEIGHBOURS_LOOKED_AT: usize = 200;
/// Segments are never merged: to make one graph of several costs as much as they all did.
const SEGMENTS_MAX: usize = 100_000;

/// An open shard. Readers share it; whoever writes must hold the collection's write lock, because Edge panics when
/// it is flushed while somebody writes.
#[derive(Debug)]
pub(super) struct Shard {
    collection: String,
    /// Taken out only when this is dropped.
    shard: Option<EdgeShard>,
    folder: PathBuf,
    /// Whether the folder is removed then.
    is_doomed: AtomicBool,
}

impl Shard {
    /// A new and empty shard in the empty folder `path`.
    pub(super) fn create(spec: &CollectionSpec, path: &Path) -> Result<Self, Error> {
        let config = shard_config(spec.dimensions);
        let shard = guarded("create a shard", &spec.name, || EdgeShard::new(path, config))?;
        let shard = Self::new(&spec.name, path, shard);
        shard.index_fields(spec)?;
        shard.flush()?;
        Ok(shard)
    }

    /// The shard that lies in `path`, its last moments before a crash repaired.
    pub(super) fn load(spec: &CollectionSpec, path: &Path) -> Result<Self, Error> {
        let shard = guarded("load a shard", &spec.name, || EdgeShard::load(path, None))?;
        let shard = Self::new(&spec.name, path, shard);
        shard.index_fields(spec)?;
        Ok(shard)
    }

    fn new(collection: &str, folder: &Path, shard: EdgeShard) -> Self {
        Self {
            collection: collection.to_owned(),
            shard: Some(shard),
            folder: folder.to_owned(),
            is_doomed: AtomicBool::new(false),
        }
    }

    /// Removes its folder as soon as nobody reads it or builds on it any more.
    pub(super) fn remove_after_use(&self) {
        self.is_doomed.store(true, Ordering::Release);
    }

    /// Gives every field of the spec its index where it has none yet.
    pub(super) fn index_fields(&self, spec: &CollectionSpec) -> Result<(), Error> {
        let indexed = self.guarded("read its state", |shard| Ok(shard.info().payload_schema))?;
        let indexed: Vec<String> = indexed.keys().map(ToString::to_string).collect();
        for field in spec.fields.iter().filter(|field| !indexed.contains(&field.name)) {
            let schema = translate::index(field.kind)?;
            self.guarded("index a field", |shard| {
                let field_name = field.name.parse().map_err(|()| bad_field(&field.name))?;
                let create = CreateIndex {
                    field_name,
                    field_schema: Some(schema),
                };
                shard.update(UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(
                    create,
                )))
            })?;
        }
        Ok(())
    }

    pub(super) fn upsert(&self, points: Vec<Prepared>) -> Result<(), Error> {
        self.insert(points.into_iter().map(translate::point))
    }

    /// Stores what another shard gave out.
    pub(super) fn insert(&self, points: impl Iterator<Item = PointStructPersisted>) -> Result<(), Error> {
        let mut points = points.peekable();
        while points.peek().is_some() {
            let batch = PointInsertOperations::PointsList(points.by_ref().take(POINTS_AT_ONCE).collect());
            self.write("store points", PointOperations::UpsertPoints(batch))?;
        }
        Ok(())
    }

    /// `limit` points as they are stored, in the order of their ids from `from` on, and the id that follows them.
    pub(super) fn page(
        &self,
        from: Option<PointId>,
        limit: usize,
    ) -> Result<(Vec<PointStructPersisted>, Option<PointId>), Error> {
        let request = ScrollRequest {
            offset: from,
            limit: Some(limit),
            filter: None,
            with_payload: Some(WithPayloadInterface::Bool(true)),
            with_vector: WithVector::Bool(true),
            order_by: None,
        };
        let (records, next) = self.guarded("read points", |shard| shard.scroll(request))?;
        let point = |record: Record| {
            Some(PointStructPersisted {
                id: record.id,
                vector: record.vector?.into(),
                payload: record.payload,
            })
        };
        Ok((records.into_iter().filter_map(point).collect(), next))
    }

    /// How many points there are, nearly: one written twice lately may count twice.
    pub(super) fn points(&self) -> Result<usize, Error> {
        self.guarded("count points", |shard| Ok(shard.info().points_count))
    }

    pub(super) fn delete(&self, ids: &[Uuid]) -> Result<(), Error> {
        let ids = ids.iter().copied().map(PointId::Uuid).collect();
        self.write("delete points", PointOperations::DeletePoints { ids })
    }

    fn write(&self, act: &'static str, operation: PointOperations) -> Result<(), Error> {
        self.guarded(act, |shard| shard.update(UpdateOperation::PointOperation(operation)))
    }

    /// Writes everything to disk. Edge does not replay its log when it loads, so what is not flushed is lost when
    /// the process is killed.
    pub(super) fn flush(&self) -> Result<(), Error> {
        self.guarded("write to disk", |shard| {
            shard.flush();
            Ok(())
        })
    }

    /// Builds graphs over large segments that have none; others may write meanwhile, but not flush.
    pub(super) fn optimize(&self) -> Result<(), Error> {
        self.guarded("optimise itself", |shard| shard.optimize()).map(drop)
    }

    pub(super) fn look_up(&self, lookup: &Lookup) -> Result<Found, Error> {
        let filter = translate::filter(&lookup.filter, lookup.only.as_deref())?;
        let params = SearchParams {
            hnsw_ef: Some(lookup.limit_with_excluded().max(NEIGHBOURS_LOOKED_AT)),
            ..SearchParams::default()
        };
        let request = QueryRequest {
            prefetches: Vec::new(),
            query: Some(ScoringQuery::Vector(nearest(&lookup.by))),
            filter,
            score_threshold: None,
            limit: lookup.limit_with_excluded(),
            offset: 0,
            params: Some(params),
            with_vector: WithVector::Bool(false),
            with_payload: WithPayloadInterface::Bool(false),
        };
        let points = self.guarded("look up neighbours", |shard| shard.query(request))?;
        let found = points
            .into_iter()
            .filter_map(|p| Some((translate::uuid(p.id)?, p.score)));
        Ok(found.collect())
    }

    pub(super) fn payloads(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Payload>, Error> {
        let ids: Vec<PointId> = ids.iter().copied().map(PointId::Uuid).collect();
        let whole = Some(WithPayloadInterface::Bool(true));
        let records = self.guarded("read payloads", |shard| shard.retrieve(&ids, whole, None))?;
        let payload = |payload: Option<qdrant_edge::Payload>| payload.map(|p| p.0).unwrap_or_default();
        let pairs = records
            .into_iter()
            .filter_map(|r| Some((translate::uuid(r.id)?, payload(r.payload))));
        Ok(pairs.collect())
    }

    pub(super) fn stored(&self, ids: &[Uuid]) -> Result<Vec<Stored>, Error> {
        let ids: Vec<PointId> = ids.iter().copied().map(PointId::Uuid).collect();
        let (payload, vector) = (
            Some(WithPayloadInterface::Bool(true)),
            Some(WithVector::Selector(vec![DENSE.into()])),
        );
        let records = self.guarded("read points", |shard| shard.retrieve(&ids, payload, vector))?;
        let stored = records.into_iter().filter_map(|record| {
            let VectorInternal::Dense(vector) = record.vector?.get(DENSE)?.to_owned() else {
                return None;
            };
            Some(Stored {
                id: translate::uuid(record.id)?,
                vector,
                payload: record.payload.map(|payload| payload.0).unwrap_or_default(),
            })
        });
        Ok(stored.collect())
    }

    pub(super) fn count(&self, filter: &Filter) -> Result<usize, Error> {
        let filter = translate::filter(filter, None)?;
        self.guarded("count points", |shard| {
            shard.count(CountRequest { filter, exact: true })
        })
    }

    fn guarded<T>(&self, act: &'static str, call: impl FnOnce(&EdgeShard) -> OperationResult<T>) -> Result<T, Error> {
        let closed = || OperationError::Cancelled {
            description: "the shard is closed".to_owned(),
        };
        guarded(act, &self.collection, || call(self.shard.as_ref().ok_or_else(closed)?))
    }
}

impl Drop for Shard {
    /// Edge flushes when it is dropped and panics when its folder is gone by then, which must not end the process.
    fn drop(&mut self) {
        let shard = self.shard.take();
        if catch_unwind(AssertUnwindSafe(|| drop(shard))).is_err() {
            tracing::warn!(
                search.collection = self.collection,
                "a shard could not be flushed when it was closed"
            );
        }
        if *self.is_doomed.get_mut()
            && let Err(error) = folder::remove(&self.folder)
        {
            // The next start removes what is left behind.
            tracing::warn!(search.collection = self.collection, error = %error, "a shard that is replaced is still there");
        }
    }
}

/// Half floats take half the memory to read, and a cosine is right to three places and more.
fn shard_config(dimensions: usize) -> ShardConfig {
    let dense = EdgeVectorParams::builder(dimensions, Distance::Cosine)
        .datatype(VectorStorageDatatype::Float16)
        .build();
    let sparse = EdgeSparseVectorParams {
        full_scan_threshold: None,
        on_disk: None,
        modifier: Some(Modifier::Idf),
        datatype: None,
    };
    let defaults = ShardConfig::default();
    ShardConfig {
        vectors: HashMap::from([(DENSE.to_owned(), dense.clone()), (TITLE.to_owned(), dense)]),
        sparse_vectors: HashMap::from([(SPARSE.to_owned(), sparse)]),
        hnsw_config: HnswIndexConfig {
            full_scan_threshold: READ_ALL_KIB,
            ef_construct: NEIGHBOURS_LOOKED_AT,
            ..defaults.hnsw_config
        },
        optimizers: EdgeOptimizersConfig {
            default_segment_number: Some(SEGMENTS_MAX),
            indexing_threshold: Some(GRAPH_MIN_KIB),
            ..EdgeOptimizersConfig::default()
        },
        ..defaults
    }
}

fn nearest(by: &By) -> QueryEnum {
    let (query, using) = match by {
        By::Dense(vector) => (VectorInternal::from(vector.clone()), DENSE),
        By::Title(vector) => (VectorInternal::from(vector.clone()), TITLE),
        By::Sparse(words) => {
            let vector = SparseVector {
                indices: words.indices.clone(),
                values: words.values.clone(),
            };
            (VectorInternal::from(vector), SPARSE)
        }
    };
    QueryEnum::Nearest(NamedQuery {
        query,
        using: Some(using.to_owned()),
    })
}

fn bad_field(name: &str) -> OperationError {
    OperationError::ValidationError {
        description: format!("{name:?} is not a payload field"),
    }
}

fn guarded<T>(act: &'static str, collection: &str, call: impl FnOnce() -> OperationResult<T>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|source| Error::Edge {
            act,
            collection: collection.to_owned(),
            source: Box::new(source),
        }),
        Err(_words) => Err(Error::EdgePanicked {
            act,
            collection: collection.to_owned(),
        }),
    }
}
