//! The shipped encoder agrees with sentence-transformers; see `golden/make.py`. Fetches the weights if they are missing.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use encoder::{Config, Encoder, Kernel, Side};
use manifest::PullOptions;
use safetensors::SafeTensors;

/// How near to the reference's our vectors of all texts must be.
struct Tolerance {
    least_cosine: f64,
    mean_cosine: f64,
}

/// Of kernels that multiply in f32 or 16-bit integers.
const F32: Tolerance = Tolerance {
    least_cosine: 0.99999,
    mean_cosine: 0.99999,
};

/// Of kernels that multiply in bf16 and add in f32.
const BF16: Tolerance = Tolerance {
    least_cosine: 0.999,
    mean_cosine: 0.9999,
};

fn tolerance(kernel: Kernel) -> Tolerance {
    match kernel {
        Kernel::AmxBf16 => BF16,
        _ => F32,
    }
}

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

fn check(kernel: Kernel, found: &[Vec<f32>]) {
    let (texts, expected, tolerance) = (texts(), expected(), tolerance(kernel));
    assert!(texts.len() >= FEWEST_TEXTS && texts.len() == expected.len() && texts.len() == found.len());
    let mut sum = 0.0;
    for ((text, found), expected) in texts.iter().zip(found).zip(&expected) {
        let cosine = cosine(found, expected);
        let start: String = text.chars().take(60).collect();
        assert!(
            cosine >= tolerance.least_cosine,
            "{kernel}: cosine {cosine} for {start:?}"
        );
        sum += cosine;
    }
    let mean = sum / texts.len() as f64;
    assert!(mean >= tolerance.mean_cosine, "{kernel}: mean cosine {mean}");
}

fn open(kernel: Kernel, threads: usize) -> Encoder {
    let config = Config {
        threads,
        kernel,
        ..Config::default()
    };
    Encoder::open(&MODEL, config).unwrap().verbatim()
}

fn kernels() -> impl Iterator<Item = Kernel> {
    Kernel::ALL.into_iter().filter(|kernel| kernel.is_here())
}

#[test]
fn all_texts_at_once_agree() {
    for kernel in kernels() {
        for threads in [1, 3] {
            let vectors = open(kernel, threads).embed_blocking(texts(), Side::Passage).unwrap();
            check(kernel, &vectors);
        }
    }
}

#[test]
fn each_text_alone_agrees() {
    for kernel in kernels() {
        for threads in [1, 3] {
            let encoder = open(kernel, threads);
            let alone = |text: String| encoder.embed_blocking(vec![text], Side::Query).unwrap().remove(0);
            check(kernel, &texts().into_iter().map(alone).collect::<Vec<_>>());
        }
    }
}
