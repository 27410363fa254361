//! What an operator can set, and where it comes from: embedded defaults → `--config FILE` → `DESK_…` variables.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use desk::HeadRole;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::{Figment, Metadata};
use serde::{Deserialize, Serialize};

use crate::secret::{Secret, SecretUrl};

/// The embedded defaults, with a word on every key.
pub const DEFAULTS: &str = include_str!("defaults.toml");
/// What starts the name of a variable that sets something.
const PREFIX: &str = "DESK_";
/// Variables of the test suites, which are not settings.
const TEST_PREFIX: &str = "TEST_";
/// Variables of `deskwise eval`, which says where data sets lie and is no setting of the desk.
const EVAL_PREFIX: &str = "EVAL_";

/// Everything that can be set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Where models are looked for first.
    pub models_dir: PathBuf,
    /// The server.
    pub http: HttpSettings,
    /// How much one token may ask.
    pub rate_limit: RateLimitSettings,
    /// What is logged and how.
    pub log: LogSettings,
    /// The database.
    pub store: StoreSettings,
    /// The vector index.
    pub search: SearchSettings,
    /// Which models are in use.
    pub models: ModelNames,
    /// How the encoder runs.
    pub encoder: EncoderSettings,
    /// How a ticket is triaged.
    pub triage: triage::Config,
    /// How articles are cut and indexed.
    pub knowledge: knowledge::Config,
    /// Suggested answers.
    pub suggest: suggest::Config,
    /// Who rewords them.
    pub rephrase: RephraseSettings,
    /// How heads learn in use.
    pub learning: LearningSettings,
    /// The file these settings come from, besides defaults and variables.
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

/// The server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSettings {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Longest request body. **Units:** bytes.
    pub max_body_bytes: usize,
    /// Longest time for a request. **Units:** ms.
    pub timeout_ms: u64,
    /// How long a stopping server waits for requests under way. **Units:** ms.
    pub shutdown_ms: u64,
}

/// How much one token may ask.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimitSettings {
    /// Requests a second on average.
    pub per_second: std::num::NonZeroU32,
    /// Requests at once after a pause.
    pub burst: std::num::NonZeroU32,
}

/// What is logged and how.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    /// A filter as in tracing's `EnvFilter`.
    pub level: String,
    /// Form of a line.
    pub format: LogFormat,
}

/// Form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The database.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// Empty for SQLite in the data folder.
    pub url: SecretUrl,
    /// Connections at most.
    pub connections: u32,
    /// How long a call waits for a connection or a lock. **Units:** ms.
    pub wait_ms: u64,
    /// Largest size of a SQLite database; 0 for the disk's. **Units:** bytes.
    pub max_bytes: u64,
}

/// The vector index.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchSettings {
    /// Which one.
    pub backend: SearchBackend,
    /// Address of a Qdrant server.
    pub url: String,
    /// Key of a Qdrant server; empty for none.
    pub api_key: Secret,
    /// Before the names of collections.
    pub prefix: String,
}

/// Which vector index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchBackend {
    /// Qdrant Edge, inside this process.
    Edge,
    /// A Qdrant server.
    Server,
}

/// Which models are in use: folders below `models_dir`, or paths.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelNames {
    /// Text to vector, of tickets.
    pub encoder: String,
    /// Text to vector, of articles, of what is searched for, and of `/v1/embeddings`.
    pub search_encoder: String,
    /// What a ticket is about.
    pub category: String,
    /// How soon it needs someone.
    pub priority: String,
    /// How search weighs its scores.
    pub search: String,
    /// Which tickets are one matter.
    pub duplicates: String,
    /// Whether the knowledge base answers a question.
    pub answerability: String,
}

/// How the encoder runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderSettings {
    /// Longest text read. **Units:** tokens.
    pub max_tokens: usize,
    /// Texts that may wait.
    pub queue_texts: usize,
    /// Tokens computed together.
    pub batch_tokens: usize,
    /// Threads that compute; 0 for one a core.
    pub threads: usize,
    /// What computes, by the name of an [`encoder::Kernel`].
    pub kernel: String,
}

