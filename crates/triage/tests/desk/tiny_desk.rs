//! A desk whose encoder knows eight words and whose heads always say the same.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use classifier::abstention::HeldOut;
use classifier::features::{Lexicon, Ngrams};
use classifier::{Conformal, Curve, EncoderId, HeadSpec, Learnt, Memory, Tensors, WEIGHTS_FILE};
use desk::duplicate::Weights;
use desk::{Actor, DuplicateModel, NewTicket, Ticket};
use encoder::Encoder;
use search::{Filter, Search, SearchConfig};
use store::{DataFolder, Store, StoreConfig};
use tempfile::TempDir;
use triage::{Config, Models, Triage, TriageError, ensure_tickets};

use crate::tiny::{Tiny, Tokenizer};

/// Longest wait for something that must come.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// A word that the encoder makes no vector of.
pub const POISON: &str = "lamp";
const POISON_ID: usize = 7;

/// Candidates of a new ticket that are compared with it.
pub const CANDIDATES: usize = 20;

pub struct TinyDesk {
    pub store: Store,
    pub search: Search,
    pub triage: Arc<Triage>,
    /// Deleted last, when nothing writes into it any more.
    scratch: TempDir,
}

impl TinyDesk {
    pub async fn new(config: Config, candidates: usize) -> Self {
        TinyDesk::within(tempfile::tempdir().expect("a temporary folder"), config, candidates).await
    }

    /// A desk whose index cannot be opened yet.
    pub async fn before_its_index(config: Config) -> Self {
        let scratch = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(scratch.path().join("index")).expect("a folder");
        fs::write(scratch.path().join("index/tickets"), "in the way").expect("a file");
        TinyDesk::within(scratch, config, CANDIDATES).await
    }

    async fn within(scratch: TempDir, config: Config, candidates: usize) -> Self {
        let url = DataFolder::database_url(scratch.path());
        let store = Store::open(&StoreConfig::new(url)).await.expect("a store");
        let search = Search::open(SearchConfig::edge(scratch.path().join("index"))).await;
        let search = search.expect("an index");
        let triage = open(config, &store, &search, candidates).await;
        TinyDesk {
            store,
            search,
            triage,
            scratch,
        }
    }

    /// The index of a desk before its index can be opened from here on.
    pub fn clear_the_way(&self) {
        fs::remove_file(self.scratch.path().join("index/tickets")).expect("a file");
    }

    /// What another start on the same database and index comes to.
    pub async fn start_again(&self, config: Config) -> Result<Arc<Triage>, TriageError> {
        try_open(config, &self.store, &self.search, CANDIDATES).await
    }

    /// The same after a restart, which closes neither database nor index.
    pub async fn restarted(self, config: Config) -> Self {
        self.triage.finish().await;
        let triage = open(config, &self.store, &self.search, CANDIDATES).await;
        TinyDesk { triage, ..self }
    }

    pub async fn submit(&self, text: &str) -> Ticket {
        let ticket = NewTicket::from_body(text);
        let submitted = self.triage.submit(ticket, None, &Actor::system("test")).await;
        submitted.expect("stored").ticket
    }

    /// The keeper looks after the index, which must be there.
    pub async fn keep(&self) {
        self.triage.keep_index().await.expect("kept");
    }

    /// The index is deleted under the running desk.
    pub fn delete_index(&self) {
        fs::remove_dir_all(self.scratch.path().join("index/tickets")).expect("an index");
    }

    /// Until when the store says that the index is on disk.
    pub async fn on_disk_until(&self) -> Option<String> {
        let until = self.store.get_setting("index.tickets.on_disk_until").await;
        until.expect("readable")
    }

    pub async fn indexed(&self) -> usize {
        self.triage.indexed_tickets().await.expect("a number")
    }

    /// Tickets in the index as a crash would leave it.
    pub async fn indexed_on_disk(&self) -> usize {
        let copy = tempfile::tempdir().expect("a temporary folder");
        let index = self.scratch.path().join("index");
        let copied = Command::new("cp").arg("-r").arg(index).arg(copy.path()).status();
        assert!(copied.expect("a command").success());
        let left = Search::open(SearchConfig::edge(copy.path().join("index"))).await;
        let left = left.expect("an index");
        let dimensions = self.triage.models().encoder.dimensions();
        ensure_tickets(&left, dimensions).await.expect("opened");
        left.count("tickets", &Filter::default()).await.expect("a number")
    }

