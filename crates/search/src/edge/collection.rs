//! One collection on Edge: the shard in use and, at times, the one being built beside it (see [`super::rebuild`]).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use rayon::prelude::*;
use uuid::Uuid;

use super::folder::{self, Description, LAYOUT};
use super::gathering::Gathering;
use super::rebuild::{Building, LOOK_AFTER};
use super::shard::Shard;
use crate::candidates::{Found, Lookup};
use crate::search::Prepared;
use crate::{CollectionSpec, Error, Filter, Payload, Stored};

/// All calls block. Readers are never held up by writers; writers go one at a time.
#[derive(Debug)]
pub(super) struct Collection {
    pub(super) folder: PathBuf,
    live: RwLock<Live>,
    /// Held by whoever writes, so that nobody flushes while somebody writes.
    building: Mutex<Option<Building>>,
    gathering: Gathering,
    /// Points written since somebody last looked whether they need a graph.
    pub(super) unseen: AtomicUsize,
}

#[derive(Clone, Debug)]
pub(super) struct Live {
    pub description: Description,
    pub shard: Arc<Shard>,
}

impl Collection {
    /// Opens what lies in `folder` or makes it.
    ///
    /// **Errors** when the stored vectors have other dimensions than `spec` says.
    pub(super) fn open(folder: PathBuf, spec: &CollectionSpec) -> Result<Self, Error> {
        let live = match folder::read_description(&folder)? {
            Some(description) if description.layout == LAYOUT => Self::load(&folder, &description, spec)?,
            Some(_) => Self::begin_anew(&folder, spec)?,
            None => Self::create(&folder, spec)?,
        };
        folder::remove_leftovers(&folder, live.description.generation)?;
        Ok(Self {
            folder,
            live: RwLock::new(live),
            building: Mutex::new(None),
            gathering: Gathering::default(),
            unseen: AtomicUsize::new(LOOK_AFTER),
        })
    }

    /// Points made by an earlier version cannot be compared with those made now, so the collection starts empty.
    fn begin_anew(folder: &Path, spec: &CollectionSpec) -> Result<Live, Error> {
        tracing::warn!(
            search.collection = spec.name,
            "the search index was made by an earlier version and starts empty; run `deskwise reindex`"
        );
        Self::create(folder, spec)
    }

    fn load(folder: &Path, stored: &Description, spec: &CollectionSpec) -> Result<Live, Error> {
        check_dimensions(&stored.spec, spec)?;
        let path = folder::generation(folder, stored.generation);
        let live = Live {
            description: Description {
                spec: spec.clone(),
                generation: stored.generation,
                layout: LAYOUT,
                graph: stored.graph,
            },
            shard: Arc::new(Shard::load(spec, &path)?),
        };
        if live.description != *stored {
            folder::write_description(folder, &live.description)?;
        }
        Ok(live)
    }

    fn create(folder: &Path, spec: &CollectionSpec) -> Result<Live, Error> {
        let (generation, path) = folder::make_generation(folder)?;
        let shard = Arc::new(Shard::create(spec, &path)?);
        let description = Description {
            spec: spec.clone(),
            generation,
            layout: LAYOUT,
            graph: 0,
        };
        folder::write_description(folder, &description)?;
        Ok(Live { description, shard })
    }

    /// Takes over a changed spec, which may have other fields but not other dimensions.
    pub(super) fn change(&self, spec: &CollectionSpec) -> Result<(), Error> {
        let building = self.lock();
        let mut live = self.live();
        check_dimensions(&live.description.spec, spec)?;
        if live.description.spec == *spec {
            return Ok(());
        }
        live.shard.index_fields(spec)?;
        if let Some(building) = building.as_ref() {
            building.shard.index_fields(spec)?;
        }
        live.description.spec = spec.clone();
        folder::write_description(&self.folder, &live.description)?;
        self.switch(live);
        Ok(())
    }

    pub(super) fn spec(&self) -> CollectionSpec {
        self.live().description.spec
    }

