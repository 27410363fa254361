//! The OpenAPI document is a promise: a change must be accepted by hand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Set to write the document as it is now.
const ACCEPT: &str = "DESK_TEST_ACCEPT_SNAPSHOTS";

#[test]
fn the_document_is_the_accepted_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let now = api::http::openapi().to_pretty_json().expect("JSON") + "\n";
    if std::env::var_os(ACCEPT).is_some() {
        std::fs::write(&path, &now).expect("a writable file");
    }
    let accepted = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        accepted == now,
        "the API changed; look at it and accept it with {ACCEPT}=1 cargo test -p api --test openapi"
    );
}

#[test]
fn every_operation_says_what_it_answers_and_refuses() {
    let document = serde_json::to_value(api::http::openapi()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    assert!(paths.len() >= 16, "{}", paths.len());
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().expect("operations") {
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            let answers = operation["responses"].as_object().expect("responses");
            assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path}");
        }
    }
}

/// utoipa names a schema by its type alone, so of two types of one name one would be documented as the other.
#[test]
fn no_two_schemas_share_a_name() {
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = std::fs::read_to_string(&file).expect("a source file");
        for name in derived(&text).chain(words(&text)) {
            let other = found.insert(name.to_owned(), file.clone());
            assert!(other.is_none(), "{name} is a schema of both {other:?} and {file:?}");
        }
    }
    assert!(found.len() >= 100, "{found:?}");
}

/// The `.rs` files of a folder and of those within it.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = paths.partition(|path| path.is_dir());
    let within = folders.iter().flat_map(|folder| sources(folder));
    let of_rust = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "rs");
    files.into_iter().filter(of_rust).chain(within).collect()
}

/// The names of the types that derive `ToSchema`.
fn derived(source: &str) -> impl Iterator<Item = &str> {
    source.split("#[derive(").skip(1).filter_map(|derive| {
        let (traits, item) = derive.split_once(")]")?;
        let is_schema = traits.split(',').any(|one| one.trim().ends_with("ToSchema"));
        is_schema.then(|| declared(item).expect("a struct or an enum"))
    })
}

/// The name of the struct or enum that comes first.
fn declared(item: &str) -> Option<&str> {
    item.lines().filter(|line| !is_aside(line)).find_map(|line| {
        let is_keyword = |word: &&str| ["struct", "enum"].contains(word);
        let name = line.split_whitespace().skip_while(|word| !is_keyword(word)).nth(1)?;
        name.split(|c: char| !c.is_alphanumeric()).next()
    })
}

/// The names that `word_schema!` makes schemas of.
fn words(source: &str) -> impl Iterator<Item = &str> {
    let lists = source.split("word_schema! {").skip(1);
    let lines = lists.flat_map(|list| list.lines().take_while(|line| !line.starts_with('}')));
    let names = lines.filter(|line| !is_aside(line));
    names
        .map(|line| line.trim().trim_end_matches(','))
        .filter(|name| !name.is_empty())
}

/// Whether a line is a comment or an attribute.
fn is_aside(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("//") || line.starts_with('#')
}
