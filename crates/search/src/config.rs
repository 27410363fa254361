//! What a search needs to know before it opens.

use std::path::PathBuf;

use secrecy::SecretString;

use crate::FusionConfig;

const CANDIDATES: usize = 100;
const FREE_BYTES: u64 = 128 * 1024 * 1024;
const TIMEOUT_MS: u64 = 10_000;

/// Everything [`crate::Search::open`] needs.
#[derive(Clone, Debug)]
pub struct SearchConfig {
    /// Where the points live.
    pub backend: Backend,
    /// How the scores of a hit become one.
    pub fusion: FusionConfig,
    /// Hits that each kind of likeness contributes before they are fused; at least twice the limit of a query is always
    /// taken.
    pub candidates: usize,
}

impl SearchConfig {
    /// A search in `folder` of this machine, everything else as by default.
    pub fn edge(folder: impl Into<PathBuf>) -> Self {
        Self::new(Backend::Edge(EdgeConfig::new(folder)))
    }

    /// A search on the Qdrant server whose gRPC address is `url`, everything else as by default.
    pub fn server(url: impl Into<String>) -> Self {
        Self::new(Backend::Server(ServerConfig::new(url)))
    }

    /// A search on this backend, everything else as by default.
    pub fn new(backend: Backend) -> Self {
        Self {
            backend,
            fusion: FusionConfig::default(),
            candidates: CANDIDATES,
        }
    }

    /// The same search with these learnt weights.
    #[must_use]
    pub fn with_fusion(mut self, fusion: FusionConfig) -> Self {
        self.fusion = fusion;
        self
    }
}

/// Where the points live.
#[derive(Clone, Debug)]
pub enum Backend {
    /// Qdrant Edge, inside this process.
    Edge(EdgeConfig),
    /// A Qdrant server or cluster.
    Server(ServerConfig),
}

/// Settings of Qdrant Edge.
#[derive(Clone, Debug)]
pub struct EdgeConfig {
    /// The data folder; made when it is missing, held alone by one process.
    pub folder: PathBuf,
    /// Writes are refused when the disk has fewer bytes left, because the index writes through memory maps and a
    /// full disk there ends the process instead of returning an error.
    pub free_bytes_min: u64,
}

impl EdgeConfig {
    /// Settings for `folder`, the rest as by default.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            free_bytes_min: FREE_BYTES,
        }
    }
}

/// Settings of a Qdrant server.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Its gRPC address, for example `http://127.0.0.1:6334`.
    pub url: String,
    /// Its key, where it asks for one; never printed.
    pub api_key: Option<SecretString>,
    /// How long one call may take before it counts as failed, in milliseconds.
    pub timeout_ms: u64,
    /// Put before every collection name, so that several installations can share one server.
    pub prefix: String,
}

impl ServerConfig {
    /// Settings for the server at `url`, the rest as by default.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            api_key: None,
            timeout_ms: TIMEOUT_MS,
            prefix: String::new(),
        }
    }
}
