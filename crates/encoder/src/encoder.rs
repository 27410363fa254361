//! The handle everyone else holds.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use manifest::{EncoderSpec, Glossary, Manifest, Model, hexadecimal};
use rayon::{ThreadPool, ThreadPoolBuilder};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use crate::capacity::Capacity;
use crate::config::{Config, Side};
use crate::error::EncoderError;
use crate::network;
use crate::network_config;
use crate::queue::{Answer, Entrance, Exit, Request, queue};
use crate::tokens::TextTokenizer;
use crate::weights::Weights;
use crate::work::Work;
use crate::worker::Worker;

/// Bytes of the glossary's sum in a revision.
const GLOSSARY_SUM_BYTES: usize = 4;

/// Length of a fingerprint: texts of one desk never share one by accident.
const FINGERPRINT_BYTES: usize = 16;

/// How far the threads that compute stand back, of 19: enough that whoever wakes up need not wait for them, and so little
/// that they keep most of a processor that other programs want as well.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 3;

/// A cheap handle to the thread that owns a model; clones share it. The thread ends with the last handle.
#[derive(Clone)]
pub struct Encoder {
    requests: Arc<Entrance>,
    capacity: Capacity,
    tokenizer: Arc<TextTokenizer>,
    facts: Arc<Facts>,
    glossary: Option<Glossary>,
}

struct Facts {
    model: String,
    /// Of the model by its manifest.
    revision: String,
    /// The same with the sum of the glossary that texts are read by.
    revision_by_glossary: String,
    max_tokens: usize,
    dimensions: usize,
    kernel: &'static str,
    threads: usize,
}

impl Encoder {
    /// Opens a model folder, checks all of it, and starts the thread that owns it. Blocks while it reads.
    ///
    /// **Errors**: a missing or altered file, a configuration, tokenizer or weights that do not fit each other, NaN
    /// among the weights, settings that cannot work.
    pub fn open(folder: &Path, config: Config) -> Result<Self, EncoderError> {
        let (model, worker) = load(folder, &config)?;
        let glossary = model.manifest.encoder.as_ref().and_then(|spec| spec.glossary);
        let facts = Facts {
            revision_by_glossary: revision(&model.manifest),
            dimensions: worker.dimensions,
            max_tokens: worker.max_tokens,
            model: model.manifest.name,
            revision: model.manifest.revision,
            kernel: worker.network.kernel().name(),
            threads: config.thread_count(),
        };
        tracing::info!(
            encoder.model = %facts.model,
            encoder.kernel = facts.kernel,
            encoder.threads = facts.threads,
            "the encoder is loaded"
        );
        let tokenizer = Arc::clone(&worker.tokenizer);
        let (entrance, exit) = queue(Work::new(config.batch_tokens));
        start(worker, config.thread_count(), exit)?;
        Ok(Self {
            requests: Arc::new(entrance),
            capacity: Capacity::new(config.queue_texts),
            tokenizer,
            facts: Arc::new(facts),
            glossary,
        })
    }

    /// The same model given every text as it is written, as other programs that run it would.
    #[must_use]
    pub fn verbatim(&self) -> Self {
        Self {
            glossary: None,
            ..self.clone()
        }
    }

    /// The same model behind half of the queue, so that others find room beside it.
    pub(crate) fn beside_others(&self) -> Self {
        Self {
            capacity: self.capacity.half(),
            ..self.clone()
        }
    }

    /// How many texts may wait for this handle's answers and those of others.
    pub(crate) fn queue_texts(&self) -> usize {
        self.capacity.limit()
    }

    /// Unit vectors of texts, in their order, each read by the model's glossary where it has one. Dropping the future takes the texts out of the queue.
    ///
    /// **Shape**: `[texts][dimensions]` f32. **Errors**: [`EncoderError::Busy`] when the queue is full.
    pub async fn embed(&self, texts: Vec<String>, side: Side) -> Answer {
        self.submit(texts, side)?.await.unwrap_or(Err(EncoderError::Stopped))
    }

    /// The unit vector of a text and its [`Encoder::fingerprint`], for which it is read once.
    ///
    /// **Shape**: `[dimensions]` f32. **Errors**: [`EncoderError::Busy`] when the queue is full.
    pub async fn embed_named(&self, text: String, side: Side) -> Result<(Vec<f32>, String), EncoderError> {
        let read = self.as_read(text);
        let fingerprint = self.fingerprint_of_read(&read);
        let answer = self.submit_read(vec![read], side)?.await;
        let vector = answer.unwrap_or(Err(EncoderError::Stopped))?.pop();
        Ok((vector.ok_or(EncoderError::NoVector)?, fingerprint))
    }

    /// As [`Encoder::embed`], waiting on the calling thread.
    ///
    /// **Shape**: `[texts][dimensions]` f32. **Errors**: [`EncoderError::Busy`] when the queue is full.
    pub fn embed_blocking(&self, texts: Vec<String>, side: Side) -> Answer {
        let answer = self.submit(texts, side)?;
        futures::executor::block_on(answer).unwrap_or(Err(EncoderError::Stopped))
    }

    fn submit(&self, texts: Vec<String>, side: Side) -> Result<oneshot::Receiver<Answer>, EncoderError> {
        let read = texts.into_iter().map(|text| self.as_read(text)).collect();
        self.submit_read(read, side)
    }

    fn submit_read(&self, texts: Vec<String>, side: Side) -> Result<oneshot::Receiver<Answer>, EncoderError> {
        let room = self.capacity.reserve(texts.len())?;
        let (reply, answer) = oneshot::channel();
        let request = Request {
            texts,
            side,
            reply,
            room,
        };
        self.requests.put(request)?;
        Ok(answer)
    }