    /// **Errors** when the files have vanished.
    pub(super) fn check_folder(&self) -> Result<(), Error> {
        if folder::is_described(&self.folder) {
            return Ok(());
        }
        Err(Error::FolderGone {
            collection: self.spec().name,
            folder: self.folder.clone(),
        })
    }

    /// Durable when it returns. Whoever comes while another writes is written with all others who did: a flush costs
    /// the same for one point and for hundreds.
    pub(super) fn upsert(&self, points: Vec<Prepared>) -> Result<(), Error> {
        let place = self.gathering.join(&points);
        let mut building = self.lock();
        if place.is_written() {
            return Ok(());
        }
        if let Some(together) = self.gathering.take(&place)
            && self.write_through(&mut building, together).is_ok()
        {
            place.set_written();
            return Ok(());
        }
        // What failed together may be one caller's fault: each tries its own.
        self.write_through(&mut building, points)
    }

    /// Found when it returns, durable after the next flush.
    pub(super) fn upsert_unflushed(&self, points: Vec<Prepared>) -> Result<(), Error> {
        self.write(&mut self.lock(), points)
    }

    fn write_through(&self, building: &mut Option<Building>, points: Vec<Prepared>) -> Result<(), Error> {
        self.write(building, points)?;
        self.live().shard.flush()
    }

    fn write(&self, building: &mut Option<Building>, points: Vec<Prepared>) -> Result<(), Error> {
        self.check_folder()?;
        self.unseen.fetch_add(points.len(), Ordering::Relaxed);
        if let Some(building) = building.as_mut() {
            building.touched.extend(points.iter().map(|point| point.id));
            building.shard.upsert(points.clone())?;
        }
        self.live().shard.upsert(points)
    }

    pub(super) fn delete(&self, ids: &[Uuid]) -> Result<(), Error> {
        let mut building = self.lock();
        self.check_folder()?;
        if let Some(building) = building.as_mut() {
            building.touched.extend(ids);
            building.shard.delete(ids)?;
        }
        let shard = self.live().shard;
        shard.delete(ids)?;
        shard.flush()
    }

    /// Side by side: who asks waits for the slowest of them, not for all.
    pub(super) fn look_up(&self, lookups: &[Lookup]) -> Result<Vec<Found>, Error> {
        let shard = self.live().shard;
        lookups.par_iter().map(|lookup| shard.look_up(lookup)).collect()
    }

    pub(super) fn payloads(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Payload>, Error> {
        self.live().shard.payloads(ids)
    }

    pub(super) fn stored(&self, ids: &[Uuid]) -> Result<Vec<Stored>, Error> {
        self.live().shard.stored(ids)
    }

    pub(super) fn count(&self, filter: &Filter) -> Result<usize, Error> {
        self.live().shard.count(filter)
    }

    pub(super) fn flush(&self) -> Result<(), Error> {
        let _writing = self.lock();
        self.live().shard.flush()
    }

    pub(super) fn snapshot(&self, target: &Path) -> Result<(), Error> {
        let _writing = self.lock();
        let live = self.live();
        live.shard.flush()?;
        folder::copy(&self.folder, &live.description, target)
    }

    pub(super) fn live(&self) -> Live {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn switch(&self, new: Live) -> Live {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *live, new)
    }

    /// The rebuild under way; one that nobody holds any more is gone with all it built.
    pub(super) fn lock(&self) -> MutexGuard<'_, Option<Building>> {
        let mut building = self.building.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(given_up) = building.take_if(|building| building.held.is_given_up()) {
            given_up.shard.remove_after_use();
        }
        building
    }
}

fn check_dimensions(stored: &CollectionSpec, wanted: &CollectionSpec) -> Result<(), Error> {
    if stored.dimensions == wanted.dimensions {
        return Ok(());
    }
    Err(Error::DimensionsDiffer {
        collection: wanted.name.clone(),
        stored: stored.dimensions,
        wanted: wanted.dimensions,
    })
}
