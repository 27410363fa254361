//! From rows to a written head, on vectors made up for the purpose.

use std::fs;
use std::path::Path;

use classifier::features::Ngrams;
use classifier::{EncoderId, Head, Learnt};
use ndarray::Array2;
use training::data::Row;
use training::recipe::Features;
use training::{DataError, Dataset, Fitted, Recipe, fit, write};

const DIMENSIONS: usize = 6;
const TOPICS: [(&str, [&str; 6]); 3] = [
    ("billing", ["invoice", "charge", "refund", "payment", "tax", "card"]),
    ("orders", ["parcel", "courier", "delivery", "box", "shipping", "return"]),
    ("outage", ["error", "down", "crash", "timeout", "server", "login"]),
];

fn dataset() -> Dataset {
    let rows = (0..150).map(|i| {
        let (label, nouns) = TOPICS[i % 3];
        let (a, b) = (nouns[i / 3 % 6], nouns[i / 18 % 6]);
        Row {
            line: i as u64 + 2,
            text: format!("{a} and {b} number{}", word(i)),
            label: label.to_owned(),
            slice: None,
        }
    });
    Dataset::new(rows.collect(), &[]).expect("sound")
}

/// A word for a number: digits would all look alike.
fn word(number: usize) -> String {
    number
        .to_string()
        .bytes()
        .map(|digit| char::from(digit - b'0' + b'a'))
        .collect()
}

fn vectors(data: &Dataset) -> Array2<f32> {
    Array2::from_shape_fn((data.len(), DIMENSIONS), |(row, column)| {
        let noise = ((row * DIMENSIONS + column) as f32 * 12.9898).sin() * 0.5;
        if data.targets[row] == column {
            0.8 + noise
        } else {
            noise
        }
    })
}

fn encoder() -> EncoderId {
    EncoderId {
        name: "made-up".to_owned(),
        revision: "1".to_owned(),
        dimensions: DIMENSIONS,
        max_tokens: 256,
    }
}

fn recipe() -> Recipe {
    let features = Features {
        char_ngrams: Ngrams { min: 3, max: 3 },
        ..Features::default()
    };
    Recipe {
        l2: vec![1.0, 0.1],
        features,
        ..Recipe::default()
    }
}

/// Over an encoder that was trained on no labels.
fn fit(data: &Dataset, vectors: &Array2<f32>, recipe: &Recipe) -> anyhow::Result<Fitted> {
    fit::fit(data, vectors, encoder(), &Learnt::default(), recipe, &mut |_| {})
}

fn fitted() -> Fitted {
    let data = dataset();
    fit(&data, &vectors(&data), &recipe()).expect("fits")
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("listed")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            (
                path.file_name().expect("a name").to_string_lossy().into_owned(),
                fs::read(&path).expect("read"),
            )
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_written_head_opens_and_answers() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("demo");
    let fitted = fitted();
    assert!(fitted.report.scores.accuracy.value > 0.9, "{:?}", fitted.report.scores);
    write::write(&fitted, &recipe(), &out).expect("written");
    let head = Head::open(&out).expect("opens");
    let mut vector = [0.0; DIMENSIONS];
    vector[0] = 1.0;
    let said = head
        .assess("a refund of the payment for this invoice", &vector)
        .expect("assessed");
    assert_eq!(said.probabilities[0].0, "billing");
    assert!(head.accept_encoder(&encoder()).is_ok());
}

#[test]
fn the_same_recipe_and_data_give_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |parent: &str| {
        let out = folder.path().join(parent).join("demo");
        write::write(&fitted(), &recipe(), &out).expect("written");
        files(&out)
    };
    let first = write("a");
    assert_eq!(
        first.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["card.md", "head.safetensors", "manifest.toml"]
    );
    assert!(first == write("b"), "bytes differ");
}

#[test]
fn a_head_is_replaced_whole_and_anything_else_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let (fitted, out) = (fitted(), folder.path().join("demo"));
    write::write(&fitted, &recipe(), &out).expect("written");
    write::write(&fitted, &recipe(), &out).expect("replaced");
    assert_eq!(
        fs::read_dir(folder.path()).expect("listed").count(),
        1,
        "nothing is left beside the head"
    );
    let foreign = folder.path().join("letters");
    fs::create_dir(&foreign).expect("made");
    fs::write(foreign.join("a.txt"), "dear").expect("written");
    let error = write::write(&fitted, &recipe(), &foreign)
        .expect_err("refused")
        .to_string();
    assert!(error.contains("is not a trained head"), "{error}");
    assert_eq!(files(&foreign).len(), 1);
}

#[test]
fn versions_that_lie_in_the_folder_of_a_head_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let (fitted, out) = (fitted(), folder.path().join("demo"));
    write::write(&fitted, &recipe(), &out).expect("written");
    let version = out.join("2");
    write::write(&fitted, &recipe(), &version).expect("written");
    write::write(&fitted, &recipe(), &out).expect("replaced");
    assert!(Head::open(&out).is_ok() && Head::open(&version).is_ok());
}

#[test]
fn a_head_has_learnt_every_row_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("demo");
    write::write(&fitted(), &recipe(), &out).expect("written");
    let head = Head::open(&out).expect("opens");
    assert!(head.knows_what_it_learnt());
    assert!(dataset().texts.iter().all(|text| head.has_learnt(&text.to_uppercase())));
    assert!(!head.has_learnt("a text of nobody"));
}

