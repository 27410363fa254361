//! What callers and the threads that compute have between them: requests come in, texts are taken, answers go out.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use crate::capacity::Room;
use crate::config::Side;
use crate::error::EncoderError;
use crate::work::Work;

/// What a caller gets.
pub(crate) type Answer = Result<Vec<Vec<f32>>, EncoderError>;

/// Texts of one caller on their way.
pub(crate) struct Request {
    pub(crate) texts: Vec<String>,
    pub(crate) side: Side,
    pub(crate) reply: oneshot::Sender<Answer>,
    /// Held until the request is answered or given up.
    pub(crate) room: Room,
}

/// A queue's two ends.
pub(crate) fn queue(work: Work) -> (Entrance, Exit) {
    let state = State {
        requests: VecDeque::new(),
        work,
        busy: 0,
        is_closed: false,
    };
    let queue = Arc::new(Queue {
        state: Mutex::new(state),
        changed: Condvar::new(),
    });
    (Entrance(Arc::clone(&queue)), Exit(queue))
}

/// The callers' end. When it is gone nothing is computed any more.
pub(crate) struct Entrance(Arc<Queue>);

/// The end of the threads that compute. When it is gone callers are told so.
pub(crate) struct Exit(Arc<Queue>);

/// One thread's part in a round, in which every thread takes some texts when it has done some.
pub(crate) struct Turns<'a>(&'a Queue);

struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Not tokenized yet.
    requests: VecDeque<Request>,
    work: Work,
    /// Threads of the round that compute, or may find something to; none when it is over.
    busy: usize,
    /// Whether one of the ends is gone.
    is_closed: bool,
}

impl Entrance {
    /// **Errors**: [`EncoderError::Stopped`].
    pub(crate) fn put(&self, request: Request) -> Result<(), EncoderError> {
        let mut state = self.0.state();
        if state.is_closed {
            return Err(EncoderError::Stopped);
        }
        state.requests.push_back(request);
        self.0.changed.notify_one();
        Ok(())
    }
}

impl Exit {
    /// Waits for something to do; whether there is any, now or ever.
    pub(crate) fn wait(&self) -> bool {
        let nothing_yet = |state: &mut State| state.has_nothing() && !state.is_closed;
        !self.0.wait_while(nothing_yet).is_closed
    }

    /// The next request if there is one.
    pub(crate) fn next_request(&self) -> Option<Request> {
        self.0.state().requests.pop_front()
    }

    /// Looks at the texts that wait, or changes them.
    pub(crate) fn work<R>(&self, act: impl FnOnce(&mut Work) -> R) -> R {
        act(&mut self.0.state().work)
    }

    /// Adds the texts of a request, also for the threads that wait for something to do.
    pub(crate) fn add(&self, sequences: Vec<Vec<u32>>, reply: oneshot::Sender<Answer>, room: Room) {
        self.work(|work| work.add(sequences, reply, room));
        self.0.changed.notify_all();
    }

    /// So many threads begin a round.
    pub(crate) fn begin_round(&self, threads: usize) {
        self.0.state().busy = threads;
    }

    /// A thread's part in the round.
    pub(crate) fn turns(&self) -> Turns<'_> {
        Turns(&self.0)
    }
}

impl Turns<'_> {
    /// A thread that found nothing waits as long as another one computes: what comes in meanwhile is for it. Whether
    /// anything came; otherwise the round is over, for all.
    pub(crate) fn wait(&self) -> bool {
        let Self(queue) = self;
        queue.state().busy -= 1;
        let others_compute = |state: &mut State| state.has_nothing() && state.busy > 0 && !state.is_closed;
        let mut state = queue.wait_while(others_compute);
        // Nobody stays in a round alone that others have left.
        let goes_on = state.busy > 0 && !state.is_closed;
        if goes_on {
            state.busy += 1;
        } else {
            queue.changed.notify_all();
        }
        goes_on
    }
}

/// Nobody waits for a thread that panicked.
impl Drop for Turns<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.close();
        }
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while(&self, condition: impl FnMut(&mut State) -> bool) -> MutexGuard<'_, State> {
        let waited = self.changed.wait_while(self.state(), condition);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        // Their callers hear that there will be no answer.
        state.requests.clear();
        self.changed.notify_all();
    }
}

impl State {
    fn has_nothing(&self) -> bool {
        self.requests.is_empty() && self.work.is_empty()
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Drop for Exit {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::mpsc::channel;

    use super::*;
    use crate::capacity::Capacity;
    use crate::packing::Packing;

    fn request() -> Request {
        Request {
            texts: vec!["text".to_owned()],
            side: Side::Passage,
            reply: oneshot::channel().0,
            room: Capacity::new(1).reserve(1).unwrap(),
        }
    }

    fn texts(exit: &Exit, count: usize) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        let room = Capacity::new(count).reserve(count).unwrap();
        exit.add(vec![vec![1]; count], reply, room);
        answer
    }

    #[test]
    fn who_has_nothing_to_compute_takes_what_comes_in_while_another_computes() {
        let (entrance, exit) = queue(Work::new(8));
        exit.begin_round(2);
        thread::scope(|scope| {
            let (taken, is_taken) = channel();
            scope.spawn(|| {
                let turns = exit.turns();
                assert!(turns.wait());
                taken.send(exit.next_request().is_some()).unwrap();
                assert!(turns.wait());
                let packing = Packing::Packed { budget: 8 };
                taken.send(!exit.work(|work| work.take(packing, 1)).is_empty()).unwrap();
                assert!(!turns.wait());
                drop(taken);
            });
            let computes = exit.turns();
            entrance.put(request()).unwrap();
            assert!(is_taken.recv().unwrap());
            let _answer = texts(&exit, 1);
            assert!(is_taken.recv().unwrap());
            assert!(!computes.wait());
        });
    }

    #[test]
    fn nobody_stays_in_a_round_that_is_over() {
        let (entrance, exit) = queue(Work::new(8));
        exit.begin_round(1);
        entrance.put(request()).unwrap();
        assert!(!exit.turns().wait());
        assert!(exit.wait() && exit.next_request().is_some());
    }

    #[test]
    fn a_thread_that_panics_ends_the_round_and_the_queue() {
        let (entrance, exit) = queue(Work::new(8));
        exit.begin_round(2);
        thread::scope(|scope| {
            let waits = scope.spawn(|| !exit.turns().wait());
            let panics = || {
                let _turns = exit.turns();
                panic!("on purpose");
            };
            assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
            assert!(waits.join().unwrap());
        });
        assert!(matches!(entrance.put(request()), Err(EncoderError::Stopped)));
        assert!(!exit.wait());
    }

    #[test]
    fn neither_end_waits_for_the_other_when_that_is_gone() {
        let (entrance, exit) = queue(Work::new(8));
        drop(entrance);
        assert!(!exit.wait());
        let (entrance, exit) = queue(Work::new(8));
        drop(exit);
        assert!(matches!(entrance.put(request()), Err(EncoderError::Stopped)));
    }
}
