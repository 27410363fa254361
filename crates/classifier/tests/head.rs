//! A head folder, opened and asked: what it says, and what it refuses.

use std::fs;
use std::path::Path;

use classifier::abstention::HeldOut;
use classifier::features::{Lexicon, Ngrams};
use classifier::{
    ClassifierError, Conformal, Curve, EncoderId, Head, HeadSpec, Learnt, Memory, Tensors, Vote, WEIGHTS_FILE,
};
use sha2::{Digest, Sha256};

fn encoder() -> EncoderId {
    EncoderId {
        name: "tiny".to_owned(),
        revision: "1".to_owned(),
        dimensions: 2,
        max_tokens: 256,
    }
}

fn spec() -> HeadSpec {
    HeadSpec {
        labels: vec!["billing".to_owned(), "outage".to_owned()],
        temperature: 1.0,
        target_precision: 0.9,
        threshold_per_label: false,
        out_of_scope_energy: 0.0,
        conformal: Conformal {
            coverage: 0.95,
            quantile: 0.8,
        },
        word_ngrams: Ngrams { min: 1, max: 1 },
        char_ngrams: Ngrams::OFF,
        vote: None,
        encoder: encoder(),
    }
}

/// Two dimensions and the words `invoice` and `down`; sure answers were right, unsure ones were not.
fn tensors() -> Tensors {
    Tensors {
        weights: vec![1.0, -1.0, -1.0, 1.0, 2.0, -2.0, -2.0, 2.0],
        bias: vec![0.0, 0.0],
        words: Lexicon::new(vec!["invoice".to_owned(), "down".to_owned()], vec![1.0, 1.0]),
        chars: Lexicon::default(),
        memory: Memory::default(),
        curve: Curve::default(),
        held_out: HeldOut {
            predicted: vec![0; 100],
            confidence: (0..100).map(|row| if row < 50 { 0.6 } else { 0.9 }).collect(),
            correct: (0..100).map(|row| row >= 50).collect(),
        },
        learnt: Learnt::of(["Invoice missing"]),
    }
}

fn head() -> Head {
    Head::new("demo".to_owned(), "1".to_owned(), spec(), tensors()).expect("sound")
}

fn write(folder: &Path, tensors: &Tensors, spec: &HeadSpec) {
    write_bytes(folder, &tensors.to_bytes().expect("serialised"), spec);
}

fn write_bytes(folder: &Path, weights: &[u8], spec: &HeadSpec) {
    let sum: String = Sha256::digest(weights)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut manifest = toml::Table::new();
    manifest.insert("name".to_owned(), "demo".into());
    manifest.insert("revision".to_owned(), "1".into());
    manifest.insert("kind".to_owned(), "head".into());
    let file = toml::Table::from_iter([
        ("path".to_owned(), toml::Value::from(WEIGHTS_FILE)),
        ("sha256".to_owned(), sum.into()),
    ]);
    manifest.insert("files".to_owned(), toml::Value::Array(vec![file.into()]));
    manifest.insert("head".to_owned(), toml::Value::try_from(spec).expect("a table"));
    fs::write(folder.join(WEIGHTS_FILE), weights).expect("written");
    fs::write(folder.join("manifest.toml"), manifest.to_string()).expect("written");
}

fn refused(tensors: &Tensors, spec: &HeadSpec) -> ClassifierError {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), tensors, spec);
    Head::open(folder.path()).expect_err("refused")
}

#[test]
fn a_written_head_says_the_same_after_opening() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), &tensors(), &spec());
    let opened = Head::open(folder.path()).expect("opens");
    let ask = |head: &Head| head.assess("The INVOICE is wrong", &[0.6, 0.8]).expect("assessed");
    assert_eq!(ask(&opened), ask(&head()));
    assert_eq!((opened.name(), opened.revision()), ("demo", "1"));
}