    /// The index takes nothing any more.
    pub fn cut_index(&self) {
        let (described, hidden) = self.description();
        fs::rename(described, hidden).expect("an index");
    }

    pub fn mend_index(&self) {
        let (described, hidden) = self.description();
        fs::rename(hidden, described).expect("an index");
    }

    fn description(&self) -> (std::path::PathBuf, std::path::PathBuf) {
        let tickets = self.scratch.path().join("index/tickets");
        (tickets.join("collection.json"), tickets.join("collection.hidden"))
    }
}

/// Waits for what must come.
pub async fn until(has_come: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !has_come().await {
        assert!(began.elapsed() < PATIENCE, "it never came");
        tokio::time::sleep(LOOK).await;
    }
}

async fn open(config: Config, store: &Store, search: &Search, candidates: usize) -> Arc<Triage> {
    let triage = try_open(config, store, search, candidates).await;
    triage.expect("a desk")
}

async fn try_open(
    config: Config,
    store: &Store,
    search: &Search,
    candidates: usize,
) -> Result<Arc<Triage>, TriageError> {
    Triage::open(config, store.clone(), search.clone(), models(candidates)).await
}

fn models(candidates: usize) -> Models {
    let mut tiny = Tiny::new(Tokenizer::WordPiece, "mean");
    let (shape, words) = tiny
        .tensors
        .get_mut("embeddings.word_embeddings.weight")
        .expect("vectors of words");
    let hidden = shape[1];
    // Their sum is no number.
    words[POISON_ID * hidden..][..hidden].fill(f32::MAX);
    let encoder = tiny.write();
    let encoder = Encoder::open(encoder.path(), encoder::Config::default()).expect("an encoder");
    let id = EncoderId {
        name: encoder.model().to_owned(),
        revision: encoder.revision().to_owned(),
        dimensions: encoder.dimensions(),
        max_tokens: encoder.max_tokens(),
    };
    let category = head(&id, ["how_to", "other"]);
    let priority = head(&id, ["normal", "low"]);
    let duplicates = DuplicateModel {
        revision: String::new(),
        candidates,
        threshold: 1.0,
        identifier_texts: 4,
        weights: Weights::default(),
    };
    Models::open(encoder, category.path(), priority.path(), duplicates).expect("models")
}

/// A folder with a head that is sure of the first label, whatever it is asked.
fn head(encoder: &EncoderId, labels: [&str; 2]) -> TempDir {
    let spec = HeadSpec {
        labels: labels.map(str::to_owned).to_vec(),
        temperature: 1.0,
        target_precision: 0.9,
        threshold_per_label: false,
        out_of_scope_energy: 0.0,
        conformal: Conformal {
            coverage: 0.95,
            quantile: 0.8,
        },
        word_ngrams: Ngrams::OFF,
        char_ngrams: Ngrams::OFF,
        vote: None,
        encoder: encoder.clone(),
    };
    let tensors = Tensors {
        weights: vec![0.0; labels.len() * encoder.dimensions],
        bias: vec![2.0, -2.0],
        words: Lexicon::default(),
        chars: Lexicon::default(),
        memory: Memory::default(),
        curve: Curve::default(),
        held_out: HeldOut {
            predicted: vec![0; 100],
            confidence: vec![0.5; 100],
            correct: vec![true; 100],
        },
        learnt: Learnt::default(),
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), &spec, &tensors);
    folder
}

fn write(folder: &Path, spec: &HeadSpec, tensors: &Tensors) {
    fs::write(folder.join(WEIGHTS_FILE), tensors.to_bytes().expect("serialised")).expect("written");
    let sum = manifest::sha256_of(&folder.join(WEIGHTS_FILE)).expect("a sum");
    let manifest = format!(
        "name = 'tiny'\nrevision = '1'\nkind = 'head'\n\n[[files]]\npath = '{WEIGHTS_FILE}'\nsha256 = '{sum}'\n\n{}",
        toml::to_string(&toml::Table::from_iter([(
            "head".to_owned(),
            toml::Value::try_from(spec).expect("a table")
        )]))
        .expect("TOML")
    );
    fs::write(folder.join("manifest.toml"), manifest).expect("written");
}
