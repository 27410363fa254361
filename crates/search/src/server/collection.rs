//! One collection on a server: an alias, the points behind it, and at times those being built beside them.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use qdrant_client::Qdrant;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    CollectionInfo, CreateAliasBuilder, CreateCollectionBuilder, CreateFieldIndexCollectionBuilder, Datatype,
    DeletePointsBuilder, Distance, Modifier, PointsIdsList, SparseVectorParamsBuilder, SparseVectorsConfigBuilder,
    UpsertPointsBuilder, VectorParamsBuilder, VectorsConfigBuilder,
};
use tokio::sync::RwLock;
use uuid::Uuid;

use super::{at, translate};
use crate::candidates::{DENSE, SPARSE, TITLE};
use crate::holder::{Held, Holder};
use crate::search::Prepared;
use crate::{CollectionSpec, Error, Field};

/// Points in one message, which the server takes up to 32 MiB of.
const POINTS_AT_ONCE: usize = 512;

/// What this process knows of a collection.
pub(super) struct Collection {
    pub alias: String,
    pub spec: CollectionSpec,
    /// Whether the server was seen to have it, until it says otherwise.
    is_ready: AtomicBool,
    /// Held by whoever makes it ready.
    readying: tokio::sync::Mutex<()>,
    /// Shared by those who write, held alone by those who rebuild.
    building: RwLock<Option<Building>>,
}

/// A rebuild under way in this process.
struct Building {
    held: Held,
    physical: String,
    /// Written or deleted since the rebuild began: newer than what it adds.
    touched: Mutex<HashSet<Uuid>>,
}

impl Building {
    fn touch(&self, ids: impl IntoIterator<Item = Uuid>) {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
    }

    fn untouched(&self, points: Vec<Prepared>) -> Vec<Prepared> {
        let touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        points
            .into_iter()
            .filter(|point| !touched.contains(&point.id))
            .collect()
    }
}

impl Collection {
    pub(super) fn new(alias: String, spec: CollectionSpec) -> Self {
        Self {
            alias,
            spec,
            is_ready: AtomicBool::new(false),
            readying: tokio::sync::Mutex::default(),
            building: RwLock::default(),
        }
    }

    /// Makes the collection or checks the one that is there; once it went well it is not done again, unless the server
    /// loses it. Whether it was done.
    pub(super) async fn make_ready(&self, client: &Qdrant) -> Result<bool, Error> {
        if self.is_ready.load(Ordering::Acquire) {
            return Ok(false);
        }
        let _turn = self.readying.lock().await;
        if self.is_ready.load(Ordering::Acquire) {
            return Ok(false);
        }
        self.ensure(client).await?;
        self.is_ready.store(true, Ordering::Release);
        Ok(true)
    }