#[test]
fn a_sure_text_gets_its_label_and_an_unsure_one_a_person() {
    let head = head();
    let sure = head.assess("invoice", &[1.0, 0.0]).expect("assessed");
    assert_eq!(sure.label.as_deref(), Some("billing"));
    assert_eq!(sure.alternatives, ["billing"]);
    let unsure = head.assess("hello", &[0.71, 0.7]).expect("assessed");
    assert_eq!((unsure.label.as_deref(), unsure.out_of_scope), (None, false));
    assert_eq!(unsure.alternatives, ["billing", "outage"]);
    assert!((unsure.probabilities.iter().map(|(_, p)| p).sum::<f32>() - 1.0).abs() < 1e-6);
}

#[test]
fn words_outweigh_a_vector_that_says_nothing() {
    let words = head().assess("the service is down", &[0.0, 0.0]).expect("assessed");
    assert_eq!(words.probabilities[0].0, "outage");
}

#[test]
fn too_little_energy_is_out_of_scope() {
    let spec = HeadSpec {
        out_of_scope_energy: 1.5,
        ..spec()
    };
    let head = Head::new("demo".to_owned(), "1".to_owned(), spec, tensors()).expect("sound");
    let strange = head.assess("hello", &[0.5, 0.5]).expect("assessed");
    assert_eq!((strange.label, strange.out_of_scope), (None, true));
    assert!(!head.assess("invoice", &[1.0, 0.0]).expect("assessed").out_of_scope);
}

#[test]
fn a_lower_target_is_answered_more_often() {
    assert_eq!(head().outcome().coverage, 0.5);
    let easy = head().with_target_precision(0.5).expect("allowed");
    assert_eq!(easy.outcome().coverage, 1.0);
    assert!(
        matches!(head().with_target_precision(1.5), Err(ClassifierError::BadSpec { field, .. }) if field == "target_precision")
    );
}

/// A third label no weight knows, and one example of it.
fn newcomer() -> (Tensors, HeadSpec) {
    let mut tensors = tensors();
    tensors.weights = vec![1.0, -1.0, 0.0, -1.0, 1.0, 0.0, 2.0, -2.0, 0.0, -2.0, 2.0, 0.0];
    tensors.bias = vec![0.0; 3];
    tensors.memory = Memory {
        vectors: vec![1.0, 0.0, 0.0, 1.0, 0.7, 0.7],
        labels: vec![0, 1, 2],
    };
    let vote = Vote {
        neighbours: 3,
        width: 0.05,
        floor: 1e-3,
        weight: 1.0,
    };
    let spec = HeadSpec {
        labels: ["billing", "outage", "new"].map(str::to_owned).to_vec(),
        vote: Some(vote),
        ..spec()
    };
    (tensors, spec)
}

#[test]
fn a_new_label_speaks_from_its_first_example() {
    let (tensors, spec) = newcomer();
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), &tensors, &spec);
    let head = Head::open(folder.path()).expect("opens");
    let said = head.assess("hello", &[0.71, 0.7]).expect("assessed");
    assert_eq!(said.probabilities[0].0, "new");
    let old = head.assess("hello", &[1.0, 0.0]).expect("assessed");
    assert_eq!(old.probabilities[0].0, "billing");
}

#[test]
fn heads_of_one_training_share_their_features_and_say_what_each_says_alone() {
    let (tensors, spec) = newcomer();
    let head = |tensors: &Tensors| Head::new("demo".to_owned(), "1".to_owned(), spec.clone(), tensors.clone());
    let first = head(&tensors).expect("sound");
    let mut turned = tensors.clone();
    turned.weights.reverse();
    let second = head(&turned).expect("sound").sharing_features_of(&first);
    assert!(second.shares_features_with(&first));
    turned.memory.vectors[0] = 0.9;
    let third = head(&turned).expect("sound").sharing_features_of(&first);
    assert!(!third.shares_features_with(&first), "it remembers another vector");
    for other in [&second, &third] {
        let both = first.assess_both(other, "invoice down", &[0.6, 0.8]).expect("assessed");
        let alone = |head: &Head| head.assess("invoice down", &[0.6, 0.8]).expect("assessed");
        assert_eq!(both, (alone(&first), alone(other)));
        assert_ne!(both.0.probabilities, both.1.probabilities);
    }
}

