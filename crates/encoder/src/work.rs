//! What the threads of an encoder have before them.

use std::collections::{HashMap, VecDeque};

use tokio::sync::oneshot;

use crate::capacity::Room;
use crate::error::EncoderError;
use crate::packing::Packing;
use crate::queue::Answer;

/// A text of an open request.
#[derive(Debug)]
pub(crate) struct Waiting {
    request: u64,
    position: usize,
    pub(crate) ids: Vec<u32>,
}

/// A request that is not answered yet.
struct Open {
    reply: oneshot::Sender<Answer>,
    vectors: Vec<Vec<f32>>,
    left: usize,
    room: Room,
}

/// Requests taken in and not yet answered.
///
/// Requests take turns, a text each: who asks for one text does not wait for somebody's ten thousand. Some texts at a
/// time are put in order of their lengths, the longest first, because the short ones then even out what the threads
/// have done.
pub(crate) struct Work {
    next: u64,
    open: HashMap<u64, Open>,
    /// Texts of each request, the one whose turn it is in front.
    turns: VecDeque<VecDeque<Waiting>>,
    /// Those that are next, by rising length.
    window: Vec<Waiting>,
    /// How many are put in order together. **Units**: tokens.
    window_tokens: usize,
    /// Of all texts that wait. **Units**: tokens.
    tokens: usize,
}

impl Work {
    pub(crate) fn new(window_tokens: usize) -> Self {
        Self {
            next: 0,
            open: HashMap::new(),
            turns: VecDeque::new(),
            window: Vec::new(),
            window_tokens,
            tokens: 0,
        }
    }

    /// Whether no text waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.window.is_empty() && self.turns.is_empty()
    }

    /// Takes in the texts of a request.
    pub(crate) fn add(&mut self, sequences: Vec<Vec<u32>>, reply: oneshot::Sender<Answer>, room: Room) {
        let left = sequences.len();
        if left == 0 {
            return answer(reply, room, Ok(Vec::new()));
        }
        let request = self.next;
        self.next += 1;
        let vectors = vec![Vec::new(); left];
        let open = Open {
            reply,
            vectors,
            left,
            room,
        };
        self.open.insert(request, open);
        self.tokens += sequences.iter().map(Vec::len).sum::<usize>();
        let waiting = |(position, ids)| Waiting { request, position, ids };
        self.turns
            .push_back(sequences.into_iter().enumerate().map(waiting).collect());
    }

    /// The one text that waits, if there is exactly one.
    pub(crate) fn take_only(&mut self) -> Option<Waiting> {
        self.fill_window();
        let is_only = self.window.len() == 1 && self.turns.is_empty();
        let only = is_only.then(|| self.window.pop()).flatten()?;
        self.tokens -= only.ids.len();
        self.is_wanted(&only).then_some(only)
    }

    /// The next texts to compute together, none of a caller who left; empty when no text waits.
    pub(crate) fn take(&mut self, packing: Packing, threads: usize) -> Vec<Waiting> {
        loop {
            self.fill_window();
            let lengths: Vec<usize> = self.window.iter().rev().map(|text| text.ids.len()).collect();
            let places = packing.choose(&lengths, self.tokens, threads);
            // From the last in the window on, so that the places of the others stay what they are.
            let take = |place| self.window.remove(lengths.len() - 1 - place);
            let mut taken: Vec<Waiting> = places.into_iter().map(take).collect();
            self.tokens -= taken.iter().map(|text| text.ids.len()).sum::<usize>();
            taken.retain(|text| self.is_wanted(text));
            if !taken.is_empty() || self.is_empty() {
                return taken;
            }
        }
    }

    fn fill_window(&mut self) {
        if !self.window.is_empty() {
            return;
        }
        let mut tokens = 0;
        while tokens < self.window_tokens
            && let Some(mut request) = self.turns.pop_front()
        {
            let Some(text) = request.pop_front() else { continue };
            tokens += text.ids.len();
            self.window.push(text);
            if !request.is_empty() {
                self.turns.push_back(request);
            }
        }
        self.window.sort_by_key(|text| text.ids.len());
    }

    /// A request whose caller left is closed.
    fn is_wanted(&mut self, text: &Waiting) -> bool {
        let Some(open) = self.open.get(&text.request) else {
            return false;
        };
        if open.reply.is_closed() {
            self.open.remove(&text.request);
            return false;
        }
        true
    }

    /// Hands a text's vector in; the last one answers the request.
    pub(crate) fn deliver(&mut self, text: &Waiting, vector: Vec<f32>) {
        let Some(open) = self.open.get_mut(&text.request) else {
            return;
        };
        open.vectors[text.position] = vector;
        open.left -= 1;
        if open.left == 0
            && let Some(open) = self.open.remove(&text.request)
        {
            answer(open.reply, open.room, Ok(open.vectors));
        }
    }

    /// Answers the text's request with an error.
    pub(crate) fn fail(&mut self, text: &Waiting, error: &EncoderError) {
        if let Some(open) = self.open.remove(&text.request) {
            answer(open.reply, open.room, Err(error.clone()));
        }
    }
}