    /// Passes on what came of a call. Where the server says that the collection is gone, the next call makes it anew.
    pub(super) fn note_outcome<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &outcome
            && error.is_collection_gone()
            && self.is_ready.swap(false, Ordering::AcqRel)
        {
            tracing::warn!(
                search.collection = self.spec.name,
                "the Qdrant server has lost the collection; the next call makes it anew and empty"
            );
        }
        outcome
    }

    async fn ensure(&self, client: &Qdrant) -> Result<(), Error> {
        if self.is_of_an_earlier_version(client).await? {
            tracing::warn!(
                search.collection = self.spec.name,
                "the search index was made by an earlier version and starts empty; run `deskwise reindex`"
            );
            drop_all(client, &self.alias).await?;
        }
        if behind_alias(client, &self.alias).await?.is_none() {
            // The first name is always the same, so that two processes that start at once make one collection.
            let physical = format!("{}--first", self.alias);
            if !exists(client, &physical).await? {
                self.create(client, &physical).await?;
            }
            point_alias(client, &self.alias, &physical).await?;
        }
        let info = info(client, &self.alias).await?;
        self.check_dimensions(&info)?;
        let fields = self.spec.fields.iter();
        for field in fields.filter(|field| !info.payload_schema.contains_key(&field.name)) {
            index_field(client, &self.alias, field).await?;
        }
        Ok(())
    }

    async fn is_of_an_earlier_version(&self, client: &Qdrant) -> Result<bool, Error> {
        if behind_alias(client, &self.alias).await?.is_none() {
            return Ok(false);
        }
        let info = info(client, &self.alias).await?;
        Ok(dimensions(&info, DENSE).is_some() && dimensions(&info, TITLE).is_none())
    }

    async fn create(&self, client: &Qdrant, physical: &str) -> Result<(), Error> {
        let mut dense = VectorsConfigBuilder::default();
        let dimensions = self.spec.dimensions as u64;
        for name in [DENSE, TITLE] {
            let params = VectorParamsBuilder::new(dimensions, Distance::Cosine).datatype(Datatype::Float16);
            dense.add_named_vector_params(name, params);
        }
        let mut sparse = SparseVectorsConfigBuilder::default();
        sparse.add_named_vector_params(SPARSE, SparseVectorParamsBuilder::default().modifier(Modifier::Idf));
        let create = CreateCollectionBuilder::new(physical)
            .vectors_config(dense)
            .sparse_vectors_config(sparse);
        match client.create_collection(create).await {
            Ok(_) => {}
            // Another process was faster.
            Err(_) if exists(client, physical).await.unwrap_or(false) => {}
            Err(error) => return Err(at("make a collection")(error)),
        }
        for field in &self.spec.fields {
            index_field(client, physical, field).await?;
        }
        Ok(())
    }

    fn check_dimensions(&self, info: &CollectionInfo) -> Result<(), Error> {
        let stored = dimensions(info, DENSE).ok_or(Error::ServerAnswer {
            act: "describe a collection",
            lacks: "the dense vector",
        })?;
        if stored == self.spec.dimensions {
            return Ok(());
        }
        Err(Error::DimensionsDiffer {
            collection: self.spec.name.clone(),
            stored,
            wanted: self.spec.dimensions,
        })
    }

    pub(super) async fn upsert(&self, client: &Qdrant, points: Vec<Prepared>) -> Result<(), Error> {
        let building = self.building.read().await;
        if let Some(building) = under_way(&building) {
            building.touch(points.iter().map(|point| point.id));
            upsert(client, &building.physical, points.clone()).await?;
        }
        upsert(client, &self.alias, points).await
    }

    pub(super) async fn delete(&self, client: &Qdrant, ids: &[Uuid]) -> Result<(), Error> {
        let building = self.building.read().await;
        if let Some(building) = under_way(&building) {
            building.touch(ids.iter().copied());
            delete(client, &building.physical, ids).await?;
        }
        delete(client, &self.alias, ids).await
    }

    pub(super) async fn begin_rebuild(&self, client: &Qdrant) -> Result<Holder, Error> {
        let mut building = self.building.write().await;
        if under_way(&building).is_some() {
            return Err(Error::RebuildRunning {
                collection: self.spec.name.clone(),
            });
        }
        // One that was given up goes with all other leftovers.
        *building = None;
        let live = self.physical(client).await?;
        drop_generations(client, &self.alias, Some(&live)).await?;
        let holder = Holder::new(Uuid::new_v4());
        let physical = format!("{}--{}", self.alias, holder.id().simple());
        self.create(client, &physical).await?;
        *building = Some(Building {
            held: holder.held(),
            physical,
            touched: Mutex::default(),
        });
        Ok(holder)
    }

    /// Held alone, so that no newer write of the same point can be overtaken by this older one.
    pub(super) async fn add_to_rebuild(&self, client: &Qdrant, id: Uuid, points: Vec<Prepared>) -> Result<(), Error> {
        let guard = self.building.write().await;
        let building = guard
            .as_ref()
            .filter(|building| building.held.is(id))
            .ok_or_else(|| self.given_up())?;
        upsert(client, &building.physical, building.untouched(points)).await
    }

    /// Whatever comes of it, the rebuild is over; what cannot be cleared away now the next one clears away.
    pub(super) async fn finish_rebuild(&self, client: &Qdrant, id: Uuid) -> Result<(), Error> {
        let mut guard = self.building.write().await;
        let building = take(&mut guard, id).ok_or_else(|| self.given_up())?;
        let switched = self.switch(client, &building.physical).await;
        let cleared = match &switched {
            Ok(()) => drop_generations(client, &self.alias, Some(&building.physical)).await,
            Err(_) => self.drop_unless_live(client, &building.physical).await,
        };
        if let Err(error) = cleared {
            tracing::warn!(
                search.collection = self.spec.name,
                error = %error,
                "what a rebuild left behind is on the Qdrant server until the next one"
            );
        }
        switched
    }

    /// Lets the alias name a collection. An answer that is lost on its way is no failure where the server did it.
    async fn switch(&self, client: &Qdrant, physical: &str) -> Result<(), Error> {
        match point_alias(client, &self.alias, physical).await {
            Err(_) if self.is_live(client, physical).await.unwrap_or(false) => Ok(()),
            pointed => pointed,
        }
    }

    async fn drop_unless_live(&self, client: &Qdrant, physical: &str) -> Result<(), Error> {
        if self.is_live(client, physical).await? {
            return Ok(());
        }
        drop_generation(client, physical).await
    }

    async fn is_live(&self, client: &Qdrant, physical: &str) -> Result<bool, Error> {
        let live = behind_alias(client, &self.alias).await?;
        Ok(live.as_deref() == Some(physical))
    }

    pub(super) async fn give_up_rebuild(&self, client: &Qdrant, id: Uuid) -> Result<(), Error> {
        let mut guard = self.building.write().await;
        let building = take(&mut guard, id).ok_or_else(|| self.given_up())?;
        drop(guard);
        drop_generation(client, &building.physical).await
    }

    /// The collection behind the alias.
    pub(super) async fn physical(&self, client: &Qdrant) -> Result<String, Error> {
        behind_alias(client, &self.alias)
            .await?
            .ok_or_else(|| Error::UnknownCollection {
                collection: self.spec.name.clone(),
            })
    }

    fn given_up(&self) -> Error {
        Error::RebuildGivenUp {
            collection: self.spec.name.clone(),
        }
    }
}

