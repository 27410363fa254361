//! Seeded encoders small enough to make in a test.
#![allow(dead_code, reason = "each suite uses its part")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use tempfile::TempDir;

const WORDS: [&str; 8] = ["red", "green", "box", "lamp", "query", "passage", "the", "s"];
const HIDDEN: usize = 16;
const INTERMEDIATE: usize = 32;
const LAYERS: usize = 2;
const POSITIONS: usize = 64;
const VOCABULARY: usize = 16;

/// Tokens a tiny encoder reads at most.
pub const MAX_TOKENS: usize = 48;

/// Kind of tokenizer.
#[derive(Debug, Clone, Copy)]
pub enum Tokenizer {
    WordPiece,
    Unigram,
}

/// What a tiny encoder is like, before it is written.
pub struct Tiny {
    pub tokenizer: Tokenizer,
    pub pooling: &'static str,
    pub query_prefix: &'static str,
    pub has_glossary: bool,
    pub config: Value,
    pub tensors: HashMap<String, (Vec<usize>, Vec<f32>)>,
}

impl Tiny {
    /// One whose weights follow from its sizes alone.
    pub fn new(tokenizer: Tokenizer, pooling: &'static str) -> Self {
        let mut random = Random(7);
        let tensors = shapes().into_iter().map(|(name, shape)| {
            let values = values(&name, shape.iter().product(), &mut random);
            (name, (shape, values))
        });
        Self {
            tokenizer,
            pooling,
            query_prefix: "",
            has_glossary: false,
            config: config(),
            tensors: tensors.collect(),
        }
    }

    /// Writes the model folder, sums included.
    pub fn write(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::write(path.join("config.json"), self.config.to_string()).unwrap();
        fs::write(path.join("tokenizer.json"), tokenizer(self.tokenizer).to_string()).unwrap();
        fs::write(path.join("model.safetensors"), self.weights()).unwrap();
        fs::write(path.join("manifest.toml"), self.manifest(path)).unwrap();
        folder
    }

    fn weights(&self) -> Vec<u8> {
        let bytes: Vec<(&String, &Vec<usize>, Vec<u8>)> = self
            .tensors
            .iter()
            .map(|(name, (shape, values))| {
                (
                    name,
                    shape,
                    values.iter().flat_map(|value| value.to_le_bytes()).collect(),
                )
            })
            .collect();
        let views = bytes
            .iter()
            .map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F32, (*shape).clone(), bytes).unwrap()));
        safetensors::serialize(views, None).unwrap()
    }

    fn manifest(&self, folder: &Path) -> String {
        let mut text = format!(
            "name = 'tiny'\nrevision = 'seed-7'\nkind = 'encoder'\n\n[encoder]\nhidden_size = {HIDDEN}\n\
             layers = {LAYERS}\nheads = 2\npooling = '{}'\nmax_tokens = {MAX_TOKENS}\nquery_prefix = '{}'\n{}",
            self.pooling,
            self.query_prefix,
            if self.has_glossary { "glossary = 'es'\n" } else { "" }
        );
        for file in ["config.json", "tokenizer.json", "model.safetensors"] {
            let sum = manifest::sha256_of(&folder.join(file)).unwrap();
            text.push_str(&format!("\n[[files]]\npath = '{file}'\nsha256 = '{sum}'\n"));
        }
        text
    }
}

fn config() -> Value {
    json!({
        "model_type": "bert", "vocab_size": VOCABULARY, "hidden_size": HIDDEN, "num_hidden_layers": LAYERS,
        "num_attention_heads": 2, "intermediate_size": INTERMEDIATE, "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1, "max_position_embeddings": POSITIONS, "type_vocab_size": 2,
        "initializer_range": 0.02, "layer_norm_eps": 1e-12, "pad_token_id": 0,
    })
}

/// A tokenizer that carries a cut and a padding nobody should obey.
fn tokenizer(kind: Tokenizer) -> Value {
    let (normalizer, pre_tokenizer, model) = match kind {
        Tokenizer::WordPiece => (
            json!({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true}),
            json!({"type": "BertPreTokenizer"}),
            word_piece(),
        ),
        Tokenizer::Unigram => (
            Value::Null,
            json!({"type": "Metaspace", "replacement": "▁",
            "prepend_scheme": "always", "split": true}),
            unigram(),
        ),
    };
    let special = |id: u32, content: &str| {
        json!({"id": id, "content": content, "special": true, "single_word": false,
        "lstrip": false, "rstrip": false, "normalized": false})
    };
    json!({
        "version": "1.0",
        "truncation": {"max_length": 8, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
        "padding": {"strategy": {"Fixed": 32}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
            "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": [special(0, "[PAD]"), special(1, "[UNK]"), special(2, "[CLS]"), special(3, "[SEP]")],
        "normalizer": normalizer, "pre_tokenizer": pre_tokenizer,
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "decoder": null, "model": model,
    })
}

fn word_piece() -> Value {
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].map(str::to_owned).into_iter();
    let words = WORDS
        .map(str::to_owned)
        .into_iter()
        .chain(["##s".to_owned(), ":".to_owned()]);
    let vocabulary: HashMap<String, usize> = special.chain(words).zip(0..).collect();
    json!({"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100, "vocab": vocabulary})
}

fn unigram() -> Value {
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
        .map(|token| json!([token, 0.0]))
        .into_iter();
    let words = WORDS.map(|word| json!([format!("▁{word}"), -2.0])).into_iter();
    let pieces = ["s", ":"].map(|piece| json!([piece, -4.0]));
    json!({"type": "Unigram", "unk_id": 1, "vocab": special.chain(words).chain(pieces).collect::<Vec<_>>(),
        "byte_fallback": false})
}

fn shapes() -> Vec<(String, Vec<usize>)> {
    let mut shapes = vec![
        ("embeddings.word_embeddings.weight".to_owned(), vec![VOCABULARY, HIDDEN]),
        (
            "embeddings.position_embeddings.weight".to_owned(),
            vec![POSITIONS, HIDDEN],
        ),
        ("embeddings.token_type_embeddings.weight".to_owned(), vec![2, HIDDEN]),
    ];
    let mut pair = |name: String, weight: Vec<usize>| {
        shapes.push((format!("{name}.bias"), vec![weight[0]]));
        shapes.push((format!("{name}.weight"), weight));
    };
    pair("embeddings.LayerNorm".to_owned(), vec![HIDDEN]);
    for layer in (0..LAYERS).map(|layer| format!("encoder.layer.{layer}")) {
        for part in ["self.query", "self.key", "self.value", "output.dense"] {
            pair(format!("{layer}.attention.{part}"), vec![HIDDEN, HIDDEN]);
        }
        pair(format!("{layer}.attention.output.LayerNorm"), vec![HIDDEN]);
        pair(format!("{layer}.intermediate.dense"), vec![INTERMEDIATE, HIDDEN]);
        pair(format!("{layer}.output.dense"), vec![HIDDEN, INTERMEDIATE]);
        pair(format!("{layer}.output.LayerNorm"), vec![HIDDEN]);
    }
    shapes
}

/// Norms are about 1, everything else about 0, and wide enough that every part of the network matters.
fn values(name: &str, count: usize, random: &mut Random) -> Vec<f32> {
    let centre = if name.ends_with("LayerNorm.weight") { 1.0 } else { 0.0 };
    (0..count).map(|_| centre + 0.5 * random.next()).collect()
}

/// A linear congruential generator: the same numbers everywhere.
struct Random(u64);

impl Random {
    /// The next number in -1..1.
    fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}