#[test]
fn a_memory_that_does_not_fit_is_refused() {
    let (sound, spec) = newcomer();
    let mut short = sound.clone();
    short.memory.vectors.pop();
    let mut foreign = sound.clone();
    foreign.memory.labels[0] = 3;
    let mut nan = sound;
    nan.memory.vectors[0] = f32::NAN;
    let tensor_of = |bad: &Tensors| match Head::new("demo".to_owned(), "1".to_owned(), spec.clone(), bad.clone()) {
        Err(ClassifierError::WrongTensor { tensor, .. } | ClassifierError::NotFiniteWeight { tensor }) => tensor,
        other => panic!("not refused: {other:?}"),
    };
    assert_eq!(tensor_of(&short), "memory_vectors");
    assert_eq!(tensor_of(&foreign), "memory_labels");
    assert_eq!(tensor_of(&nan), "memory_vectors");
}

#[test]
fn a_curve_recalibrates_and_a_falling_one_is_refused() {
    let mut modest = tensors();
    modest.curve = Curve {
        from: vec![0.0, 1.0],
        to: vec![0.2, 0.6],
    };
    let head = Head::new("demo".to_owned(), "1".to_owned(), spec(), modest.clone()).expect("sound");
    assert!((head.assess("invoice", &[1.0, 0.0]).expect("assessed").confidence - 0.75).abs() < 1e-2);
    modest.curve.to = vec![0.6, 0.2];
    assert!(matches!(
        refused(&modest, &spec()),
        ClassifierError::WrongTensor { tensor: "curve_to", .. }
    ));
}

#[test]
fn foreign_vectors_are_refused() {
    let other = EncoderId {
        revision: "2".to_owned(),
        ..encoder()
    };
    let error = head().accept_encoder(&other).expect_err("refused").to_string();
    assert!(error.contains("tiny at 1") && error.contains("tiny at 2"), "{error}");
    assert!(head().accept_encoder(&encoder()).is_ok());
    let wrong = head().assess("x", &[1.0]).expect_err("refused");
    assert!(matches!(
        wrong,
        ClassifierError::WrongDimensions { expected: 2, found: 1 }
    ));
    let nan = head().assess("x", &[f32::NAN, 0.0]).expect_err("refused");
    assert!(matches!(nan, ClassifierError::NotFiniteVector));
}

#[test]
fn nan_weights_are_refused() {
    let mut bad = tensors();
    bad.weights[3] = f32::NAN;
    assert!(matches!(
        refused(&bad, &spec()),
        ClassifierError::NotFiniteWeight { tensor: "weights" }
    ));
    let mut bad = tensors();
    bad.bias[0] = f32::INFINITY;
    assert!(matches!(
        refused(&bad, &spec()),
        ClassifierError::NotFiniteWeight { tensor: "bias" }
    ));
}

#[test]
fn tensors_of_another_shape_are_refused() {
    let three = HeadSpec {
        labels: ["a", "b", "c"].map(str::to_owned).to_vec(),
        ..spec()
    };
    assert!(matches!(
        refused(&tensors(), &three),
        ClassifierError::WrongTensor { tensor: "bias", .. }
    ));
    let wide = HeadSpec {
        encoder: EncoderId {
            dimensions: 3,
            ..encoder()
        },
        ..spec()
    };
    assert!(matches!(
        refused(&tensors(), &wide),
        ClassifierError::WrongTensor { tensor: "weights", .. }
    ));
    let mut bad = tensors();
    bad.held_out.predicted[0] = 9;
    assert!(matches!(
        refused(&bad, &spec()),
        ClassifierError::WrongTensor {
            tensor: "held_out_predicted",
            ..
        }
    ));
}

/// The file's bytes with the shape of one tensor written otherwise, as many numbers as before.
fn reshaped(tensors: &Tensors, from: &str, to: &str) -> Vec<u8> {
    let bytes = tensors.to_bytes().expect("serialised");
    assert_eq!(from.len(), to.len(), "the header keeps its length");
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes());
    let at = at.expect("the shape");
    [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
}

