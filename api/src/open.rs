//! From settings to a desk at work.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use desk::{DuplicateModel, HeadRole, Taxonomy};
use encoder::Encoder;
use knowledge::{Answerability, Knowledge};
use manifest::Manifest;
use search::{Backend, EdgeConfig, FusionConfig, Search, SearchConfig, ServerConfig};
use serde::de::DeserializeOwned;
use store::{DataFolder, Store, StoreConfig, StoreError};
use triage::{Models, Triage};

use crate::app::App;
use crate::config::{Config, SearchBackend};
use crate::learning::{self, Shelf};
use crate::shipped;

/// A desk at work, and the data folder it holds.
pub struct Desk {
    /// What handlers share.
    pub app: Arc<App>,
    /// Held until the desk is dropped.
    pub folder: DataFolder,
}

/// Opens everything: data folder, database, models, index.
///
/// **Errors:** what could not be opened, by downcast.
pub async fn desk(config: &Config) -> Result<Desk> {
    let folder = DataFolder::lock(&config.data_dir)?;
    let (store, (models, reader), search) = tokio::try_join!(store(config), models(config), search(config))?;
    // Nobody else works in this folder, so what a crashed server had claimed waits for nobody.
    if config.store.url.expose().is_empty() {
        store.release_claims(store::now()).await?;
    }
    let taxonomy = taxonomy(&models)?;
    let knowledge = Knowledge::open(
        config.knowledge.clone(),
        store.clone(),
        search.clone(),
        reader,
        answerability(config)?,
    )
    .await?;
    let triage = Triage::open(config.triage.clone(), store, search, models).await?;
    let shelf = Shelf::open(config)?;
    know_shipped(triage.store(), &shelf).await?;
    if let Err(error) = learning::hand_in(triage.store(), &shelf).await {
        tracing::warn!(
            error = format!("{error:#}"),
            "files of versions lie here alone; other servers lack them"
        );
    }
    let app = Arc::new(App::new(triage, knowledge, taxonomy, config, shelf));
    learning::follow(&app).await?;
    Ok(Desk { app, folder })
}

/// Whether a desk cannot be opened because another process works in its data folder.
pub fn is_in_use(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(StoreError::FolderInUse { .. }))
}

/// Opens the database alone, also while a server uses it.
///
/// **Errors:** it cannot be reached or migrated.
pub async fn store(config: &Config) -> Result<Store> {
    Ok(Store::open(&store_settings(config)).await?)
}

/// How the database is opened.
pub fn store_settings(config: &Config) -> StoreConfig {
    StoreConfig {
        connections: config.store.connections,
        wait_ms: config.store.wait_ms,
        max_bytes: Some(config.store.max_bytes).filter(|bytes| *bytes > 0),
        ..StoreConfig::new(config.database_url())
    }
}

/// Makes the models of the settings known as the first versions of their heads.
///
/// **Errors:** a manifest that cannot be read, or the database's.
pub async fn know_shipped(store: &Store, shelf: &Shelf) -> Result<()> {
    for &head in HeadRole::ALL {
        let model = manifest::Model::open(shelf.first(head))?;
        store.set_shipped_model(head, &model.manifest.revision).await?;
    }
    Ok(())
}

/// The folder of a model.
///
/// **Errors:** a shipped model cannot be unpacked.
pub fn model_folder(config: &Config, name: &str) -> Result<PathBuf> {
    shipped::folder(name, &config.models_dir, &config.data_dir)
        .with_context(|| format!("cannot unpack the model {name} below {}", config.data_dir.display()))
}

/// Opens the encoder that tickets are read by; takes about a second, so not on a thread that serves.
///
/// **Errors:** its folder is incomplete or altered.
pub fn encoder(config: &Config) -> Result<Encoder> {
    encoder_in(&model_folder(config, &config.models.encoder)?, config)
}

/// Opens the encoder that articles and questions are read by, as [`encoder()`].
///
/// **Errors:** its folder is incomplete or altered.
pub fn search_encoder(config: &Config) -> Result<Encoder> {
    encoder_in(&model_folder(config, &config.models.search_encoder)?, config)
}

/// As [`encoder()`], from a folder that the settings do not name.
///
/// **Errors:** it is incomplete or altered.
pub fn encoder_in(folder: &Path, config: &Config) -> Result<Encoder> {
    Ok(Encoder::open(folder, encoder_settings(config)?)?)
}

/// How every encoder runs.
///
/// **Errors:** a kernel that does not exist.
pub fn encoder_settings(config: &Config) -> Result<encoder::Config> {
    Ok(encoder::Config {
        max_tokens: config.encoder.max_tokens,
        batch_tokens: config.encoder.batch_tokens,
        queue_texts: config.encoder.queue_texts,
        threads: config.encoder.threads,
        kernel: config.encoder.kernel.parse()?,
    })
}

