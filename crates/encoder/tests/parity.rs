//! The shipped encoder agrees with sentence-transformers; see `golden/make.py`. Fetches the weights if they are missing.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use encoder::{Config, Encoder, Side};
use manifest::PullOptions;
use safetensors::SafeTensors;

/// Least cosine between our vector of a text and the reference's.
const LEAST_COSINE: f64 = 0.99999;
/// Fewest texts the comparison must have.
const FEWEST_TEXTS: usize = 64;

static MODEL: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/all-MiniLM-L6-v2");
    manifest::pull(&folder, &PullOptions::default(), &mut |_| {}).expect("the weights must be there or be fetched");
    folder
});

fn golden(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file)
}

fn texts() -> Vec<String> {
    serde_json::from_slice(&fs::read(golden("texts.json")).unwrap()).unwrap()
}

fn expected() -> Vec<Vec<f32>> {
    let bytes = fs::read(golden("vectors.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let vectors = tensors.tensor("vectors").unwrap();
    let values = vectors
        .data()
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&bytes| f32::from_le_bytes(bytes));
    values
        .collect::<Vec<_>>()
        .chunks(vectors.shape()[1])
        .map(<[f32]>::to_vec)
        .collect()
}

fn cosine(one: &[f32], other: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    dot(one, other) / (dot(one, one) * dot(other, other)).sqrt()
}

fn check(found: &[Vec<f32>]) {
    let (texts, expected) = (texts(), expected());
    assert!(texts.len() >= FEWEST_TEXTS && texts.len() == expected.len() && texts.len() == found.len());
    for ((text, found), expected) in texts.iter().zip(found).zip(&expected) {
        let cosine = cosine(found, expected);
        let start: String = text.chars().take(60).collect();
        assert!(cosine >= LEAST_COSINE, "cosine {cosine} for {start:?}");
    }
}

#[test]
fn all_texts_at_once_agree() {
    let encoder = Encoder::open(&MODEL, Config::default()).unwrap();
    check(&encoder.embed_blocking(texts(), Side::Passage).unwrap());
}

#[test]
fn each_text_alone_agrees() {
    let encoder = Encoder::open(
        &MODEL,
        Config {
            threads: 1,
            ..Config::default()
        },
    )
    .unwrap();
    let alone = |text: String| encoder.embed_blocking(vec![text], Side::Query).unwrap().remove(0);
    check(&texts().into_iter().map(alone).collect::<Vec<_>>());
}