#[test]
fn a_tensor_turned_on_its_side_is_refused() {
    let (tensors, spec) = newcomer();
    for (from, to, name) in [
        ("\"shape\":[4,3]", "\"shape\":[3,4]", "weights"),
        ("\"shape\":[3,2]", "\"shape\":[2,3]", "memory_vectors"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        write_bytes(folder.path(), &reshaped(&tensors, from, to), &spec);
        match Head::open(folder.path()) {
            Err(ClassifierError::WrongTensor { tensor, .. }) => assert_eq!(tensor, name),
            other => panic!("not refused: {other:?}"),
        }
    }
}

#[test]
fn labels_that_cannot_be_told_apart_are_refused() {
    for labels in [["billing", "billing"], ["billing", " "]] {
        let spec = HeadSpec {
            labels: labels.map(str::to_owned).to_vec(),
            ..spec()
        };
        assert!(matches!(
            refused(&tensors(), &spec),
            ClassifierError::BadSpec { field: "labels", .. }
        ));
    }
}

#[test]
fn a_head_knows_what_it_learnt_and_an_older_one_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), &tensors(), &spec());
    let opened = Head::open(folder.path()).expect("opens");
    assert!(opened.knows_what_it_learnt());
    assert!(opened.has_learnt("invoice  MISSING") && !opened.has_learnt("invoice found"));
    let older = Tensors {
        learnt: Learnt::default(),
        ..tensors()
    };
    write(folder.path(), &older, &spec());
    let opened = Head::open(folder.path()).expect("opens");
    assert!(!opened.knows_what_it_learnt() && !opened.has_learnt("invoice missing"));
}

#[test]
fn a_head_that_cannot_be_precise_enough_asks_about_its_surest_texts_too() {
    let mut unsure = tensors();
    unsure.held_out.correct = vec![false; 100];
    unsure.weights.iter_mut().for_each(|weight| *weight *= 100.0);
    let head = Head::new("demo".to_owned(), "1".to_owned(), spec(), unsure).expect("sound");
    let said = head.assess("invoice", &[1.0, 0.0]).expect("assessed");
    assert_eq!((said.confidence, said.label.as_deref()), (1.0, None));
    assert_eq!(said.threshold, 1.0, "what is shown is a number");
    assert!(!said.out_of_scope);
}

#[test]
fn a_head_of_before_the_cut_was_kept_takes_texts_cut_at_256_tokens() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), &tensors(), &spec());
    let manifest = folder.path().join("manifest.toml");
    let text = fs::read_to_string(&manifest).expect("read");
    let older = text.replace("max_tokens = 256\n", "");
    assert_ne!(text, older);
    fs::write(&manifest, older).expect("written");
    let head = Head::open(folder.path()).expect("opens");
    assert!(head.accept_encoder(&encoder()).is_ok());
    let shorter = EncoderId {
        max_tokens: 128,
        ..encoder()
    };
    let error = head.accept_encoder(&shorter).expect_err("refused").to_string();
    assert!(error.contains("256 tokens") && error.contains("128 tokens"), "{error}");
}

#[test]
fn senseless_descriptions_are_refused() {
    let cold = HeadSpec {
        temperature: 0.0,
        ..spec()
    };
    assert!(matches!(
        refused(&tensors(), &cold),
        ClassifierError::BadSpec {
            field: "temperature",
            ..
        }
    ));
}

#[test]
fn a_missing_or_altered_file_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), &tensors(), &spec());
    let weights = folder.path().join(WEIGHTS_FILE);
    fs::write(&weights, b"something else").expect("written");
    assert!(matches!(
        Head::open(folder.path()),
        Err(ClassifierError::OpenFolder { .. })
    ));
    fs::remove_file(&weights).expect("removed");
    assert!(matches!(
        Head::open(folder.path()),
        Err(ClassifierError::OpenFolder { .. })
    ));
}
