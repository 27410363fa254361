//! The thread that owns the model.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use rayon::prelude::*;
use tokio::sync::oneshot;

use crate::error::EncoderError;
use crate::kernel::Network;
use crate::packing::pack;
use crate::pooling::unit;
use crate::queue::{Answer, Request, Room};
use crate::tokens::TextTokenizer;

/// Batches' worth of tokens sorted by length together. More pads less, fewer answers sooner.
const ROUND_BATCHES: usize = 8;

/// Everything the thread computes with.
pub(crate) struct Worker {
    pub(crate) network: Network,
    pub(crate) tokenizer: Arc<TextTokenizer>,
    /// Length of a vector.
    pub(crate) dimensions: usize,
    pub(crate) batch_tokens: usize,
}

/// A text of an open request.
struct Waiting {
    request: u64,
    position: usize,
    ids: Vec<u32>,
}

/// A request that is not answered yet.
struct Open {
    reply: oneshot::Sender<Answer>,
    vectors: Vec<Vec<f32>>,
    left: usize,
    room: Room,
}

#[derive(Default)]
struct Desk {
    next: u64,
    open: HashMap<u64, Open>,
    waiting: VecDeque<Waiting>,
}

impl Worker {
    /// Serves requests until every handle is gone and the last request is answered. What it computes with is the pool
    /// its thread is one of.
    pub(crate) fn run(self, requests: &Receiver<Request>) {
        let mut desk = Desk::default();
        loop {
            if desk.waiting.is_empty() {
                match requests.recv() {
                    Ok(request) => self.accept(&mut desk, request),
                    Err(_) => return,
                }
            }
            requests.try_iter().for_each(|request| self.accept(&mut desk, request));
            self.round(&mut desk);
        }
    }

    /// Takes a request in, its texts tokenized; a caller who left is not served.
    fn accept(&self, desk: &mut Desk, request: Request) {
        let Request {
            texts,
            side,
            reply,
            room,
        } = request;
        if reply.is_closed() {
            return;
        }
        let encode = || texts.par_iter().map(|text| self.tokenizer.encode(text, side)).collect();
        match guarded(encode) {
            Ok(sequences) => desk.add(sequences, reply, room),
            Err(error) => answer(reply, room, Err(error)),
        }
    }

    /// Computes the texts that waited longest, shorter ones first.
    fn round(&self, desk: &mut Desk) {
        let mut texts = desk.take(self.batch_tokens * ROUND_BATCHES);
        texts.sort_by_key(|text| text.ids.len());
        let lengths: Vec<usize> = texts.iter().map(|text| text.ids.len()).collect();
        let mut texts = texts.into_iter();
        for batch in pack(&lengths, self.batch_tokens) {
            self.compute(desk, texts.by_ref().take(batch.len()).collect());
        }
    }

    fn compute(&self, desk: &mut Desk, mut batch: Vec<Waiting>) {
        batch.retain(|text| desk.wants(text));
        if batch.is_empty() {
            return;
        }
        let sequences: Vec<Vec<u32>> = batch.iter_mut().map(|text| std::mem::take(&mut text.ids)).collect();
        match guarded(|| self.network.forward(&sequences)) {
            Ok(vectors) => batch
                .iter()
                .zip(vectors)
                .for_each(|(text, vector)| desk.deliver(text, vector)),
            Err(error) => batch.iter().for_each(|text| desk.fail(text, &error)),
        }
    }
}

impl Desk {
    fn add(&mut self, sequences: Vec<Vec<u32>>, reply: oneshot::Sender<Answer>, room: Room) {
        let left = sequences.len();
        if left == 0 {
            return answer(reply, room, Ok(Vec::new()));
        }
        let request = self.next;
        self.next += 1;
        self.open.insert(
            request,
            Open {
                reply,
                vectors: vec![Vec::new(); left],
                left,
                room,
            },
        );
        let waiting = |(position, ids)| Waiting { request, position, ids };
        self.waiting.extend(sequences.into_iter().enumerate().map(waiting));
    }

