//! A collection built anew beside the one that serves, which it replaces at the end.
//!
//! Edge keeps what is written in the order it came and finds the nearest by reading all of it; a graph, which finds
//! them sooner, is built here and nowhere else. It is built in slices: to add a point to a segment without a graph takes
//! the longer the more points are in it, for Edge walks the posting list of each of its words. A crash at any moment
//! leaves the generation that served.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use uuid::Uuid;

use super::collection::{Collection, Live};
use super::folder::{self, Description, LAYOUT};
use super::shard::Shard;
use super::translate;
use crate::Error;
use crate::holder::{Held, Holder};
use crate::search::Prepared;

/// Without a graph, so many points are read in about a millisecond.
const WITHOUT_GRAPH_MAX: usize = 10_000;
/// So many points are written before somebody looks whether they need a graph.
pub(super) const LOOK_AFTER: usize = 500;
/// Points of a segment with a graph of its own.
const SLICE_POINTS: usize = 25_000;
/// Points copied while writers wait.
const COPIED_AT_ONCE: usize = 64;

/// A rebuild under way.
#[derive(Debug)]
pub(super) struct Building {
    pub held: Held,
    /// Whether it holds what the collection holds, so that a rebuild from the source may take its place.
    copy: bool,
    pub shard: Arc<Shard>,
    /// Points added that are in no slice yet.
    unsliced: usize,
    /// Written or deleted since the rebuild began: newer than what it adds.
    pub touched: HashSet<Uuid>,
}

impl Building {
    /// The shard, when enough was added for a slice, which is to be made without holding writers up.
    fn take_slice(&mut self) -> Option<Arc<Shard>> {
        if self.unsliced < SLICE_POINTS {
            return None;
        }
        self.unsliced = 0;
        Some(Arc::clone(&self.shard))
    }
}

impl Collection {
    /// Takes the place of a copy under way.
    ///
    /// **Errors** when another rebuild runs.
    pub(super) fn begin_rebuild(&self) -> Result<Holder, Error> {
        self.begin(false)
    }

    fn begin(&self, copy: bool) -> Result<Holder, Error> {
        let mut guard = self.lock();
        let spec = self.spec();
        if let Some(building) = guard.take_if(|building| building.copy && !copy) {
            building.shard.remove_after_use();
        }
        if guard.is_some() {
            return Err(Error::RebuildRunning { collection: spec.name });
        }
        let (id, path) = folder::make_generation(&self.folder)?;
        let holder = Holder::new(id);
        *guard = Some(Building {
            held: holder.held(),
            copy,
            shard: Arc::new(Shard::create(&spec, &path)?),
            unsliced: 0,
            touched: HashSet::new(),
        });
        Ok(holder)
    }

    pub(super) fn add_to_rebuild(&self, id: Uuid, mut points: Vec<Prepared>) -> Result<(), Error> {
        let mut guard = self.lock();
        let building = guard
            .as_mut()
            .filter(|building| building.held.is(id))
            .ok_or_else(|| self.given_up())?;
        points.retain(|point| !building.touched.contains(&point.id));
        building.unsliced += points.len();
        building.shard.upsert(points)?;
        let slice = building.take_slice();
        drop(guard);
        slice.map_or(Ok(()), |shard| shard.optimize())
    }

    /// The new generation is whole on disk before the description names it. Writers do not wait for its graph: what
    /// they write meanwhile goes into both.
    pub(super) fn finish_rebuild(&self, holder: &Holder) -> Result<(), Error> {
        let id = holder.id();
        let built = self.build_graph(id)?;
        let mut guard = self.lock();
        let building = take(&mut guard, id).ok_or_else(|| self.given_up())?;
        building.shard.flush()?;
        let live = self.live();
        // Files deleted and made anew meanwhile belong to another than this.
        let stored = folder::read_description(&self.folder)?;
        if stored.is_none_or(|stored| stored.generation != live.description.generation) {
            return Err(Error::FolderGone {
                collection: self.spec().name,
                folder: self.folder.clone(),
            });
        }
        let description = Description {
            generation: id,
            layout: LAYOUT,
            graph: built,
            ..live.description
        };
        folder::write_description(&self.folder, &description)?;
        let shard = building.shard;
        let old = self.switch(Live { description, shard });
        old.shard.remove_after_use();
        drop(guard);
        Ok(())
    }

    /// How many points the graph was built over.
    fn build_graph(&self, id: Uuid) -> Result<usize, Error> {
        let building = |guard: &Option<Building>| {
            let building = guard.as_ref().filter(|building| building.held.is(id))?;
            Some(Arc::clone(&building.shard))
        };
        let shard = building(&self.lock()).ok_or_else(|| self.given_up())?;
        let points = shard.points()?;
        let built = shard.optimize();
        if built.is_err() {
            self.give_up_rebuild(id)?;
        }
        built.map(|()| points)
    }

    pub(super) fn give_up_rebuild(&self, id: Uuid) -> Result<(), Error> {
        let mut guard = self.lock();
        let building = take(&mut guard, id).ok_or_else(|| self.given_up())?;
        // A slice or a graph may still be in the making on it.
        building.shard.remove_after_use();
        Ok(())
    }

    /// Whether so much was written since the last graph that a new one pays. Looks at what is there once in a while.
    pub(super) fn wants_graph(&self) -> Result<bool, Error> {
        if self.unseen.load(Ordering::Relaxed) < LOOK_AFTER || self.unseen.swap(0, Ordering::Relaxed) < LOOK_AFTER {
            return Ok(false);
        }
        let live = self.live();
        let without = live.shard.points()?.saturating_sub(live.description.graph);
        Ok(without >= WITHOUT_GRAPH_MAX.max(live.description.graph / 2))
    }

    /// Copies what is there into a generation with a graph, which then serves.
    ///
    /// **Errors** when a rebuild runs or takes its place.
    pub(super) fn optimize(&self) -> Result<(), Error> {
        let holder = self.begin(true)?;
        // Dropped on the way, it gives the copy up.
        self.copy_into(holder.id())?;
        self.finish_rebuild(&holder)
    }

    fn copy_into(&self, id: Uuid) -> Result<(), Error> {
        let mut next = None;
        loop {
            let mut guard = self.lock();
            let locked = Instant::now();
            let building = guard
                .as_mut()
                .filter(|building| building.held.is(id))
                .ok_or_else(|| self.given_up())?;
            let (points, following) = self.live().shard.page(next, COPIED_AT_ONCE)?;
            building.unsliced += points.len();
            let touched = |id| translate::uuid(id).is_some_and(|id| building.touched.contains(&id));
            let untouched = points.into_iter().filter(|point| !touched(point.id));
            building.shard.insert(untouched)?;
            let slice = building.take_slice();
            drop(guard);
            // The lock is given to whoever comes first, which would be this thread again and again.
            thread::sleep(locked.elapsed());
            slice.map_or(Ok(()), |shard| shard.optimize())?;
            next = following;
            if next.is_none() {
                return Ok(());
            }
        }
    }

    fn given_up(&self) -> Error {
        Error::RebuildGivenUp {
            collection: self.spec().name,
        }
    }
}

fn take(building: &mut Option<Building>, id: Uuid) -> Option<Building> {
    building.take_if(|building| building.held.is(id))
}