/// The endpoint that rewords suggested answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RephraseSettings {
    /// Its address, e.g. `http://127.0.0.1:8081/v1/chat/completions`; empty for none.
    pub url: String,
    /// The model it is asked for.
    pub model: String,
    /// Its key; empty for none.
    pub api_key: Secret,
    /// How long it may take before the passages are shown as they are. **Units:** ms.
    pub timeout_ms: u64,
}

/// How heads learn in use.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearningSettings {
    /// Time from one training of a running server to the next; 0 for never. **Units:** s.
    pub retrain_seconds: u64,
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file named with `--config` is not there.
    #[error("there is no configuration file {}", path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
    },
    /// A key that does not exist.
    #[error("{key} is not a setting (from {origin}); {advice}")]
    UnknownKey {
        /// The key in full, e.g. `http.listen`.
        key: String,
        /// The file or variable.
        origin: String,
        /// What would be understood.
        advice: String,
    },
    /// A value that does not fit.
    #[error("{key} cannot be used (from {origin}): {reason}")]
    BadValue {
        /// The key in full.
        key: String,
        /// The file or variable.
        origin: String,
        /// Why, without the value of a secret.
        reason: String,
    },
}

/// What the command line says, which goes before everything else.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Overrides {
    /// `--data-dir`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// `--listen`.
    #[serde(skip)]
    pub listen: Option<SocketAddr>,
}

impl Config {
    /// What is in force: defaults, then the file, then `DESK_…` variables, then the command line.
    ///
    /// **Errors:** a missing file, an unknown key (in a variable too), a value that does not fit.
    pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Self, ConfigError> {
        if let Some(path) = file.filter(|path| !path.is_file()) {
            return Err(ConfigError::NoFile { path: path.to_owned() });
        }
        let layers = layers(file, overrides);
        let mut config: Self = layers.extract().map_err(explain)?;
        config.check_precisions(&layers)?;
        if let Some(listen) = overrides.listen {
            config.http.listen = listen;
        }
        config.file = file.map(Path::to_owned);
        Ok(config)
    }

    /// A precision of 1 no head can promise, and one of 0 asks nothing.
    fn check_precisions(&self, layers: &Figment) -> Result<(), ConfigError> {
        for &head in HeadRole::ALL {
            let is_share = |precision: f64| precision > 0.0 && precision < 1.0;
            if !self.triage.precision(head).is_none_or(is_share) {
                let key = format!("triage.{head}_precision");
                return Err(ConfigError::BadValue {
                    origin: origin(layers.find_metadata(&key)),
                    reason: "expected a number between 0 and 1".to_owned(),
                    key,
                });
            }
        }
        Ok(())
    }

    /// The database in use: the URL that is set, or SQLite in the data folder.
    pub fn database_url(&self) -> String {
        match self.store.url.expose() {
            "" => store::DataFolder::database_url(&self.data_dir),
            url => url.to_owned(),
        }
    }
}

impl HttpSettings {
    /// Longest time for a request.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// How long a stopping server waits.
    pub fn shutdown(&self) -> Duration {
        Duration::from_millis(self.shutdown_ms)
    }
}

fn layers(file: Option<&Path>, overrides: &Overrides) -> Figment {
    let mut figment = Figment::from(Toml::string(DEFAULTS));
    if let Some(path) = file {
        figment = figment.merge(Toml::file_exact(path));
    }
    let variables = Env::prefixed(PREFIX).filter(|key| !is_no_setting(key.as_str()));
    figment
        .merge(variables.split("__"))
        .merge(Serialized::defaults(overrides))
}

fn is_no_setting(key: &str) -> bool {
    let key = key.to_ascii_uppercase();
    key.starts_with(TEST_PREFIX) || key.starts_with(EVAL_PREFIX)
}

fn explain(error: figment::Error) -> ConfigError {
    let origin = origin(error.metadata.as_ref());
    let key = error.path.join(".");
    match &error.kind {
        figment::error::Kind::UnknownField(field, known) => ConfigError::UnknownKey {
            key: joined(&error.path, field),
            advice: advice(field, known),
            origin,
        },
        figment::error::Kind::InvalidType(_, expected) | figment::error::Kind::InvalidValue(_, expected) => {
            ConfigError::BadValue {
                key,
                origin,
                reason: format!("expected {expected}"),
            }
        }
        other => ConfigError::BadValue {
            key,
            origin,
            reason: other.to_string(),
        },
    }
}

