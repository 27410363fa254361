//! What ships: recipes that can be read, and heads that open, know the taxonomy and are small.

use std::fs;
use std::path::{Path, PathBuf};

use classifier::Head;
use manifest::Manifest;
use training::{Dataset, Recipe, data};

/// Of a head's folder. **Units**: bytes.
const MAX_HEAD_BYTES: u64 = 10_000_000;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

fn head(name: &str) -> Head {
    let folder = root().join("models").join(name);
    let bytes: u64 = fs::read_dir(&folder)
        .expect("listed")
        .map(|file| file.expect("a file").metadata().expect("its size").len())
        .sum();
    assert!(bytes < MAX_HEAD_BYTES, "{name} takes {bytes} bytes");
    Head::open(&folder).expect("opens")
}

fn dataset(recipe: &str) -> Dataset {
    let recipe = Recipe::read(&root().join("training/recipes").join(recipe)).expect("a recipe");
    let file = root().join(recipe.data.file.as_ref().expect("a file"));
    let rows = data::read(&file, &recipe.data.columns().expect("columns")).expect("rows");
    Dataset::new(rows, &[]).expect("sound")
}

#[test]
fn every_recipe_can_be_read() {
    let mut read = 0;
    for file in fs::read_dir(root().join("training/recipes")).expect("listed") {
        Recipe::read(&file.expect("a file").path()).expect("a recipe");
        read += 1;
    }
    assert!(read >= 5, "{read} recipes");
}

#[test]
fn the_shipped_heads_know_the_labels_of_their_recipes() {
    for name in ["triage-category", "triage-priority"] {
        assert_eq!(head(name).labels(), dataset(&format!("{name}.toml")).labels, "{name}");
    }
}

#[test]
fn the_shipped_heads_were_learnt_on_the_encoder_that_ships() {
    let path = root().join("models/all-MiniLM-L6-v2/manifest.toml");
    let text = fs::read_to_string(&path).expect("read");
    let encoder = Manifest::parse(&path, &text).expect("a manifest");
    for name in ["triage-category", "triage-priority"] {
        let head = head(name);
        let id = &head.spec().encoder;
        assert_eq!(encoder.name, id.name);
        assert_eq!(encoder::revision(&encoder), id.revision);
        assert_eq!(id.dimensions, 384);
    }
}

#[test]
fn the_shipped_heads_answer_or_ask() {
    for name in ["triage-category", "triage-priority"] {
        let said = head(name)
            .assess("I was charged twice for my invoice", &[0.05; 384])
            .expect("assessed");
        assert!(said.confidence > 0.0 && said.confidence <= 1.0);
        assert!(said.label.is_none() || said.confidence >= said.threshold);
        assert!(!said.alternatives.is_empty());
    }
}

#[test]
fn the_shipped_heads_look_at_a_text_once_for_both() {
    let category = head("triage-category");
    assert!(
        head("triage-priority")
            .sharing_features_of(&category)
            .shares_features_with(&category)
    );
}