/// The rebuild, unless whoever began it has given it up.
fn under_way(building: &Option<Building>) -> Option<&Building> {
    building.as_ref().filter(|building| !building.held.is_given_up())
}

fn take(building: &mut Option<Building>, id: Uuid) -> Option<Building> {
    building.take_if(|building| building.held.is(id))
}

/// Deletes every generation of a collection, and with the last one its alias.
pub(super) async fn drop_all(client: &Qdrant, alias: &str) -> Result<(), Error> {
    drop_generations(client, alias, None).await
}

async fn upsert(client: &Qdrant, collection: &str, points: Vec<Prepared>) -> Result<(), Error> {
    let mut points = points.into_iter().map(translate::point).peekable();
    while points.peek().is_some() {
        let batch: Vec<_> = points.by_ref().take(POINTS_AT_ONCE).collect();
        let upsert = UpsertPointsBuilder::new(collection, batch).wait(true);
        client.upsert_points(upsert).await.map_err(at("store points"))?;
    }
    Ok(())
}

async fn delete(client: &Qdrant, collection: &str, ids: &[Uuid]) -> Result<(), Error> {
    let ids = PointsIdsList {
        ids: ids.iter().copied().map(translate::point_id).collect(),
    };
    let delete = DeletePointsBuilder::new(collection).points(ids).wait(true);
    client
        .delete_points(delete)
        .await
        .map(drop)
        .map_err(at("delete points"))
}

