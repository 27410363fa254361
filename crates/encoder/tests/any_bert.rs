//! Any BERT works by its manifest alone.
#![allow(clippy::unwrap_used, reason = "tests")]

mod tiny;

use encoder::{Config, Encoder, EncoderError, Fault, Kernel, Side, bench};
use tiny::{MAX_TOKENS, Tiny, Tokenizer};

/// How far two computations of one value may be apart.
const ROUNDING: f32 = 1e-5;

fn open(tiny: &Tiny) -> Encoder {
    open_with(tiny, Kernel::Auto)
}

fn open_with(tiny: &Tiny, kernel: Kernel) -> Encoder {
    let config = Config {
        kernel,
        ..Config::default()
    };
    Encoder::open(tiny.write().path(), config).unwrap()
}

/// Every kernel this machine has.
fn kernels() -> impl Iterator<Item = Kernel> {
    Kernel::ALL.into_iter().filter(|kernel| {
        if !kernel.is_here() {
            eprintln!("skipped: this machine has no {kernel}");
        }
        kernel.is_here()
    })
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn embed(encoder: &Encoder, given: &[&str], side: Side) -> Vec<Vec<f32>> {
    encoder.embed_blocking(texts(given), side).unwrap()
}

fn distance(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn every_kind() -> Vec<Tiny> {
    let kinds = [Tokenizer::WordPiece, Tokenizer::Unigram].into_iter();
    kinds
        .flat_map(|tokenizer| ["mean", "cls"].map(|pooling| Tiny::new(tokenizer, pooling)))
        .collect()
}

#[test]
fn vectors_have_length_one_and_batch_equals_single() {
    let given = [
        "red box",
        "",
        "the green lamps the green lamps the red",
        "unknown",
        "box",
    ];
    let kinds = every_kind();
    let encoders = kernels().flat_map(|kernel| kinds.iter().map(move |tiny| open_with(tiny, kernel)));
    for encoder in encoders {
        let batch = embed(&encoder, &given, Side::Passage);
        for (text, vector) in given.iter().zip(&batch) {
            let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
            assert!((length - 1.0).abs() < ROUNDING, "{length}");
            let alone = embed(&encoder, &[text], Side::Passage);
            assert!(distance(vector, &alone[0]) < ROUNDING, "{text:?}");
        }
        assert!(distance(&batch[0], &batch[4]) > 0.01);
    }
}

#[test]
fn a_glossary_puts_spanish_into_english_and_is_part_of_the_revision() {
    let tiny = Tiny {
        has_glossary: true,
        ..Tiny::new(Tokenizer::WordPiece, "mean")
    };
    let read = open(&tiny);
    let verbatim = read.verbatim();
    let (spanish, english) = ("¿es la caja de color rojo?", "the red box");
    let by = |encoder: &Encoder, text: &str| embed(encoder, &[text], Side::Passage).remove(0);
    assert!(distance(&by(&read, spanish), &by(&verbatim, spanish)) > ROUNDING);
    let in_english = language::in_english(spanish);
    assert!(distance(&by(&read, spanish), &by(&verbatim, &in_english)) < ROUNDING);
    assert!(distance(&by(&read, english), &by(&verbatim, english)) < ROUNDING);
    assert_eq!(verbatim.revision(), "seed-7");
    assert!(read.revision().starts_with("seed-7+"), "{}", read.revision());
    let folder = tiny.write();
    let manifest = manifest::Model::open(folder.path()).unwrap().manifest;
    assert_eq!(encoder::revision(&manifest), read.revision());
    // What is read as before keeps its vector.
    assert_eq!(read.fingerprint(english), verbatim.fingerprint(english));
    assert_ne!(read.fingerprint(spanish), verbatim.fingerprint(spanish));
}

#[test]
fn small_batches_give_the_same_vectors_in_the_same_order() {
    let folder = Tiny::new(Tokenizer::WordPiece, "mean").write();
    let narrow = Config {
        batch_tokens: 8,
        threads: 1,
        ..Config::default()
    };
    let narrow = Encoder::open(folder.path(), narrow).unwrap();
    let wide = Encoder::open(folder.path(), Config::default()).unwrap();
    let given: Vec<String> = (0..50).map(|words| "red box lamp ".repeat(words % 7)).collect();
    let vectors = |encoder: &Encoder| encoder.embed_blocking(given.clone(), Side::Passage).unwrap();
    let pairs = vectors(&narrow).into_iter().zip(vectors(&wide));
    pairs.for_each(|(one, other)| assert!(distance(&one, &other) < ROUNDING));
}

/// What bf16 leaves of agreement with f32 in a network as small and as random as these.
const LEAST_COSINE: f32 = 0.999;

#[test]
fn every_kernel_agrees_with_the_reference() {
    let given: Vec<String> = (0..60).map(|words| "the red lamps box ".repeat(words % 13)).collect();
    for tiny in every_kind() {
        let vectors = |kernel| {
            let encoder = open_with(&tiny, kernel);
            assert_eq!(encoder.kernel(), kernel.name());
            encoder.embed_blocking(given.clone(), Side::Passage).unwrap()
        };
        let reference = vectors(Kernel::Candle);
        for kernel in kernels() {
            for (one, other) in vectors(kernel).iter().zip(&reference) {
                let cosine: f32 = one.iter().zip(other).map(|(a, b)| a * b).sum();
                assert!(cosine > LEAST_COSINE, "{kernel}: {cosine}");
            }
        }
    }
}

#[test]
fn a_kernel_that_cannot_compute_a_network_is_refused_and_auto_finds_another() {
    let mut tiny = Tiny::new(Tokenizer::WordPiece, "mean");
    tiny.config["hidden_act"] = "relu".into();
    let folder = tiny.write();
    for kernel in kernels().filter(|kernel| *kernel != Kernel::Candle) {
        let config = Config {
            kernel,
            ..Config::default()
        };
        let error = Encoder::open(folder.path(), config).err().expect("should be refused");
        assert!(matches!(error, EncoderError::KernelUnavailable { .. }) && error.fault() == Fault::Setup);
    }
    assert_eq!(open(&tiny).kernel(), "candle");
}

#[test]
fn a_kernel_that_is_not_here_is_refused_by_name() {
    let folder = Tiny::new(Tokenizer::WordPiece, "mean").write();
    for kernel in Kernel::ALL.into_iter().filter(|kernel| !kernel.is_here()) {
        let config = Config {
            kernel,
            ..Config::default()
        };
        let error = Encoder::open(folder.path(), config).err().expect("should be refused");
        assert!(error.to_string().contains(kernel.name()), "{error}");
    }
}

#[test]
fn poolings_and_tokenizers_make_different_vectors() {
    let vectors: Vec<_> = every_kind()
        .iter()
        .map(|tiny| embed(&open(tiny), &["RED boxs"], Side::Query))
        .collect();
    assert!(distance(&vectors[0][0], &vectors[1][0]) > 0.01, "mean and cls");
    assert!(distance(&vectors[0][0], &vectors[2][0]) > 0.01, "WordPiece and Unigram");
}

#[test]
fn the_cut_and_padding_of_the_tokenizer_file_are_replaced() {
    for encoder in every_kind().iter().map(open) {
        assert_eq!(encoder.count_tokens(&texts(&["red"])).unwrap(), 3, "no padding");
        assert_eq!(
            encoder.count_tokens(&[["red"; 20].join(" ")]).unwrap(),
            22,
            "not cut at 8"
        );
        assert_eq!(
            encoder.count_tokens(&[["red"; 500].join(" ")]).unwrap(),
            MAX_TOKENS,
            "cut at ours"
        );
    }
}

#[test]
fn special_tokens_are_kept_when_cutting() {
    let encoder = open(&Tiny::new(Tokenizer::WordPiece, "mean"));
    let exact = "red ".repeat(MAX_TOKENS - 2);
    let vectors = embed(&encoder, &[&exact, &format!("{exact} box lamp green")], Side::Passage);
    assert!(distance(&vectors[0], &vectors[1]) < ROUNDING);
}

#[test]
fn prefixes_are_written_before_the_text() {
    let plain = open(&Tiny::new(Tokenizer::Unigram, "mean"));
    let prefixed = open(&Tiny {
        query_prefix: "query: ",
        ..Tiny::new(Tokenizer::Unigram, "mean")
    });
    let expect = embed(&plain, &["query: red", "red"], Side::Query);
    assert!(distance(&embed(&prefixed, &["red"], Side::Query)[0], &expect[0]) < ROUNDING);
    assert!(distance(&embed(&prefixed, &["red"], Side::Passage)[0], &expect[1]) < ROUNDING);
}

#[test]
fn no_texts_are_no_vectors() {
    let encoder = open(&Tiny::new(Tokenizer::WordPiece, "mean"));
    assert!(embed(&encoder, &[], Side::Query).is_empty());
}

#[tokio::test]
async fn a_full_queue_is_busy_and_serves_again_later() {
    let folder = Tiny::new(Tokenizer::WordPiece, "mean").write();
    let encoder = Encoder::open(
        folder.path(),
        Config {
            queue_texts: 4,
            ..Config::default()
        },
    )
    .unwrap();
    let many = vec!["red box ".repeat(20); 500];
    let (first, second) = tokio::join!(
        encoder.embed(many, Side::Query),
        encoder.embed(texts(&["red"; 2]), Side::Query)
    );
    assert_eq!(first.unwrap().len(), 500);
    assert!(matches!(second, Err(EncoderError::Busy)));
    assert_eq!(encoder.embed(texts(&["red"]), Side::Query).await.unwrap().len(), 1);
}

#[tokio::test]
async fn whoever_is_patient_waits_for_a_full_queue() {
    let folder = Tiny::new(Tokenizer::WordPiece, "mean").write();
    let config = Config {
        queue_texts: 4,
        ..Config::default()
    };
    let encoder = Encoder::open(folder.path(), config).unwrap();
    let many = vec!["red box ".repeat(20); 500];
    let (first, patient) = tokio::join!(
        encoder.embed(many, Side::Query),
        encoder.embed_patiently(texts(&["red"; 2]), Side::Query)
    );
    assert_eq!(first.unwrap().len(), 500);
    assert_eq!(patient.unwrap().len(), 2);
}

#[tokio::test]
async fn many_texts_leave_room_for_others() {
    let folder = Tiny::new(Tokenizer::WordPiece, "mean").write();
    let config = Config {
        queue_texts: 8,
        ..Config::default()
    };
    let encoder = Encoder::open(folder.path(), config).unwrap();
    let given: Vec<String> = (0..50).map(|words| "red box lamp ".repeat(words % 7)).collect();
    let (many, other) = tokio::join!(
        encoder.embed_many(given.clone(), Side::Query),
        encoder.embed(texts(&["red"; 4]), Side::Query)
    );
    assert_eq!(other.unwrap().len(), 4);
    let together = encoder.embed(given, Side::Query).await.unwrap();
    let many = many.unwrap();
    assert_eq!(many.len(), together.len());
    let mut pairs = many.iter().zip(&together);
    assert!(pairs.all(|(one, other)| distance(one, other) < ROUNDING));
    assert!(encoder.embed_many(Vec::new(), Side::Query).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_text_that_cannot_be_embedded_spoils_no_other() {
    let mut tiny = Tiny::new(Tokenizer::WordPiece, "mean");
    let lamp = 7;
    let (shape, words) = tiny.tensors.get_mut("embeddings.word_embeddings.weight").unwrap();
    words[lamp * shape[1]..][..shape[1]].fill(f32::MAX);
    let encoder = open(&tiny);
    let together = encoder.embed(texts(&["red", "lamp", "box"]), Side::Passage).await;
    assert!(together.unwrap_err().is_of_a_text());
    let each = encoder
        .embed_patiently(texts(&["red", "lamp", "box"]), Side::Passage)
        .await;
    let each: Vec<bool> = each.unwrap().iter().map(Result::is_ok).collect();
    assert_eq!(each, [true, false, true]);
}

#[tokio::test]
async fn a_caller_who_left_gives_the_room_back() {
    let folder = Tiny::new(Tokenizer::WordPiece, "mean").write();
    let encoder = Encoder::open(
        folder.path(),
        Config {
            queue_texts: 4,
            ..Config::default()
        },
    )
    .unwrap();
    let many = vec!["red box ".repeat(20); 2000];
    tokio::select! {
        biased;
        _ = encoder.embed(many, Side::Query) => {}
        () = std::future::ready(()) => {}
    }
    while let Err(error) = encoder.embed(texts(&["red"]), Side::Query).await {
        assert!(matches!(error, EncoderError::Busy), "{error}");
        tokio::task::yield_now().await;
    }
}

/// How far the thread of this folder below `/proc` stands back; none where it is gone.
#[cfg(target_os = "linux")]
fn niceness(thread: &std::path::Path) -> Option<i32> {
    let stat = std::fs::read_to_string(thread.join("stat")).ok()?;
    // The name, which may hold blanks, ends with the last parenthesis; niceness is the 17th field after it.
    stat.rsplit(')').next()?.split_whitespace().nth(16)?.parse().ok()
}

#[cfg(target_os = "linux")]
#[test]
fn threads_that_compute_give_way_to_those_that_ask() {
    let encoder = open(&Tiny::new(Tokenizer::WordPiece, "mean"));
    embed(&encoder, &["red box", "the green lamps"], Side::Passage);
    let own = niceness("/proc/thread-self".as_ref()).unwrap();
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let computes = |thread: &std::path::PathBuf| {
        std::fs::read_to_string(thread.join("comm")).is_ok_and(|name| name.starts_with("encoder-"))
    };
    let computing: Vec<i32> = threads
        .map(|thread| thread.unwrap().path())
        .filter(computes)
        .filter_map(|thread| niceness(&thread))
        .collect();
    assert!(!computing.is_empty());
    assert!(
        computing.iter().all(|&nice| nice > own || own == 19),
        "{own} {computing:?}"
    );
}

#[tokio::test]
async fn blocking_calls_work_inside_a_runtime_too() {
    let encoder = open(&Tiny::new(Tokenizer::WordPiece, "mean"));
    assert_eq!(embed(&encoder, &["red"], Side::Query).len(), 1);
}

#[test]
fn figures_count_texts_and_tokens() {
    let encoder = open(&Tiny::new(Tokenizer::WordPiece, "mean"));
    let figures = bench::bench(&encoder, &texts(&["red box", "lamp"]), 3).unwrap();
    assert_eq!(
        (figures.texts, figures.tokens, figures.kernel.as_str()),
        (2, 7, encoder.kernel())
    );
    assert!(figures.seconds > 0.0 && figures.texts_per_second > 0.0);
}
