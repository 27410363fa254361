//! A desk in a folder of its own, for a server under load.

use std::path::Path;

use anyhow::{Result, ensure};
use desk::{Actor, NewToken, Role};

use crate::cli::embed::read_texts;
use crate::config::{Config, Overrides};
use crate::{open, sample};

/// Subject and body of what is submitted: one body a line of the file, or the tickets written for this project.
///
/// **Errors:** the file cannot be read, or holds blank lines alone.
pub fn texts(file: Option<&Path>) -> Result<Vec<(String, String)>> {
    let mut texts = match file {
        Some(path) => read_texts(path)?
            .into_iter()
            .map(|body| (String::new(), body))
            .collect(),
        None => sample::texts(),
    };
    texts.retain(|(_, body)| !desk::field::is_blank(body));
    ensure!(!texts.is_empty(), "there are no texts to submit");
    Ok(texts)
}

/// The settings of the desk in a folder.
///
/// **Errors:** of the settings.
pub fn config(data_dir: &Path) -> Result<Config> {
    let overrides = Overrides {
        data_dir: Some(data_dir.to_owned()),
        listen: None,
    };
    Ok(Config::load(None, &overrides)?)
}

/// The secret of an agent's token for the desk in a folder.
///
/// **Errors:** of the settings and the database.
pub async fn token(data_dir: &Path) -> Result<String> {
    let store = open::store(&config(data_dir)?).await?;
    let new = NewToken {
        name: "bench".to_owned(),
        role: Role::Agent,
    };
    let created = store.create_token(new, &Actor::operator("bench")).await?;
    store.close().await;
    Ok(created.secret)
}
