//! Threads that compute one text together: each its share of every layer's heads and of its intermediate columns, then
//! everyone all that is by rows.
//!
//! A share of the columns of one product is a share of the depth of the next, so that members meet twice a layer: to add
//! up what each has of the residual stream. That changes hands by copies through shelves whose locks are free whenever
//! they are taken.

use std::hint::spin_loop;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};
use std::thread;

/// Members beyond these would wait longer for each other than they compute.
const MOST_MEMBERS: usize = 8;
/// Looks at the barrier before the processor is offered to others: longer than two members are ever apart, unless one
/// of them was put aside.
const PATIENCE: usize = 10_000;

/// What its members share.
pub(crate) struct Team {
    /// What members leave for each other, a shelf each. A shelf is filled again when the members have met once more, and
    /// by then everyone has read it.
    shelves: [Vec<RwLock<Vec<f32>>>; 2],
    barrier: Barrier,
    members: usize,
    is_broken: AtomicBool,
}

/// One thread of a team, or a thread that computes alone.
pub(crate) struct Member<'a> {
    team: Option<&'a Team>,
    index: usize,
}

impl Team {
    /// A team of up to so many threads.
    pub(crate) fn of(threads: usize) -> Self {
        let members = threads.clamp(1, MOST_MEMBERS);
        Self {
            shelves: [(); 2].map(|()| (0..members).map(|_| RwLock::default()).collect()),
            barrier: Barrier::of(members),
            members,
            is_broken: AtomicBool::new(false),
        }
    }

    /// The member with this index, if the team has so many.
    pub(crate) fn member(&self, index: usize) -> Option<Member<'_>> {
        let team = Some(self);
        (index < self.members).then_some(Member { team, index })
    }

    fn add_up(&self, own: usize, values: &mut [f32]) {
        let shelves = &self.shelves[self.barrier.round() % 2];
        let mut shelf = shelves[own].write().unwrap_or_else(PoisonError::into_inner);
        shelf.clear();
        shelf.extend_from_slice(values);
        drop(shelf);
        self.barrier.wait(&self.is_broken);
        values.fill(0.0);
        for shelf in shelves {
            let shelf = shelf.read().unwrap_or_else(PoisonError::into_inner);
            values.iter_mut().zip(&*shelf).for_each(|(value, left)| *value += left);
        }
    }
}

impl Member<'_> {
    /// Who computes everything.
    pub(crate) const ALONE: Self = Self { team: None, index: 0 };

    /// This member's part of so many, in whole units.
    pub(crate) fn share(&self, count: usize, unit: usize) -> Range<usize> {
        let members = self.team.map_or(1, |team| team.members);
        let edge = |index: usize| (count.div_ceil(unit) * index / members * unit).min(count);
        edge(self.index)..edge(self.index + 1)
    }

    /// Whether it is the one whose values count as they are; the others' are what is added to them.
    pub(crate) fn is_first(&self) -> bool {
        self.index == 0
    }

    /// Gives everyone the sum of everyone's values.
    pub(crate) fn add_up(&self, values: &mut [f32]) {
        if let Some(team) = self.team {
            team.add_up(self.index, values);
        }
    }
}

/// Nobody waits for a member that panicked.
impl Drop for Member<'_> {
    fn drop(&mut self) {
        if let Some(team) = self.team
            && thread::panicking()
        {
            team.is_broken.store(true, Ordering::Release);
        }
    }
}

/// Where every member waits for the last. `std::sync::Barrier` sleeps, and to be woken takes longer than the others
/// are ever behind.
struct Barrier {
    members: usize,
    arrived: AtomicUsize,
    round: AtomicUsize,
}

impl Barrier {
    fn of(members: usize) -> Self {
        Self {
            members,
            arrived: AtomicUsize::new(0),
            round: AtomicUsize::new(0),
        }
    }

    /// How often the members have met: the same for all who have not arrived yet.
    fn round(&self) -> usize {
        self.round.load(Ordering::Acquire)
    }

    /// **Panics** if a member has panicked and will never come.
    fn wait(&self, is_broken: &AtomicBool) {
        let round = self.round.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.members {
            self.arrived.store(0, Ordering::Relaxed);
            self.round.store(round.wrapping_add(1), Ordering::Release);
            return;
        }
        let mut looks = 0;
        while self.round.load(Ordering::Acquire) == round {
            assert!(
                !is_broken.load(Ordering::Acquire),
                "another thread of the team panicked"
            );
            looks += 1;
            if looks < PATIENCE {
                spin_loop()
            } else {
                thread::yield_now()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each member of a team has after it has added its own numbers to the others' a hundred times.
    fn added_up(members: usize) -> Vec<Vec<f32>> {
        let team = Team::of(members);
        let add = |index: usize| {
            let member = team.member(index).unwrap();
            let mut sums = Vec::new();
            for round in 0..100 {
                let mut values = [round as f32, index as f32, 1.0];
                member.add_up(&mut values);
                sums.extend(values);
            }
            sums
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..members).map(|index| scope.spawn(move || add(index))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn everyone_has_the_sum_of_all() {
        for members in [1, 2, 3, 4] {
            let indices = (0..members).sum::<usize>() as f32;
            for found in added_up(members) {
                for (round, values) in found.chunks(3).enumerate() {
                    assert_eq!(values, [(round * members) as f32, indices, members as f32]);
                }
            }
        }
    }

    #[test]
    fn shares_are_whole_units_and_leave_nothing_out() {
        for (members, count, unit) in [(1, 9, 2), (2, 12, 1), (3, 12, 5), (8, 3, 1)] {
            let team = Team::of(members);
            let shares: Vec<_> = (0..members)
                .map(|index| team.member(index).unwrap().share(count, unit))
                .collect();
            assert!(shares.iter().all(|share| share.start % unit == 0), "{shares:?}");
            assert!(shares.windows(2).all(|pair| pair[0].end == pair[1].start), "{shares:?}");
            assert_eq!((shares[0].start, shares[members - 1].end), (0, count));
        }
    }

    #[test]
    fn a_member_that_panics_stops_the_others() {
        let team = Team::of(2);
        let ended = thread::scope(|scope| {
            let panics = scope.spawn(|| {
                let _member = team.member(1).unwrap();
                panic!("on purpose");
            });
            let waits = scope.spawn(|| team.member(0).unwrap().add_up(&mut [0.0; 4]));
            [panics.join().is_err(), waits.join().is_err()]
        });
        assert_eq!(ended, [true, true]);
    }
}