    /// What the model is given of a text.
    fn as_read(&self, text: String) -> String {
        let read = match self.glossary {
            Some(Glossary::Es) => language::in_english(&text),
            None => Cow::Borrowed(text.as_str()),
        };
        match read {
            Cow::Borrowed(_) => text,
            Cow::Owned(read) => read,
        }
    }

    /// Names the vector of a text: what is read alike by one model, up to the same length, has the same name, and nothing
    /// else has.
    ///
    /// **Persisted** beside vectors, to know whether they still hold. 32 hexadecimal digits.
    pub fn fingerprint(&self, text: &str) -> String {
        self.fingerprint_of_read(&self.as_read(text.to_owned()))
    }

    fn fingerprint_of_read(&self, read: &str) -> String {
        let facts = &self.facts;
        let digest = Sha256::new()
            .chain_update(format!("{}\0{}\0{}\0", facts.model, facts.revision, facts.max_tokens))
            .chain_update(read)
            .finalize();
        hexadecimal(&digest[..FINGERPRINT_BYTES])
    }

    /// Tokens the model reads of these texts as passages, after the cut. **Units**: tokens, special ones included.
    ///
    /// **Errors**: [`EncoderError::Tokenize`].
    pub fn count_tokens(&self, texts: &[String]) -> Result<usize, EncoderError> {
        texts
            .iter()
            .map(|text| Ok(self.tokenizer.encode(text, Side::Passage)?.len()))
            .sum()
    }

    /// Length of a vector.
    pub fn dimensions(&self) -> usize {
        self.facts.dimensions
    }

    /// Where texts are cut: what the settings say, or the model's own limit. **Units**: tokens, special ones included.
    pub fn max_tokens(&self) -> usize {
        self.facts.max_tokens
    }

    /// Name of the model.
    pub fn model(&self) -> &str {
        &self.facts.model
    }

    /// Revision of the model and of the glossary that it reads by, if it does.
    pub fn revision(&self) -> &str {
        match self.glossary {
            Some(_) => &self.facts.revision_by_glossary,
            None => &self.facts.revision,
        }
    }

    /// Name of what computes.
    pub fn kernel(&self) -> &str {
        self.facts.kernel
    }

    /// Threads that compute.
    pub fn threads(&self) -> usize {
        self.facts.threads
    }
}

/// What [`Encoder::revision`] of the model of this manifest is, which need not be opened for it.
#[must_use]
pub fn revision(manifest: &Manifest) -> String {
    let glossary = manifest.encoder.as_ref().and_then(|spec| spec.glossary);
    match glossary {
        Some(Glossary::Es) => {
            let sum = hexadecimal(&Sha256::digest(language::GLOSSARY)[..GLOSSARY_SUM_BYTES]);
            format!("{}+{sum}", manifest.revision)
        }
        None => manifest.revision.clone(),
    }
}

/// Reads a model folder and checks all of it.
pub(crate) fn load(folder: &Path, config: &Config) -> Result<(Model, Worker), EncoderError> {
    config.check()?;
    let model = Model::open(folder).map_err(|source| EncoderError::OpenFolder {
        folder: folder.to_owned(),
        source: Arc::new(source),
    })?;
    let Some(spec) = &model.manifest.encoder else {
        return Err(EncoderError::NotAnEncoder {
            folder: folder.to_owned(),
        });
    };
    let worker = worker(&model, spec, config)?;
    Ok((model, worker))
}

fn worker(model: &Model, spec: &EncoderSpec, config: &Config) -> Result<Worker, EncoderError> {
    let bert = network_config::read(&model.path(&spec.config), spec)?;
    let max_tokens = config.max_tokens.min(spec.max_tokens);
    let tokenizer = TextTokenizer::open(&model.path(&spec.tokenizer), spec, max_tokens, bert.vocab_size)?;
    let weights = Weights::open(&model.path(&spec.weights), &bert)?;
    Ok(Worker {
        network: network::load(config.kernel, &weights, &bert, spec.pooling)?,
        tokenizer: Arc::new(tokenizer),
        dimensions: spec.hidden_size,
        max_tokens,
        batch_tokens: config.batch_tokens,
    })
}

/// Starts the thread that owns the model. It is one of those that compute, so that a text on its way there and back
/// does not wait for another thread to wake up.
fn start(worker: Worker, threads: usize, requests: Exit) -> Result<(), EncoderError> {
    let (report, started) = channel();
    let serve = move || {
        give_way();
        match thread_pool(threads) {
            Ok(_pool) => {
                let _ = report.send(Ok(()));
                worker.run(requests);
            }
            Err(error) => {
                let _ = report.send(Err(error));
            }
        }
    };
    thread::Builder::new()
        .name("encoder-0".to_owned())
        .spawn(serve)
        .map_err(cannot_start)?;
    started.recv().unwrap_or(Err(EncoderError::Stopped))
}

/// Lets whoever brings texts and takes vectors go before the calling thread and those it starts. They have little to do
/// and would wait out a turn of a thread that computes each time; what computes would then have nothing before it.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(error = %error, "the encoder computes at the priority of all else");
    }
}

/// The calling thread and as many more as are needed.
fn thread_pool(threads: usize) -> Result<ThreadPool, EncoderError> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("encoder-{index}"))
        .use_current_thread()
        .build()
        .map_err(cannot_start)
}

fn cannot_start(error: impl std::fmt::Display) -> EncoderError {
    EncoderError::StartThreads {
        reason: error.to_string(),
    }
}