async fn index_field(client: &Qdrant, collection: &str, field: &Field) -> Result<(), Error> {
    let kind = translate::index(field.kind);
    let create = CreateFieldIndexCollectionBuilder::new(collection, &field.name, kind).wait(true);
    client
        .create_field_index(create)
        .await
        .map(drop)
        .map_err(at("index a field"))
}

async fn exists(client: &Qdrant, collection: &str) -> Result<bool, Error> {
    client
        .collection_exists(collection)
        .await
        .map_err(at("look for a collection"))
}

async fn behind_alias(client: &Qdrant, alias: &str) -> Result<Option<String>, Error> {
    let answer = client.list_aliases().await.map_err(at("list aliases"))?;
    let found = answer.aliases.into_iter().find(|known| known.alias_name == alias);
    Ok(found.map(|known| known.collection_name))
}

/// Points the alias at a collection, away from the one it named before, in one step.
async fn point_alias(client: &Qdrant, alias: &str, collection: &str) -> Result<(), Error> {
    let create = CreateAliasBuilder::new(collection, alias);
    client
        .create_alias(create)
        .await
        .map(drop)
        .map_err(at("point an alias"))
}

async fn info(client: &Qdrant, collection: &str) -> Result<CollectionInfo, Error> {
    let act = "describe a collection";
    let answer = client.collection_info(collection).await.map_err(at(act))?;
    answer.result.ok_or(Error::ServerAnswer {
        act,
        lacks: "the description",
    })
}

fn dimensions(info: &CollectionInfo, vector: &str) -> Option<usize> {
    let params = info.config.as_ref()?.params.as_ref()?;
    match params.vectors_config.as_ref()?.config.as_ref()? {
        Config::ParamsMap(map) => map.map.get(vector).map(|params| params.size as usize),
        Config::Params(_) => None,
    }
}

/// Deletes every generation of a collection but `keep`: what rebuilds replaced or left behind.
async fn drop_generations(client: &Qdrant, alias: &str, keep: Option<&str>) -> Result<(), Error> {
    let answer = client.list_collections().await.map_err(at("list collections"))?;
    let prefix = format!("{alias}--");
    let all = answer.collections.into_iter().map(|collection| collection.name);
    for name in all.filter(|name| name.starts_with(&prefix) && Some(name.as_str()) != keep) {
        drop_generation(client, &name).await?;
    }
    Ok(())
}

async fn drop_generation(client: &Qdrant, physical: &str) -> Result<(), Error> {
    client
        .delete_collection(physical)
        .await
        .map(drop)
        .map_err(at("delete a collection"))
}

#[cfg(test)]
mod tests {
    use std::io;

    use qdrant_client::QdrantError;

    use super::*;

    /// Whether a collection that was ready still is after a call that ended so.
    fn is_ready_after(outcome: Result<(), Error>) -> bool {
        let collection = Collection::new("desk_tickets".to_owned(), CollectionSpec::new("tickets", 3));
        collection.is_ready.store(true, Ordering::Release);
        let is_ok = outcome.is_ok();
        assert_eq!(collection.note_outcome(outcome).is_ok(), is_ok);
        collection.is_ready.load(Ordering::Acquire)
    }

    fn refused(kind: io::ErrorKind) -> Result<(), Error> {
        let status = io::Error::from(kind).into();
        Err(at("count points")(QdrantError::ResponseError { status }))
    }

    #[test]
    fn a_collection_that_the_server_lost_is_made_again() {
        let without_alias = Err(Error::UnknownCollection {
            collection: "tickets".to_owned(),
        });
        assert!(!is_ready_after(refused(io::ErrorKind::NotFound)));
        assert!(!is_ready_after(without_alias));
    }

    #[test]
    fn a_server_that_is_down_has_lost_nothing() {
        assert!(is_ready_after(refused(io::ErrorKind::ConnectionRefused)));
        assert!(is_ready_after(refused(io::ErrorKind::TimedOut)));
        assert!(is_ready_after(Ok(())));
    }
}
