//! The threads that compute; the first of them owns the model.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use crate::error::EncoderError;
use crate::kernel::Network;
use crate::pooling::unit;
use crate::queue::Request;
use crate::tokens::TextTokenizer;
use crate::work::{Waiting, Work, answer};

/// Everything the threads compute with.
pub(crate) struct Worker {
    pub(crate) network: Network,
    pub(crate) tokenizer: Arc<TextTokenizer>,
    /// Length of a vector.
    pub(crate) dimensions: usize,
    pub(crate) batch_tokens: usize,
}

/// What the threads share.
struct Shared {
    requests: Mutex<Receiver<Request>>,
    work: Mutex<Work>,
}

impl Worker {
    /// Serves requests until every handle is gone and the last request is answered. What it computes with is the pool
    /// its thread is one of.
    pub(crate) fn run(self, requests: Receiver<Request>) {
        let shared = Shared {
            requests: Mutex::new(requests),
            work: Mutex::new(Work::new(self.batch_tokens)),
        };
        loop {
            if shared.work().is_empty() {
                match shared.requests().recv() {
                    Ok(request) => self.accept(&shared, request),
                    Err(_) => return,
                }
            }
            self.accept_all(&shared);
            self.round(&shared);
        }
    }

    fn accept_all(&self, shared: &Shared) {
        while let Some(request) = shared.next_request() {
            self.accept(shared, request);
        }
    }

    /// Takes a request in, its texts tokenized; a caller who left is not served.
    fn accept(&self, shared: &Shared, request: Request) {
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
            Ok(sequences) => shared.work().add(sequences, reply, room),
            Err(error) => answer(reply, room, Err(error)),
        }
    }

    /// One text by itself is computed by all threads together. Of several, each thread takes some when it has done some,
    /// with what comes in meanwhile, until one finds nothing left; where the network brings its own threads there is
    /// one that takes.
    fn round(&self, shared: &Shared) {
        if let Some(text) = shared.take_only() {
            return self.compute(shared, vec![text], |ids| self.network.forward_together(ids));
        }
        let is_over = AtomicBool::new(false);
        if self.network.is_one_thread() {
            rayon::broadcast(|_| self.take_turns(shared, &is_over));
        } else {
            self.take_turns(shared, &is_over);
        }
    }

    fn take_turns(&self, shared: &Shared, is_over: &AtomicBool) {
        let packing = self.network.packing(self.batch_tokens);
        while !is_over.load(Ordering::Relaxed) {
            self.accept_all(shared);
            let texts = shared.work().take(packing, rayon::current_num_threads());
            if texts.is_empty() {
                is_over.store(true, Ordering::Relaxed);
            } else {
                self.compute(shared, texts, |ids| self.network.forward(ids));
            }
        }
    }

    fn compute(
        &self,
        shared: &Shared,
        mut texts: Vec<Waiting>,
        forward: impl FnOnce(&[Vec<u32>]) -> Result<Vec<Vec<f32>>, EncoderError>,
    ) {
        let sequences: Vec<Vec<u32>> = texts.iter_mut().map(|text| std::mem::take(&mut text.ids)).collect();
        match guarded(|| forward(&sequences)) {
            Ok(vectors) => {
                let vectors: Vec<_> = vectors.into_iter().map(unit).collect();
                let mut work = shared.work();
                for (text, vector) in texts.iter().zip(vectors) {
                    match vector {
                        Some(vector) => work.deliver(text, vector),
                        None => work.fail(text, &EncoderError::NoVector),
                    }
                }
            }
            Err(error) => {
                let mut work = shared.work();
                texts.iter().for_each(|text| work.fail(text, &error));
            }
        }
    }
}

impl Shared {
    fn requests(&self) -> MutexGuard<'_, Receiver<Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_request(&self) -> Option<Request> {
        self.requests().try_recv().ok()
    }

    fn take_only(&self) -> Option<Waiting> {
        self.work().take_only()
    }
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

    #[test]
    fn a_panic_becomes_an_error_with_its_words() {
        let error = guarded::<()>(|| panic!("all is lost")).unwrap_err();
        assert_eq!(error.to_string(), "the encoder panicked: all is lost");
    }
}
