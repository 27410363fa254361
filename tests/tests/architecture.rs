//! Who may import whom, read from the `Cargo.toml` files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Crate → crates of ours it may import. `api` wires the parts together, so it names those whose settings it reads.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("desk", &[]),
    ("manifest", &[]),
    ("encoder", &["language", "manifest"]),
    ("classifier", &["language", "manifest"]),
    ("search", &[]),
    ("store", &["desk"]),
    ("language", &[]),
    (
        "triage",
        &[
            "desk",
            "language",
            "manifest",
            "encoder",
            "classifier",
            "search",
            "store",
        ],
    ),
    (
        "knowledge",
        &["desk", "language", "manifest", "encoder", "search", "store"],
    ),
    ("suggest", &["desk", "knowledge", "language", "store", "triage"]),
    ("training", &["desk", "manifest", "encoder", "classifier"]),
    (
        "eval",
        &[
            "triage",
            "language",
            "manifest",
            "encoder",
            "classifier",
            "search",
            "desk",
        ],
    ),
    (
        "api",
        &[
            "triage",
            "knowledge",
            "suggest",
            "store",
            "desk",
            "training",
            "eval",
            "manifest",
            "encoder",
            "search",
        ],
    ),
    ("tests", &["api"]),
];

/// Outside crates → the only crates of ours that may import them.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("axum", &["api"]),
    ("utoipa", &["api"]),
    ("clap", &["api", "tests"]),
    ("sqlx", &["store"]),
    ("whatlang", &["language"]),
    ("pulldown-cmark", &["knowledge"]),
    ("ammonia", &["knowledge"]),
    ("qdrant-client", &["search"]),
    ("qdrant-edge", &["search"]),
    ("candle-core", &["encoder", "training"]),
    ("candle-nn", &["encoder", "training"]),
    ("candle-transformers", &["encoder"]),
    ("tokenizers", &["encoder", "training"]),
    ("linfa", &["training", "suggest"]),
    ("linfa-clustering", &["suggest"]),
    ("linfa-logistic", &["training"]),
    ("linfa-nn", &["suggest"]),
    ("hf-hub", &["manifest"]),
];

/// What the pure crate lives on.
const DESK_LIVES_ON: &[&str] = &["rustc-hash", "serde", "thiserror", "time", "uuid"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Names of the `[dependencies]` of every crate of ours; what only its tests use may differ.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let crates = std::fs::read_dir(root().join("crates"))
        .expect("crates")
        .filter_map(|entry| Some(entry.ok()?.path()));
    let others = ["api", "eval", "tests", "training"].map(|name| root().join(name));
    crates
        .chain(others)
        .filter(|folder| folder.join("Cargo.toml").is_file())
        .map(|folder| read(&folder))
        .collect()
}

fn read(folder: &Path) -> (String, BTreeSet<String>) {
    let text = std::fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
    let manifest: toml::Table = text.parse().expect("TOML");
    let name = manifest["package"]["name"].as_str().expect("a name").to_owned();
    let table = |table: &toml::Table| table.keys().cloned().collect::<Vec<_>>();
    let own = manifest
        .get("dependencies")
        .and_then(toml::Value::as_table)
        .map(table)
        .unwrap_or_default();
    (name, own.into_iter().collect())
}

#[test]
fn every_crate_imports_only_what_it_may() {
    let found = dependencies();
    let known: BTreeSet<&str> = MAY_IMPORT.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        found.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        known,
        "every crate has its row"
    );
    for (name, may) in MAY_IMPORT {
        let ours = found[*name]
            .iter()
            .map(String::as_str)
            .filter(|dependency| known.contains(dependency));
        let forbidden: Vec<_> = ours.filter(|dependency| !may.contains(dependency)).collect();
        assert!(forbidden.is_empty(), "{name} must not know {forbidden:?}");
    }
}

#[test]
fn what_is_one_rooms_business_stays_there() {
    let found = dependencies();
    for (outside, rooms) in ONLY_IN {
        let users: Vec<_> = found
            .iter()
            .filter(|(_, own)| own.contains(*outside))
            .map(|(name, _)| name.as_str())
            .collect();
        assert!(
            users.iter().all(|user| rooms.contains(user)),
            "{outside} belongs in {rooms:?}, not {users:?}"
        );
    }
    let foreign: Vec<_> = found["desk"]
        .iter()
        .filter(|name| !DESK_LIVES_ON.contains(&name.as_str()))
        .collect();
    assert!(foreign.is_empty(), "desk is pure: {foreign:?}");
}