/// The models of triage, and the encoder of the knowledge base.
async fn models(config: &Config) -> Result<(Models, Encoder)> {
    let config = config.clone();
    let open = move || -> Result<(Models, Encoder)> {
        let category = model_folder(&config, &config.models.category)?;
        let priority = model_folder(&config, &config.models.priority)?;
        let duplicates = duplicates(&config)?;
        let encoder = encoder(&config)?;
        let reader = match encoder_folders(&config)?.get(1) {
            Some(another) => encoder_in(another, &config)?,
            None => encoder.clone(),
        };
        let mut models = Models::open(encoder, &category, &priority, duplicates)?;
        for &head in HeadRole::ALL {
            if let Some(precision) = config.triage.precision(head) {
                models = models.with_target_precision(head, precision)?;
            }
        }
        Ok((models, reader))
    };
    tokio::task::spawn_blocking(open)
        .await
        .context("opening the models was interrupted")?
}

/// The folders of the encoders in use: that of tickets, and that of articles where it is another.
///
/// **Errors:** a shipped model cannot be unpacked.
pub fn encoder_folders(config: &Config) -> Result<Vec<PathBuf>> {
    let [of_tickets, of_articles] =
        [&config.models.encoder, &config.models.search_encoder].map(|name| model_folder(config, name));
    let (of_tickets, of_articles) = (of_tickets?, of_articles?);
    // A folder that is not there is named when it is opened.
    let place = |folder: &Path| folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let is_one = place(&of_tickets) == place(&of_articles);
    Ok(std::iter::once(of_tickets)
        .chain((!is_one).then_some(of_articles))
        .collect())
}

/// Opens the index; on Edge, this process then holds it alone.
///
/// **Errors:** another process holds it, or it cannot be written.
pub async fn search(config: &Config) -> Result<Search> {
    let settings = &config.search;
    let backend = match settings.backend {
        SearchBackend::Edge => Backend::Edge(EdgeConfig::new(config.data_dir.join("index"))),
        SearchBackend::Server => Backend::Server(ServerConfig {
            api_key: Some(settings.api_key.expose())
                .filter(|key| !key.is_empty())
                .map(Into::into),
            prefix: settings.prefix.clone(),
            ..ServerConfig::new(settings.url.clone())
        }),
    };
    let fusion = fusion(config)?;
    Ok(Search::open(SearchConfig::new(backend).with_fusion(fusion)).await?)
}

/// How search weighs its scores.
///
/// **Errors:** its folder is missing or altered.
pub fn fusion(config: &Config) -> Result<FusionConfig> {
    let (_, weights) = parameters(config, &config.models.search, "fusion", |manifest| manifest.fusion)?;
    Ok(weights)
}

/// What makes two tickets one matter.
///
/// **Errors:** its folder is missing or altered.
pub fn duplicates(config: &Config) -> Result<DuplicateModel> {
    let name = &config.models.duplicates;
    let (revision, weights) = parameters(config, name, "duplicates", |manifest| manifest.duplicates)?;
    Ok(DuplicateModel { revision, ..weights })
}

/// Whether the knowledge base answers a question.
///
/// **Errors:** its folder is missing or altered.
pub fn answerability(config: &Config) -> Result<Answerability> {
    let name = &config.models.answerability;
    let (revision, weights) = parameters(config, name, "answerability", |manifest| manifest.answerability)?;
    Ok(Answerability { revision, ..weights })
}

/// The revision of a model that is a table of its manifest alone, and that table.
fn parameters<T: DeserializeOwned>(
    config: &Config,
    name: &str,
    table: &str,
    of: impl FnOnce(Manifest) -> Option<toml::Table>,
) -> Result<(String, T)> {
    let folder = model_folder(config, name)?;
    let manifest = manifest::Model::open(&folder)?.manifest;
    let revision = manifest.revision.clone();
    let found = of(manifest).with_context(|| format!("{} has no [{table}]", folder.display()))?;
    let read = found
        .try_into()
        .with_context(|| format!("[{table}] of {} cannot be read", folder.display()))?;
    Ok((revision, read))
}

fn taxonomy(models: &Models) -> Result<Taxonomy> {
    let labels = models.category.labels().iter().map(ToString::to_string);
    let described = Taxonomy::default();
    let labels: Vec<String> = labels.collect();
    if described.labels().eq(labels.iter().map(String::as_str)) {
        return Ok(described);
    }
    Taxonomy::from_labels(labels).map_err(|errors| anyhow::anyhow!("the category head's labels: {errors:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;

    #[test]
    fn a_tuned_encoder_for_tickets_leaves_search_on_the_one_that_ships() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let overrides = Overrides {
            data_dir: Some(place.path().join("data")),
            ..Overrides::default()
        };
        let mut config = Config::load(None, &overrides).expect("defaults");
        config.models_dir = place.path().join("models");
        let shipped = place.path().join("data/models/all-MiniLM-L6-v2");
        assert_eq!(
            encoder_folders(&config).expect("folders"),
            std::slice::from_ref(&shipped),
            "one serves both"
        );
        let tuned = config.models_dir.join("tuned");
        std::fs::create_dir_all(&tuned).expect("a folder");
        config.models.encoder = "tuned".to_owned();
        assert_eq!(encoder_folders(&config).expect("folders"), [tuned.clone(), shipped]);
        config.models.search_encoder = tuned.join("../tuned").display().to_string();
        let one = encoder_folders(&config).expect("folders");
        assert_eq!(one, [tuned], "the same folder by another path");
    }
}