/// The room is free before the caller hears of it and sends more; one who left in the meantime misses nothing.
pub(crate) fn answer(reply: oneshot::Sender<Answer>, room: Room, answer: Answer) {
    drop(room);
    let _ = reply.send(answer);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::Capacity;

    const PACKING: Packing = Packing::Packed { budget: 8 };

    fn add(work: &mut Work, lengths: &[usize]) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        let room = Capacity::new(9).reserve(lengths.len()).unwrap();
        work.add(lengths.iter().map(|&length| vec![1; length]).collect(), reply, room);
        answer
    }

    fn lengths(texts: &[Waiting]) -> Vec<usize> {
        texts.iter().map(|text| text.ids.len()).collect()
    }

    #[test]
    fn the_longest_come_first_and_nothing_is_left_out() {
        let mut work = Work::new(100);
        let _answer = add(&mut work, &[4, 3, 9, 1]);
        assert_eq!(lengths(&work.take(PACKING, 1)), [9]);
        assert_eq!(lengths(&work.take(PACKING, 1)), [4, 3, 1]);
        assert!(work.take(PACKING, 1).is_empty() && work.is_empty());
    }

    #[test]
    fn one_text_does_not_wait_for_a_large_request() {
        let mut work = Work::new(4);
        let _large = add(&mut work, &[2; 50]);
        let _small = add(&mut work, &[3]);
        assert_eq!(lengths(&work.take(PACKING, 1)), [3, 2]);
    }

    #[test]
    fn only_a_text_by_itself_is_the_only_one() {
        let mut work = Work::new(100);
        let _answers = [add(&mut work, &[2]), add(&mut work, &[3])];
        assert!(work.take_only().is_none());
        work.take(Packing::Packed { budget: 3 }, 1);
        assert_eq!(work.take_only().map(|text| text.ids.len()), Some(2));
        assert!(work.take_only().is_none() && work.is_empty());
    }

    #[test]
    fn texts_of_a_caller_who_left_are_not_computed() {
        let mut work = Work::new(100);
        drop(add(&mut work, &[2, 9]));
        let _answer = add(&mut work, &[1]);
        assert_eq!(lengths(&work.take(PACKING, 1)), [1]);
        drop(add(&mut work, &[2]));
        assert!(work.take_only().is_none() && work.open.len() == 1);
    }

    #[test]
    fn answers_keep_the_order_of_the_texts() {
        let mut work = Work::new(100);
        let mut answer = add(&mut work, &[1, 2]);
        let texts = work.take(PACKING, 1);
        work.deliver(&texts[0], vec![0.0, 2.0]);
        work.deliver(&texts[1], vec![2.0, 0.0]);
        assert_eq!(answer.try_recv().unwrap().unwrap(), [[2.0, 0.0], [0.0, 2.0]]);
    }

    #[test]
    fn one_bad_text_fails_its_request_once() {
        let mut work = Work::new(100);
        let mut answer = add(&mut work, &[1, 9]);
        let first = work.take(PACKING, 1);
        work.fail(&first[0], &EncoderError::NoVector);
        assert!(matches!(answer.try_recv().unwrap(), Err(EncoderError::NoVector)));
        assert!(work.take(PACKING, 1).is_empty());
    }
}