    /// The texts in front, up to a budget, at least one. **Units**: tokens.
    fn take(&mut self, budget: usize) -> Vec<Waiting> {
        let mut tokens = 0;
        let mut taken = Vec::new();
        while let Some(text) = self
            .waiting
            .pop_front_if(|text| taken.is_empty() || tokens + text.ids.len() <= budget)
        {
            tokens += text.ids.len();
            taken.push(text);
        }
        taken
    }

    /// Whether anyone still wants this text; a request whose caller left is closed.
    fn wants(&mut self, text: &Waiting) -> bool {
        let Some(open) = self.open.get(&text.request) else {
            return false;
        };
        if open.reply.is_closed() {
            self.open.remove(&text.request);
            return false;
        }
        true
    }

    fn deliver(&mut self, text: &Waiting, vector: Vec<f32>) {
        let Some(vector) = unit(vector) else {
            return self.fail(text, &EncoderError::NoVector);
        };
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

    fn fail(&mut self, text: &Waiting, error: &EncoderError) {
        if let Some(open) = self.open.remove(&text.request) {
            answer(open.reply, open.room, Err(error.clone()));
        }
    }
}

/// The room is free before the caller hears of it and sends more; one who left in the meantime misses nothing.
fn answer(reply: oneshot::Sender<Answer>, room: Room, answer: Answer) {
    drop(room);
    let _ = reply.send(answer);
}

/// A panic becomes an error of the request it belongs to.
fn guarded<T>(act: impl FnOnce() -> Result<T, EncoderError>) -> Result<T, EncoderError> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| {
        let message = message(panic.as_ref());
        tracing::error!(panic.message = %message, "the encoder panicked");
        Err(EncoderError::Panicked { message })
    })
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::Capacity;

    fn desk(lengths: &[usize]) -> (Desk, oneshot::Receiver<Answer>) {
        let (reply, answer) = oneshot::channel();
        let mut desk = Desk::default();
        let room = Capacity::new(9).reserve(lengths.len()).unwrap();
        desk.add(lengths.iter().map(|&length| vec![1; length]).collect(), reply, room);
        (desk, answer)
    }

    #[test]
    fn a_round_takes_from_the_front_up_to_its_budget() {
        let (mut desk, _answer) = desk(&[4, 3, 9, 1]);
        let lengths = |texts: Vec<Waiting>| texts.iter().map(|text| text.ids.len()).collect::<Vec<_>>();
        assert_eq!(lengths(desk.take(8)), [4, 3]);
        assert_eq!(lengths(desk.take(8)), [9]);
        assert_eq!(lengths(desk.take(8)), [1]);
    }

    #[test]
    fn texts_of_a_caller_who_left_are_not_wanted() {
        let (mut desk, answer) = desk(&[2]);
        let text = desk.take(8).remove(0);
        assert!(desk.wants(&text));
        drop(answer);
        assert!(!desk.wants(&text));
        assert!(desk.open.is_empty());
    }

    #[test]
    fn answers_keep_the_order_of_the_texts() {
        let (mut desk, mut answer) = desk(&[1, 1]);
        let texts = desk.take(8);
        desk.deliver(&texts[1], vec![0.0, 2.0]);
        desk.deliver(&texts[0], vec![2.0, 0.0]);
        assert_eq!(answer.try_recv().unwrap().unwrap(), [[1.0, 0.0], [0.0, 1.0]]);
    }

    #[test]
    fn a_panic_becomes_an_error_with_its_words() {
        let error = guarded::<()>(|| panic!("all is lost")).unwrap_err();
        assert_eq!(error.to_string(), "the encoder panicked: all is lost");
    }

    #[test]
    fn one_bad_text_fails_its_request_once() {
        let (mut desk, mut answer) = desk(&[1, 1]);
        let texts = desk.take(8);
        desk.deliver(&texts[0], vec![f32::NAN]);
        assert!(matches!(answer.try_recv().unwrap(), Err(EncoderError::NoVector)));
        assert!(!desk.wants(&texts[1]));
    }
}
