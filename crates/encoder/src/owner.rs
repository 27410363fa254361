//! The thread that owns the model: takes what waits, packs it into batches, answers each caller.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::sync::oneshot;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::batch::pack;
use crate::config::Config;
use crate::error::EncoderError;
use crate::kernel::Network;
use crate::tokenize::Tokenizer;

type Answer = Result<Vec<Vec<f32>>, EncoderError>;

/// Texts of one caller, and where their vectors go.
struct Job {
    texts: Vec<String>,
    answer: oneshot::Sender<Answer>,
    /// Its places in the queue, free again when the job is done or dropped.
    _places: OwnedSemaphorePermit,
}

/// The way to the thread. The thread ends when the last handle is gone.
#[derive(Clone)]
pub(crate) struct Owner {
    jobs: Sender<Job>,
    places: Arc<Semaphore>,
    limit: usize,
}

impl Owner {
    pub(crate) fn start(network: Network, tokenizer: Tokenizer, config: &Config) -> Result<Self, EncoderError> {
        let (jobs, waiting) = channel();
        let budget = config.batch_tokens.max(1);
        std::thread::Builder::new()
            .name("encoder".to_owned())
            .spawn(move || serve(&network, &tokenizer, budget, &waiting))
            .map_err(EncoderError::StartThread)?;
        Ok(Owner { jobs, places: Arc::new(Semaphore::new(config.queue_texts)), limit: config.queue_texts })
    }

    /// Puts texts into the queue.
    pub(crate) fn ask(&self, texts: Vec<String>) -> Result<oneshot::Receiver<Answer>, EncoderError> {
        if texts.len() > self.limit {
            return Err(EncoderError::TooMany { texts: texts.len(), limit: self.limit });
        }
        let wanted = u32::try_from(texts.len()).unwrap_or(u32::MAX);
        let places = Arc::clone(&self.places).try_acquire_many_owned(wanted).map_err(|_| EncoderError::Busy)?;
        let (answer, receiver) = oneshot::channel();
        self.jobs.send(Job { texts, answer, _places: places }).map_err(|_| EncoderError::Gone)?;
        Ok(receiver)
    }
}

fn serve(network: &Network, tokenizer: &Tokenizer, budget: usize, waiting: &Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        // Whoever left while waiting is skipped.
        let jobs: Vec<Job> =
            std::iter::once(first).chain(waiting.try_iter()).filter(|job| !job.answer.is_closed()).collect();
        let vectors = catch_unwind(AssertUnwindSafe(|| compute(network, tokenizer, budget, &jobs)));
        match vectors.unwrap_or(Err(EncoderError::Panicked)) {
            Ok(vectors) => answer(jobs, vectors),
            // One caller's text must not fail the others: each is tried alone.
            Err(_) if jobs.len() > 1 => jobs.into_iter().for_each(|job| alone(network, tokenizer, budget, job)),
            Err(error) => refuse(jobs, error),
        }
    }
}

fn alone(network: &Network, tokenizer: &Tokenizer, budget: usize, job: Job) {
    let jobs = vec![job];
    match catch_unwind(AssertUnwindSafe(|| compute(network, tokenizer, budget, &jobs))) {
        Ok(Ok(vectors)) => answer(jobs, vectors),
        Ok(Err(error)) => refuse(jobs, error),
        Err(_) => refuse(jobs, EncoderError::Panicked),
    }
}

/// Vectors of all texts of all jobs, one after another.
fn compute(network: &Network, tokenizer: &Tokenizer, budget: usize, jobs: &[Job]) -> Answer {
    let texts: Vec<String> = jobs.iter().flat_map(|job| job.texts.iter().cloned()).collect();
    let sequences = tokenizer.encode(&texts)?;
    let lengths: Vec<usize> = sequences.iter().map(Vec::len).collect();
    let mut vectors = vec![Vec::new(); sequences.len()];
    for batch in pack(&lengths, budget) {
        let ids: Vec<&[u32]> = batch.iter().map(|&at| sequences[at].as_slice()).collect();
        for (at, vector) in batch.into_iter().zip(network.forward(&ids)?) {
            vectors[at] = vector;
        }
    }
    Ok(vectors)
}

fn answer(jobs: Vec<Job>, vectors: Vec<Vec<f32>>) {
    let mut vectors = vectors.into_iter();
    for job in jobs {
        let own = vectors.by_ref().take(job.texts.len()).collect();
        // A caller who has left meanwhile wants no answer.
        let _ = job.answer.send(Ok(own));
    }
}

fn refuse(jobs: Vec<Job>, error: EncoderError) {
    if let Some(job) = jobs.into_iter().next() {
        let _ = job.answer.send(Err(error));
    }
}
