//! What a benchmark says of itself is enough to repeat it, and what it says of a kernel is so.
#![allow(clippy::unwrap_used, reason = "tests")]

mod tiny;

use std::fs;

use encoder::bench::{Reference, bench};
use encoder::{Config, Encoder, Kernel};
use tiny::{MAX_TOKENS, Tiny, Tokenizer};

fn texts() -> Vec<String> {
    ["red box", "the green lamp", "query red", "passage the box"]
        .map(str::to_owned)
        .to_vec()
}

#[test]
fn figures_name_what_was_measured() {
    let folder = Tiny::new(Tokenizer::WordPiece, "mean").write();
    let encoder = Encoder::open(folder.path(), Config::default()).unwrap();
    let figures = bench(&encoder, &texts(), 2).unwrap();
    let file = folder.path().join("texts");
    fs::write(&file, texts().join("\n") + "\n").unwrap();
    assert_eq!(figures.texts_sha256, manifest::sha256_of(&file).unwrap());
    assert_eq!((figures.model.as_str(), figures.revision.as_str()), ("tiny", "seed-7"));
    assert_eq!((figures.rounds, figures.max_tokens), (2, MAX_TOKENS));
    assert_eq!(
        bench(&encoder, &texts(), 0).unwrap().rounds,
        1,
        "one is run in any case"
    );
}

#[test]
fn every_kernel_here_is_like_the_reference() {
    let folder = Tiny::new(Tokenizer::WordPiece, "mean").write();
    let texts = texts();
    let reference = Reference::of(folder.path(), &texts).unwrap();
    for kernel in Kernel::ALL.into_iter().filter(|kernel| kernel.is_here()) {
        let likeness = reference.likeness(kernel).unwrap().unwrap();
        assert_eq!(likeness.compared_texts, texts.len());
        assert!(likeness.least_cosine <= likeness.mean_cosine + 1e-12);
        assert!(likeness.least_cosine > 0.99, "{kernel}: {likeness:?}");
    }
    let none = Reference::of(folder.path(), &[]).unwrap();
    assert_eq!(none.likeness(Kernel::Candle).unwrap(), None);
}