/// The path of a refused key; figment names the table or the key itself, depending on how it was read.
fn joined(path: &[String], field: &str) -> String {
    match path.last() {
        Some(last) if last == field => path.join("."),
        _ => path
            .iter()
            .map(String::as_str)
            .chain([field])
            .collect::<Vec<_>>()
            .join("."),
    }
}

fn origin(metadata: Option<&Metadata>) -> String {
    let Some(metadata) = metadata else {
        return "the settings".to_owned();
    };
    match &metadata.source {
        Some(source) => source.to_string(),
        None if metadata.name.contains("environment") => format!("a {PREFIX}… variable"),
        None => metadata.name.to_string(),
    }
}

fn advice(field: &str, known: &[&str]) -> String {
    match field.split_once('_').filter(|(table, _)| known.contains(table)) {
        Some((table, key)) => format!("did you mean {PREFIX}{}__{}?", table.to_uppercase(), key.to_uppercase()),
        None => format!("known here are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open;

    fn load_file(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("desk.toml");
        std::fs::write(&path, text).expect("a file");
        layers(Some(&path), &Overrides::default()).extract().map_err(explain)
    }

    #[test]
    fn the_embedded_defaults_are_complete_and_bind_loopback() {
        let config = load_file("").expect("defaults");
        assert!(config.http.listen.ip().is_loopback());
    }

    #[test]
    fn the_embedded_defaults_are_those_of_the_parts() {
        let config = load_file("").expect("defaults");
        assert_eq!(config.triage, triage::Config::default());
        assert_eq!(config.knowledge, knowledge::Config::default());
        assert_eq!(config.suggest, suggest::Config::default());
        let encoder = open::encoder_settings(&config).expect("a kernel");
        assert_eq!(encoder, encoder::Config::default());
        let store = store::StoreConfig::new(config.database_url());
        assert_eq!(open::store_settings(&config), store);
    }

    #[test]
    fn a_file_overrides_and_the_rest_stays() {
        let config = load_file("[http]\ntimeout_ms = 5\n").expect("a good file");
        assert_eq!((config.http.timeout_ms, config.http.listen.port()), (5, 8080));
    }

    #[test]
    fn unknown_keys_and_wrong_types_are_named() {
        let error = load_file("[http]\nlisen = 1\n").expect_err("a typo").to_string();
        assert!(error.starts_with("http.lisen is not a setting"), "{error}");
        let error = load_file("[http]\ntimeout_ms = \"soon\"\n")
            .expect_err("a word")
            .to_string();
        assert!(error.starts_with("http.timeout_ms cannot be used"), "{error}");
    }

    #[test]
    fn a_precision_is_a_share_and_left_to_the_heads_unless_told() {
        let load = |line: &str| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("desk.toml");
            std::fs::write(&path, format!("[triage]\n{line}\n")).expect("a file");
            Config::load(Some(&path), &Overrides::default())
        };
        let config = load("category_precision = 0.97").expect("a share");
        assert_eq!(config.triage.precision(HeadRole::Category), Some(0.97));
        assert_eq!(config.triage.precision(HeadRole::Priority), None);
        assert!(toml::to_string(&config).is_ok(), "what is left out can be printed");
        for bad in ["1.0", "0", "95", "nan"] {
            let error = load(&format!("priority_precision = {bad}"))
                .expect_err("no share")
                .to_string();
            assert!(
                error.starts_with("triage.priority_precision cannot be used") && error.contains("between 0 and 1"),
                "{error}"
            );
            assert!(error.contains("desk.toml"), "{error}");
        }
    }

    #[test]
    fn secrets_are_masked_when_printed() {
        let config = load_file("[store]\nurl = \"postgres://desk:hunter2@db/desk\"\n[search]\napi_key = 12345\n")
            .expect("good settings");
        let shown = toml::to_string(&config).expect("TOML");
        assert!(!shown.contains("hunter2") && !shown.contains("12345"), "{shown}");
        assert!(shown.contains("postgres://desk:********@db/desk"), "{shown}");
        assert_eq!(config.store.url.expose(), "postgres://desk:hunter2@db/desk");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
