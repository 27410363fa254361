//! The threads that compute; the first of them owns the model.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rayon::prelude::*;

use crate::error::EncoderError;
use crate::network::Network;
use crate::pooling::unit;
use crate::queue::{Exit, Request};
use crate::tokens::TextTokenizer;
use crate::work::{Waiting, Work, answer};

/// Everything the threads compute with.
pub(crate) struct Worker {
    pub(crate) network: Box<dyn Network>,
    pub(crate) tokenizer: Arc<TextTokenizer>,
    /// Length of a vector.
    pub(crate) dimensions: usize,
    /// Where texts are cut. **Units**: tokens.
    pub(crate) max_tokens: usize,
    pub(crate) batch_tokens: usize,
}

impl Worker {
    /// Serves requests until every handle is gone. What it computes with is the pool its thread is one of.
    pub(crate) fn run(self, queue: Exit) {
        while queue.wait() {
            self.accept_all(&queue);
            self.round(&queue);
        }
    }

    fn accept_all(&self, queue: &Exit) {
        while let Some(request) = queue.next_request() {
            self.accept(queue, request);
        }
    }

    /// Takes a request in, its texts tokenized; a caller who left is not served.
    fn accept(&self, queue: &Exit, request: Request) {
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
            Ok(sequences) => queue.add(sequences, reply, room),
            Err(error) => answer(reply, room, Err(error)),
        }
    }

    /// One text by itself is computed by all threads together. Of several, each thread takes some when it has done some,
    /// with what comes in meanwhile, until none of them finds anything left; where the network brings its own threads
    /// there is one that takes.
    fn round(&self, queue: &Exit) {
        if let Some(text) = queue.work(Work::take_only) {
            return self.compute(queue, vec![text], |ids| self.network.forward_together(ids));
        }
        if self.network.is_one_thread() {
            queue.begin_round(rayon::current_num_threads());
            rayon::broadcast(|_| self.take_turns(queue));
        } else {
            queue.begin_round(1);
            self.take_turns(queue);
        }
    }

    fn take_turns(&self, queue: &Exit) {
        let packing = self.network.packing(self.batch_tokens);
        let threads = rayon::current_num_threads();
        let turns = queue.turns();
        loop {
            self.accept_all(queue);
            let texts = queue.work(|work| work.take(packing, threads));
            if !texts.is_empty() {
                self.compute(queue, texts, |ids| self.network.forward(ids));
            } else if !turns.wait() {
                return;
            }
        }
    }

    fn compute(
        &self,
        queue: &Exit,
        mut texts: Vec<Waiting>,
        forward: impl FnOnce(&[Vec<u32>]) -> Result<Vec<Vec<f32>>, EncoderError>,
    ) {
        let sequences: Vec<Vec<u32>> = texts.iter_mut().map(|text| std::mem::take(&mut text.ids)).collect();
        match guarded(|| forward(&sequences)) {
            Ok(vectors) => {
                let vectors: Vec<_> = vectors.into_iter().map(unit).collect();
                queue.work(|work| {
                    for (text, vector) in texts.iter().zip(vectors) {
                        match vector {
                            Some(vector) => work.deliver(text, vector),
                            None => work.fail(text, &EncoderError::NoVector),
                        }
                    }
                });
            }
            Err(error) => queue.work(|work| texts.iter().for_each(|text| work.fail(text, &error))),
        }
    }
}

/// A panic becomes an error of the request it belongs to.
fn guarded<T>(act: impl FnOnce() -> Result<T, EncoderError>) -> Result<T, EncoderError> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|_words| {
        tracing::error!("the encoder panicked");
        Err(EncoderError::Panicked)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_without_its_words() {
        let text = "naïve ticket";
        let error = guarded(|| Ok(text[..3].len())).unwrap_err();
        assert!(matches!(error, EncoderError::Panicked));
        assert!(!format!("{error} {error:?}").contains("ticket"));
    }
}
