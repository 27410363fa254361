//! Model folders nothing should compute with.
#![allow(clippy::unwrap_used, reason = "tests")]

mod tiny;

use std::fs;

use encoder::{Config, Encoder, EncoderError, Fault};
use serde_json::json;
use tiny::{MAX_TOKENS, Tiny, Tokenizer};

const QUERY: &str = "encoder.layer.1.attention.self.query.weight";

fn good() -> Tiny {
    Tiny::new(Tokenizer::WordPiece, "mean")
}

fn refused(tiny: &Tiny) -> EncoderError {
    let error = Encoder::open(tiny.write().path(), Config::default())
        .err()
        .expect("should be refused");
    assert_eq!(error.fault(), Fault::Setup, "{error}");
    error
}

fn cause(error: &EncoderError) -> String {
    std::error::Error::source(error)
        .map(ToString::to_string)
        .unwrap_or_default()
}

#[test]
fn a_missing_file_is_named() {
    let folder = good().write();
    fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
    let error = Encoder::open(folder.path(), Config::default()).err().unwrap();
    assert!(cause(&error).contains("tokenizer.json is missing"), "{}", cause(&error));
}

#[test]
fn a_wrong_sum_is_told_with_both_sums() {
    let folder = good().write();
    let path = folder.path().join("model.safetensors");
    let expected = manifest::sha256_of(&path).unwrap();
    fs::write(&path, "not the weights").unwrap();
    let found = manifest::sha256_of(&path).unwrap();
    let error = Encoder::open(folder.path(), Config::default()).err().unwrap();
    let cause = cause(&error);
    assert!(cause.contains(&expected) && cause.contains(&found), "{cause}");
}

#[test]
fn a_configuration_that_contradicts_the_manifest_is_refused() {
    for (key, value, field) in [
        ("hidden_size", json!(32), "hidden_size"),
        ("num_hidden_layers", json!(3), "layers"),
        ("num_attention_heads", json!(4), "heads"),
        ("max_position_embeddings", json!(MAX_TOKENS - 1), "max_tokens"),
        ("model_type", json!("roberta"), "model_type"),
    ] {
        let mut tiny = good();
        tiny.config[key] = value;
        let error = refused(&tiny);
        assert!(
            matches!(&error, EncoderError::SpecMismatch { field: found, .. } if *found == field),
            "{error}"
        );
    }
}

#[test]
fn a_tensor_of_another_shape_is_named_with_both_shapes() {
    let mut tiny = good();
    tiny.config["intermediate_size"] = json!(31);
    let error = refused(&tiny);
    assert!(
        matches!(&error, EncoderError::WrongShape { expected, found, .. } if expected != found),
        "{error}"
    );
}

#[test]
fn a_missing_tensor_is_named() {
    let mut tiny = good();
    tiny.tensors.remove(QUERY).unwrap();
    let error = refused(&tiny);
    assert!(
        matches!(&error, EncoderError::MissingTensor { tensor } if tensor == QUERY),
        "{error}"
    );
}

#[test]
fn weights_that_are_not_finite_are_refused() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut tiny = good();
        tiny.tensors.get_mut(QUERY).unwrap().1[5] = value;
        let error = refused(&tiny);
        assert!(
            matches!(&error, EncoderError::NotFinite { tensor } if tensor == QUERY),
            "{error}"
        );
    }
}

#[test]
fn a_tokenizer_with_more_tokens_than_the_network_is_refused() {
    let mut tiny = good();
    tiny.config["vocab_size"] = json!(5);
    assert!(matches!(refused(&tiny), EncoderError::ReadTokenizer { .. }));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let folder = good().write();
    let plain = Config::default();
    for (config, expect) in [
        (
            Config {
                max_tokens: 2,
                ..plain.clone()
            },
            "max_tokens",
        ),
        (
            Config {
                batch_tokens: 0,
                ..plain.clone()
            },
            "batch_tokens",
        ),
        (
            Config {
                queue_texts: 0,
                ..plain.clone()
            },
            "queue_texts",
        ),
    ] {
        let error = Encoder::open(folder.path(), config).err().unwrap();
        assert!(
            matches!(&error, EncoderError::BadSetting { setting, .. } if *setting == expect),
            "{error}"
        );
    }
}

#[test]
fn a_head_is_no_encoder() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("manifest.toml"),
        "name = 'a'\nrevision = '1'\nkind = 'head'\nfiles = []\n",
    )
    .unwrap();
    let error = Encoder::open(folder.path(), Config::default()).err().unwrap();
    assert!(matches!(error, EncoderError::NotAnEncoder { .. }), "{error}");
}
