//! What to do next after an error.

use anyhow::Error;
use store::StoreError;

use crate::config::ConfigError;
use crate::http::ServerError;

/// Prints an error with its causes, and what to do next where that is known.
pub fn print(error: &Error) {
    eprintln!("error: {error}");
    let mut said = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !said.contains(&cause) {
            eprintln!("  because: {cause}");
        }
        said = cause;
    }
    if let Some(next) = next_step(error) {
        eprintln!("  what to do: {next}");
    }
}

fn next_step(error: &Error) -> Option<String> {
    error.chain().find_map(|cause| {
        cause
            .downcast_ref::<StoreError>()
            .map(store)
            .or_else(|| cause.downcast_ref::<ServerError>().map(server))
            .or_else(|| cause.downcast_ref::<ConfigError>().map(|_| config()))
            .or_else(|| cause.downcast_ref::<manifest::ManifestError>().map(|_| model()))
    })
}

fn store(error: &StoreError) -> String {
    match error {
        StoreError::FolderInUse { .. } => {
            "stop the other deskwise first, or give this one another folder with --data-dir DIR".to_owned()
        }
        StoreError::FolderNotWritable { path, .. } => format!(
            "make {} writable for this user, or give another folder with --data-dir DIR",
            path.display()
        ),
        StoreError::DiskFull { .. } => "free some space on the disk of the data folder, then start again".to_owned(),
        StoreError::ReadOnly { .. } => {
            "make the database file in the data folder writable, or give another folder with --data-dir DIR".to_owned()
        }
        StoreError::Unreachable { .. } => {
            "check that the database runs and that store.url names it (deskwise config shows it)".to_owned()
        }
        StoreError::UnsupportedUrl => {
            "set store.url to postgres://user:password@host/database, or leave it out".to_owned()
        }
        _ => "run the command again; if it fails again, this message helps to report it".to_owned(),
    }
}

fn server(error: &ServerError) -> String {
    match error {
        ServerError::InUse { .. } => {
            "stop the program that has this port, or choose another with --listen 127.0.0.1:8081".to_owned()
        }
        ServerError::Listen { .. } => "choose an address of this machine with --listen 127.0.0.1:8080".to_owned(),
    }
}

fn config() -> String {
    "correct the setting; `deskwise config` prints what is in force, and the README lists every key".to_owned()
}

fn model() -> String {
    "fetch the weights with `deskwise model pull`; a folder that was changed by hand must be made anew".to_owned()
}