#[test]
fn texts_that_are_all_alike_are_refused() {
    let row = |i: usize| Row {
        line: i as u64 + 2,
        text: format!(
            "Hello, my order number {} of the blue lamp has not arrived yet, please tell me where it is",
            word(i)
        ),
        label: ["late", "lost"][i % 2].to_owned(),
        slice: None,
    };
    let data = Dataset::new((0..40).map(row).collect(), &[]).expect("sound");
    let error = fit(&data, &vectors(&data), &recipe()).expect_err("refused");
    assert!(matches!(error.downcast_ref(), Some(DataError::NearCopies)), "{error}");
    assert!(error.to_string().contains("near-copies of each other"));
}

#[test]
fn what_the_encoder_has_learnt_judges_nothing_and_neither_does_a_near_copy() {
    let mut data = dataset();
    for row in [0, 149] {
        data.texts[row] = format!(
            "Hello, my order number {} of the blue lamp has not arrived yet, please tell me where it is",
            word(row)
        );
    }
    // Bent towards the labels of the rows that the encoder was trained on, of the others they tell nothing.
    let plain = vectors(&data);
    let bent = Array2::from_shape_fn((data.len(), DIMENSIONS), |(row, column)| {
        let is_label = f32::from(u8::from(data.targets[row] == column));
        if row < 110 {
            is_label
        } else {
            plain[[row, column]] - 0.8 * is_label
        }
    });
    let mut recipe = recipe();
    (recipe.features.word_weight, recipe.features.char_weight) = (0.0, 0.0);
    let over = |learnt: &Learnt| fit::fit(&data, &bent, encoder(), learnt, &recipe, &mut |_| {});
    let first = |count: usize| Learnt::of(data.texts.iter().take(count).map(String::as_str));

    let fitted = over(&first(110)).expect("fits");
    assert_eq!(fitted.checked, (110..149).collect::<Vec<_>>());
    assert_eq!(fitted.held_out.nrows(), 39);
    let (report, all) = (&fitted.report, over(&Learnt::default()).expect("fits").report);
    assert_eq!((report.rows, report.scores.rows, all.scores.rows), (150, 39, 150));
    let (told, flattered) = (report.scores.accuracy.value, all.scores.accuracy.value);
    assert!(told < 0.6 && flattered > 0.7, "{told} and {flattered}");

    let error = over(&first(135)).expect_err("refused");
    assert!(
        matches!(error.downcast_ref(), Some(DataError::TooFewUnseen { unseen: 14, .. })),
        "{error}"
    );
    let elsewhere = over(&Learnt::of(["a text of nobody"])).expect("fits");
    assert_eq!(elsewhere.checked.len(), 150);
}

#[test]
fn a_label_without_a_row_held_out_is_in_the_report_all_the_same() {
    let data = dataset();
    let recipe = recipe();
    // As after the encoder was trained on the others: what is held out has none of the last label.
    let fold_of: Vec<usize> = (0..data.len())
        .map(|row| usize::from(row >= 60 || data.targets[row] == 2))
        .collect();
    let vectors = vectors(&data);
    let trial = fit::try_out(&data, &vectors, &recipe, &fold_of, 0..1, &mut |_| {}).expect("tried");
    let fitted = fit::finish(trial, &data, &vectors, encoder(), &recipe, &mut |_| {}).expect("fits");
    let labels: Vec<&str> = fitted.report.labels.iter().map(|(label, _)| label.as_str()).collect();
    assert_eq!(labels, ["billing", "orders", "outage"]);
    assert_eq!(fitted.report.labels[2].1.rows, 0);
}

#[test]
fn vectors_that_are_none_are_refused() {
    let data = dataset();
    let mut bad = vectors(&data);
    bad[[7, 2]] = f32::NAN;
    let error = fit(&data, &bad, &recipe()).expect_err("refused");
    assert!(
        matches!(error.downcast_ref(), Some(DataError::BadVector { row: 7, .. })),
        "{error}"
    );
    let short = Array2::zeros((data.len(), DIMENSIONS - 1));
    assert!(fit(&data, &short, &recipe()).is_err());
}

#[test]
fn a_head_without_a_vote_still_knows_the_mean_of_what_it_learnt() {
    let data = dataset();
    let vectors = vectors(&data);
    let mut recipe = recipe();
    recipe.voting.neighbours = 0;
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("demo");
    let fitted = fit(&data, &vectors, &recipe).expect("fits");
    write::write(&fitted, &recipe, &out).expect("written");
    let head = Head::open(&out).expect("opens");
    assert!(head.spec().vote.is_none());
    let mean = vectors.mean_axis(ndarray::Axis(0)).expect("rows");
    let distance = classifier::drift::mean_distance(&head.trained_mean(), &mean.to_vec());
    assert!(distance.is_some_and(|far| far < 1e-3), "{distance:?}");
}

#[test]
fn a_card_says_what_its_figures_are_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("demo");
    let card = |fitted: &Fitted| {
        write::write(fitted, &recipe(), &out).expect("written");
        fs::read_to_string(out.join("card.md")).expect("a card")
    };
    let mut fitted = fitted();
    let text = card(&fitted);
    assert!(text.contains("From 5-fold cross-validation"), "{text}");
    assert!(text.contains("on the rows they were derived from"), "{text}");
    // As after the encoder was trained on the others.
    fitted.report.scores.rows = 15;
    let text = card(&fitted);
    assert!(
        text.contains("On one part of 15 texts") && !text.contains("-fold cross-validation"),
        "{text}"
    );
}

#[test]
fn embeddings_alone_go_through_linfa() {
    let data = dataset();
    let mut recipe = recipe();
    (recipe.features.word_weight, recipe.features.char_weight) = (0.0, 0.0);
    let fitted = fit(&data, &vectors(&data), &recipe).expect("fits");
    assert_eq!(fitted.report.features, [DIMENSIONS, 0, 0]);
    assert!(
        fitted.report.scores.accuracy.value > 0.7,
        "{:?}",
        fitted.report.scores.accuracy
    );
}
