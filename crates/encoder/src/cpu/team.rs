//! Threads that compute one text together: each its share of every product's columns, then everyone all that is by
//! rows.
//!
//! Columns change hands by copies, a few KB each, through shelves whose locks are free whenever they are taken.

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
pub(crate) struct Team<E> {
    states: Exchange<f32>,
    factors: Exchange<E>,
    members: usize,
    is_broken: AtomicBool,
}

/// One thread of a team, or a thread that computes alone.
pub(crate) struct Member<'a, E> {
    team: Option<&'a Team<E>>,
    index: usize,
}

/// A matrix by rows, of which every member has computed some panels.
pub(crate) struct Shared<'a, T> {
    pub(crate) values: &'a mut [T],
    pub(crate) rows: usize,
    /// From row to row.
    pub(crate) stride: usize,
    /// Columns there are; the last panel may be wider.
    pub(crate) columns: usize,
    /// Columns of a panel.
    pub(crate) panel: usize,
}

impl<E: Copy> Team<E> {
    /// A team of up to so many threads.
    pub(crate) fn of(threads: usize) -> Self {
        let members = threads.clamp(1, MOST_MEMBERS);
        Self {
            states: Exchange::of(members),
            factors: Exchange::of(members),
            members,
            is_broken: AtomicBool::new(false),
        }
    }

    /// The member with this index, if the team has so many.
    pub(crate) fn member(&self, index: usize) -> Option<Member<'_, E>> {
        let team = Some(self);
        (index < self.members).then_some(Member { team, index })
    }
}

impl<E: Copy> Member<'_, E> {
    /// Who computes everything.
    pub(crate) const ALONE: Self = Self { team: None, index: 0 };

    /// The panels of a product that are this member's.
    #[inline(always)]
    pub(crate) fn share(&self, panels: usize) -> Range<usize> {
        match self.team {
            Some(team) => part(panels, self.index, team.members),
            None => 0..panels,
        }
    }

    /// Gives everyone the columns of the residual stream that the others have computed.
    pub(crate) fn exchange_states(&self, states: Shared<'_, f32>) {
        if let Some(team) = self.team {
            team.states.exchange(self.index, states, &team.is_broken);
        }
    }

    /// As [`Member::exchange_states`], of factors.
    pub(crate) fn exchange_factors(&self, factors: Shared<'_, E>) {
        if let Some(team) = self.team {
            team.factors.exchange(self.index, factors, &team.is_broken);
        }
    }
}

/// Nobody waits for a member that panicked.
impl<E> Drop for Member<'_, E> {
    fn drop(&mut self) {
        if let Some(team) = self.team
            && thread::panicking()
        {
            team.is_broken.store(true, Ordering::Release);
        }
    }
}

fn part(panels: usize, index: usize, members: usize) -> Range<usize> {
    panels * index / members..panels * (index + 1) / members
}

/// What members leave for each other, a shelf each.
///
/// A shelf is filled again only when everyone has read it: exchanges of states and of factors take turns, and nobody
/// passes the barrier of one before all have left the other.
struct Exchange<T> {
    shelves: Vec<RwLock<Vec<T>>>,
    barrier: Barrier,
}

impl<T: Copy> Exchange<T> {
    fn of(members: usize) -> Self {
        Self {
            shelves: (0..members).map(|_| RwLock::default()).collect(),
            barrier: Barrier::of(members),
        }
    }

    fn exchange(&self, own: usize, mut shared: Shared<'_, T>, is_broken: &AtomicBool) {
        self.leave(own, &shared);
        self.barrier.wait(is_broken);
        for other in (0..self.shelves.len()).filter(|&member| member != own) {
            self.take(other, &mut shared);
        }
    }

    fn leave(&self, own: usize, shared: &Shared<'_, T>) {
        let columns = self.columns(own, shared);
        let mut shelf = self.shelves[own].write().unwrap_or_else(PoisonError::into_inner);
        shelf.clear();
        for row in shared.values.chunks(shared.stride).take(shared.rows) {
            shelf.extend_from_slice(&row[columns.clone()]);
        }
    }

    fn take(&self, other: usize, shared: &mut Shared<'_, T>) {
        let columns = self.columns(other, shared);
        let shelf = self.shelves[other].read().unwrap_or_else(PoisonError::into_inner);
        // A member without columns leaves an empty shelf.
        let left = shelf.chunks(columns.len().max(1));
        for (row, left) in shared.values.chunks_mut(shared.stride).zip(left) {
            row[columns.clone()].copy_from_slice(left);
        }
    }

    fn columns(&self, member: usize, shared: &Shared<'_, T>) -> Range<usize> {
        let panels = shared.columns.div_ceil(shared.panel);
        let own = part(panels, member, self.shelves.len());
        own.start * shared.panel..shared.columns.min(own.end * shared.panel)
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

    /// What each member of a team has after an exchange in which it filled its own columns with `index + 1`.
    fn exchanged(members: usize, columns: usize) -> Vec<Vec<f32>> {
        let team = Team::<f32>::of(members);
        let fill = |index: usize| {
            let member = team.member(index).unwrap();
            let (panel, stride, rows) = (4, columns + 3, 3);
            let mut values = vec![0.0; rows * stride];
            for _ in 0..100 {
                values.fill(0.0);
                for row in values.chunks_mut(stride) {
                    let own = member.share(columns.div_ceil(panel));
                    row[own.start * panel..columns.min(own.end * panel)].fill(index as f32 + 1.0);
                }
                for exchange in [Member::exchange_states, Member::exchange_factors] {
                    let values = &mut values;
                    exchange(
                        &member,
                        Shared {
                            values,
                            rows,
                            stride,
                            columns,
                            panel,
                        },
                    );
                }
            }
            values
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..members).map(|index| scope.spawn(move || fill(index))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn everyone_has_all_columns_after_an_exchange() {
        for (members, columns) in [(1, 9), (2, 8), (3, 17), (4, 9)] {
            let found = exchanged(members, columns);
            assert!(found.iter().all(|values| *values == found[0]), "{members} {columns}");
            for row in found[0].chunks(columns + 3) {
                assert!(row[..columns].iter().all(|&value| value > 0.0), "{row:?}");
                assert!(row[columns..].iter().all(|&value| value == 0.0), "{row:?}");
            }
        }
    }

    #[test]
    fn a_member_that_panics_stops_the_others() {
        let team = Team::<f32>::of(2);
        let ended = thread::scope(|scope| {
            let panics = scope.spawn(|| {
                let _member = team.member(1).unwrap();
                panic!("on purpose");
            });
            let waits = scope.spawn(|| {
                let shared = Shared {
                    values: &mut [0.0; 4],
                    rows: 1,
                    stride: 4,
                    columns: 4,
                    panel: 2,
                };
                team.member(0).unwrap().exchange_states(shared);
            });
            [panics.join().is_err(), waits.join().is_err()]
        });
        assert_eq!(ended, [true, true]);
    }
}
