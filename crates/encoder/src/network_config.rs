//! `config.json` of a BERT, held against the manifest.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use candle_transformers::models::bert;
use manifest::EncoderSpec;

use crate::error::EncoderError;

/// Reads the configuration and refuses one the manifest does not describe.
///
/// **Errors**: an unreadable file, another architecture, sizes that differ from the manifest's.
pub(crate) fn read(path: &Path, spec: &EncoderSpec) -> Result<bert::Config, EncoderError> {
    let text = fs::read(path).map_err(|source| EncoderError::ReadFile {
        path: path.to_owned(),
        source: Arc::new(source),
    })?;
    let config: bert::Config = serde_json::from_slice(&text).map_err(|source| EncoderError::ReadConfig {
        path: path.to_owned(),
        source: Arc::new(source),
    })?;
    check(&config, spec)?;
    Ok(config)
}

fn check(config: &bert::Config, spec: &EncoderSpec) -> Result<(), EncoderError> {
    let architecture = config.model_type.as_deref().unwrap_or("bert");
    agree(architecture == "bert", "model_type", architecture, "bert")?;
    agree(
        config.hidden_size == spec.hidden_size,
        "hidden_size",
        config.hidden_size,
        spec.hidden_size,
    )?;
    agree(
        config.num_hidden_layers == spec.layers,
        "layers",
        config.num_hidden_layers,
        spec.layers,
    )?;
    agree(
        config.num_attention_heads == spec.heads,
        "heads",
        config.num_attention_heads,
        spec.heads,
    )?;
    let divides = spec.heads > 0 && spec.hidden_size.is_multiple_of(spec.heads);
    agree(
        divides,
        "heads",
        format!("hidden_size {}", config.hidden_size),
        format!("{} heads", spec.heads),
    )?;
    let reach = config.max_position_embeddings;
    agree(
        spec.max_tokens <= reach,
        "max_tokens",
        format!("{reach} positions"),
        spec.max_tokens,
    )
}

fn agree(
    holds: bool,
    field: &'static str,
    network: impl ToString,
    manifest: impl ToString,
) -> Result<(), EncoderError> {
    if holds {
        return Ok(());
    }
    Err(EncoderError::SpecMismatch {
        field,
        network: network.to_string(),
        manifest: manifest.to_string(),
    })
}
