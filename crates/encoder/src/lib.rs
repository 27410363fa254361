//! Text in, unit vector out: tokenizer, transformer, pooling, and the one thread that owns the model.

mod batch;
pub mod bench;
mod config;
mod error;
mod kernel;
mod owner;
mod spec;
mod tokenize;

use std::path::Path;
use std::sync::Arc;

use manifest::Model;

pub use config::{Config, KernelChoice};
pub use error::{EncoderError, Fault};
pub use spec::{EncoderSpec, Pooling, Side};

use kernel::Network;
use owner::Owner;
use tokenize::Tokenizer;

/// Texts of one blocking call that wait at once.
const BLOCKING_CHUNK: usize = 256;

/// A handle to the thread that owns the model; cloning it is cheap.
#[derive(Clone)]
pub struct Encoder {
    owner: Owner,
    about: Arc<About>,
}

/// What callers ask about a model without asking its thread.
struct About {
    model: String,
    revision: String,
    spec: EncoderSpec,
    tokenizer: Tokenizer,
    kernel: &'static str,
    threads: usize,
}

impl Encoder {
    /// Opens a model folder and starts its thread. Blocks while the weights are read and checked.
    ///
    /// **Errors:** a missing file or wrong sum, a config that is not of the BERT type or contradicts the manifest, a
    /// tensor that is missing or of another shape, NaN among the weights.
    pub fn open(folder: &Path, config: Config) -> Result<Self, EncoderError> {
        let model = Model::open(folder)?;
        let spec = EncoderSpec::of(&model.manifest)?;
        let max_tokens = config.max_tokens.min(spec.max_tokens);
        let tokenizer = Tokenizer::open(&spec::required(&model, spec::TOKENIZER)?, max_tokens)?;
        let network = Network::open(&model, &spec, &config)?;
        let about = About {
            model: model.manifest.name.clone(),
            revision: model.manifest.revision.clone(),
            kernel: network.kernel(),
            threads: network.threads(),
            tokenizer: tokenizer.clone(),
            spec,
        };
        let owner = Owner::start(network, tokenizer, &config)?;
        Ok(Encoder { owner, about: Arc::new(about) })
    }

    /// Unit vectors of texts, in their order. **Shape:** `[texts, dimensions]`.
    ///
    /// **Errors:** [`EncoderError::Busy`] when more texts wait than the queue holds.
    pub async fn embed(&self, texts: Vec<String>, side: Side) -> Result<Vec<Vec<f32>>, EncoderError> {
        let answer = self.owner.ask(self.prefixed(texts, side))?;
        answer.await.map_err(|_| EncoderError::Gone)?
    }

    /// As [`Encoder::embed`], for callers outside an async runtime; any number of texts.
    ///
    /// **Errors:** as [`Encoder::embed`].
    pub fn embed_blocking(&self, texts: Vec<String>, side: Side) -> Result<Vec<Vec<f32>>, EncoderError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for chunk in self.prefixed(texts, side).chunks(BLOCKING_CHUNK) {
            let answer = self.owner.ask(chunk.to_vec())?;
            vectors.extend(answer.blocking_recv().map_err(|_| EncoderError::Gone)??);
        }
        Ok(vectors)
    }

    /// Tokens of each text as the network sees it: prefix and special tokens counted, cut at the longest.
    ///
    /// **Errors:** the tokenizer refuses a text.
    pub fn count_tokens(&self, texts: &[String]) -> Result<Vec<usize>, EncoderError> {
        Ok(self.about.tokenizer.encode(texts)?.iter().map(Vec::len).collect())
    }

    /// Length of the vectors.
    pub fn dimensions(&self) -> usize {
        self.about.spec.hidden_size
    }

    /// Name of the model, as its manifest says.
    pub fn model(&self) -> &str {
        &self.about.model
    }

    /// Revision of the model, as its manifest says.
    pub fn revision(&self) -> &str {
        &self.about.revision
    }

    /// The code that computes: `candle`.
    pub fn kernel(&self) -> &'static str {
        self.about.kernel
    }

    /// Threads that compute.
    pub fn threads(&self) -> usize {
        self.about.threads
    }

    fn prefixed(&self, texts: Vec<String>, side: Side) -> Vec<String> {
        let prefix = self.about.spec.prefix(side);
        if prefix.is_empty() { texts } else { texts.into_iter().map(|text| format!("{prefix}{text}")).collect() }
    }
}
