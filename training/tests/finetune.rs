//! An encoder trained on labels: it gets better, it can be broken off, and it is an encoder like any other.
#![allow(
    clippy::unwrap_used,
    reason = "the tiny encoder is shared with the encoder's own tests"
)]

#[path = "../../crates/encoder/tests/tiny/mod.rs"]
mod tiny;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use encoder::{Config, Encoder, Side};
use tempfile::TempDir;
use tiny::{Tiny, Tokenizer};
use training::data::Row;
use training::finetune::{FineTune, Trained, Tuned, finetune};
use training::fit::{Progress, held_out_of};
use training::recipe::Features;
use training::{Columns, DataError, Dataset, Learnt, Options, Recipe, train_classify};

fn dataset() -> Dataset {
    let words = ["box", "lamp", "the", "passage", "query"];
    let row = |i: usize| {
        let (label, colour) = if i.is_multiple_of(2) {
            ("a", "red")
        } else {
            ("b", "green")
        };
        let (first, second, third) = (words[i / 2 % 5], words[i / 10 % 5], words[i / 50 % 5]);
        Row {
            line: i as u64 + 2,
            text: format!("{first} {colour} {second} {third}"),
            label: label.to_owned(),
            slice: None,
        }
    };
    Dataset::new((0..120).map(row).collect(), &[]).expect("sound")
}

fn recipe() -> Recipe {
    Recipe {
        finetune: Some(FineTune {
            epochs: 4,
            batch_size: 8,
            learning_rate: 5e-3,
            ..FineTune::default()
        }),
        ..Recipe::default()
    }
}

fn base() -> TempDir {
    Tiny::new(Tokenizer::WordPiece, "mean").write()
}

fn run(recipe: &Recipe, base: &Path, out: &Path, progress: &mut dyn FnMut(Progress)) -> anyhow::Result<Tuned> {
    let trained = train(recipe, base, out, progress)?;
    trained.write(1.0, &[], out)?;
    let tuned = trained.tuned()?;
    trained.forget()?;
    Ok(tuned)
}

fn train(recipe: &Recipe, base: &Path, out: &Path, progress: &mut dyn FnMut(Progress)) -> anyhow::Result<Trained> {
    let data = dataset();
    let fold_of = held_out_of(&data, &Learnt::default(), recipe, 0.2)?;
    finetune(&data, &fold_of, base, out, recipe, progress)
}

fn weights(folder: &Path) -> Vec<u8> {
    fs::read(folder.join("model.safetensors")).expect("weights")
}

fn similarity(encoder: &Encoder, one: &str, other: &str) -> f32 {
    let texts = vec![one.to_owned(), other.to_owned()];
    let vectors = encoder.embed_blocking(texts, Side::Query).expect("embedded");
    vectors[0].iter().zip(&vectors[1]).map(|(a, b)| a * b).sum()
}

#[test]
fn it_learns_and_writes_an_encoder_like_any_other() {
    let (base, folder) = (base(), tempfile::tempdir().unwrap());
    let out = folder.path().join("tuned");
    let tuned = run(&recipe(), base.path(), &out, &mut |_| {}).expect("tuned");
    assert!(tuned.losses[tuned.best] < 0.5 * 2.0_f64.ln(), "{tuned:?}");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "no checkpoint is left");
    let encoder = Encoder::open(&out, Config::default()).expect("opens");
    let same = similarity(&encoder, "box red lamp", "query red passage");
    let other = similarity(&encoder, "box red lamp", "box green lamp");
    assert!(same > other + 0.3, "{same} against {other}");
}

#[test]
fn a_run_that_was_broken_off_ends_in_the_same_bytes() {
    let (base, folder) = (base(), tempfile::tempdir().unwrap());
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    run(&recipe(), base.path(), &whole, &mut |_| {}).expect("tuned");
    let mut steps = 0;
    let breaks_off = catch_unwind(AssertUnwindSafe(|| {
        run(&recipe(), base.path(), &broken, &mut |progress| {
            steps += 1;
            assert!(progress.done * 2 < progress.total, "the power fails");
        })
    }));
    assert!(breaks_off.is_err() && !broken.exists());
    let mut resumed = 0;
    run(&recipe(), base.path(), &broken, &mut |_| resumed += 1).expect("tuned");
    assert!(
        resumed < steps + steps / 2,
        "{resumed} steps after {steps}: it began anew"
    );
    assert!(weights(&whole) == weights(&broken), "bytes differ");
}

#[test]
fn a_run_that_was_broken_off_in_an_epoch_goes_on_where_it_was() {
    let (base, folder) = (base(), tempfile::tempdir().unwrap());
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    run(&recipe(), base.path(), &whole, &mut |_| {}).expect("tuned");
    let mut kept = recipe();
    kept.finetune.iter_mut().for_each(|how| how.checkpoint_seconds = 0.0);
    let breaks_off = |at: usize| {
        let mut seen = Vec::new();
        let ended = catch_unwind(AssertUnwindSafe(|| {
            run(&kept, base.path(), &broken, &mut |progress| {
                seen.push(progress.done);
                assert!(progress.done < at, "the power fails");
            })
        }));
        assert!(ended.is_err() && !broken.exists());
        seen
    };
    // In the first epoch, of a dozen steps, where nothing is best yet; and in the third.
    assert_eq!(breaks_off(5), (0..=5).collect::<Vec<_>>());
    assert_eq!(breaks_off(29), (5..=29).collect::<Vec<_>>(), "no step is done again");
    let mut first = None;
    run(&recipe(), base.path(), &broken, &mut |progress| {
        first.get_or_insert(progress.done);
    })
    .expect("tuned");
    assert_eq!(first, Some(29));
    assert!(weights(&whole) == weights(&broken), "bytes differ");
}

#[test]
fn what_it_must_not_touch_is_left_alone() {
    let (base, folder) = (base(), tempfile::tempdir().unwrap());
    let out = folder.path().join("letters");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("a.txt"), "dear").unwrap();
    let error = run(&recipe(), base.path(), &out, &mut |_| {})
        .expect_err("refused")
        .to_string();
    assert!(error.contains("not a fine-tuned encoder"), "{error}");
    let out = folder.path().join("tuned");
    let stops = |progress: Progress| assert!(progress.done * 2 < progress.total, "the power fails");
    assert!(catch_unwind(AssertUnwindSafe(|| run(&recipe(), base.path(), &out, &mut { stops }))).is_err());
    let other = Recipe { seed: 8, ..recipe() };
    let error = run(&other, base.path(), &out, &mut |_| {})
        .expect_err("refused")
        .to_string();
    assert!(error.contains("belongs to a run with another recipe"), "{error}");
    assert!(!out.exists());
}

#[test]
fn it_ends_when_held_out_rows_gain_nothing() {
    let (base, folder) = (base(), tempfile::tempdir().unwrap());
    let useless = FineTune {
        epochs: 30,
        patience: 1,
        learning_rate: 0.3,
        batch_size: 8,
        ..FineTune::default()
    };
    let recipe = Recipe {
        finetune: Some(useless),
        ..Recipe::default()
    };
    let tuned = run(&recipe, base.path(), &folder.path().join("tuned"), &mut |_| {}).expect("tuned");
    assert!(tuned.losses.len() < 30, "{tuned:?}");
    assert_eq!(tuned.best + 2, tuned.losses.len());
}

#[test]
fn a_chain_of_near_copies_is_learnt_from_and_about_a_tenth_held_out() {
    // Each text of the chain is a near-copy of the next; they make a third of the rows and stay on one side.
    let letter = |at: usize| char::from(b'a' + at as u8);
    let word = |stem: &str, at: usize| format!("{stem}{}{}", letter(at / 26), letter(at % 26));
    let chained = |at: usize| (at..at + 10).map(|at| word("step", at)).collect::<Vec<_>>().join(" ");
    let alone = |at: usize| ["alpha", "beta", "gamma", "delta"].map(|stem| word(stem, at)).join(" ");
    let texts: Vec<String> = (0..100).map(chained).chain((0..200).map(alone)).collect();
    let rows = texts.into_iter().enumerate().map(|(at, text)| Row {
        line: at as u64 + 2,
        text,
        label: ["left", "right"][at % 2].to_owned(),
        slice: None,
    });
    let data = Dataset::new(rows.collect(), &[]).expect("sound");
    let fold_of = held_out_of(&data, &Learnt::default(), &Recipe::default(), 0.1).expect("enough");
    assert!(fold_of[..100].iter().all(|fold| *fold == 1), "the chain is learnt from");
    let held_out = fold_of.iter().filter(|fold| **fold == 0).count();
    assert!((15..=30).contains(&held_out), "{held_out}");
}

/// A tensor of an encoder's folder.
fn tensor(folder: &Path, name: &str) -> Vec<f32> {
    let bytes = weights(folder);
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("tensors");
    let numbers = tensors.tensor(name).expect("the tensor").data().chunks_exact(4);
    numbers
        .map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four bytes")))
        .collect()
}

#[test]
fn a_mix_lies_between_what_the_encoder_was_and_what_it_became() {
    let (base, folder) = (base(), tempfile::tempdir().unwrap());
    let out = |name: &str| folder.path().join(name);
    let trained = train(&recipe(), base.path(), &out("run"), &mut |_| {}).expect("trained");
    for (share, name) in [(0.0, "before"), (0.25, "mixed"), (1.0, "after")] {
        trained.write(share, &[], &out(name)).expect("written");
    }
    let name = "encoder.layer.0.output.dense.weight";
    let (before, after) = (tensor(&out("before"), name), tensor(&out("after"), name));
    assert_eq!(before, tensor(base.path(), name));
    assert_ne!(before, after);
    for ((mixed, before), after) in tensor(&out("mixed"), name).iter().zip(before).zip(after) {
        assert!((mixed - (0.75 * before + 0.25 * after)).abs() < 1e-6);
    }
}

#[test]
fn frozen_layers_stay_as_they_are() {
    let (base, folder) = (base(), tempfile::tempdir().unwrap());
    let out = folder.path().join("tuned");
    let mut recipe = recipe();
    recipe.finetune.iter_mut().for_each(|how| how.frozen = 1);
    run(&recipe, base.path(), &out, &mut |_| {}).expect("tuned");
    let is_same = |name: &str| tensor(base.path(), name) == tensor(&out, name);
    assert!(is_same("embeddings.word_embeddings.weight") && is_same("embeddings.LayerNorm.weight"));
    assert!(!is_same("encoder.layer.0.attention.self.query.weight"));
}

/// The data set as a file in this folder.
fn data_file(folder: &Path) -> PathBuf {
    let data = folder.join("rows.csv");
    let rows = dataset();
    let line = |(text, target): (&String, &usize)| format!("{text},{}\n", rows.labels[*target]);
    let lines: String = rows.texts.iter().zip(&rows.targets).map(line).collect();
    fs::write(&data, format!("text,label\n{lines}")).unwrap();
    data
}

fn options(recipe: Recipe, base: &Path, folder: &Path, tuned: &str, head: &str) -> Options {
    Options {
        recipe,
        data: data_file(folder),
        columns: Columns {
            text: vec!["text".to_owned()],
            label: "label".to_owned(),
            slice: None,
        },
        test: None,
        encoder: base.to_owned(),
        encoder_config: Config::default(),
        finetune: Some(folder.join(tuned)),
        out: folder.join(head),
    }
}

#[test]
fn a_place_that_cannot_take_the_head_is_told_before_anything_is_trained() {
    let (base, folder) = (base(), tempfile::tempdir().unwrap());
    fs::create_dir(folder.path().join("letters")).unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    for (head, reason) in [
        ("letters", "is not a trained head"),
        ("file/head", "cannot write in"),
        ("tuned", "need a folder each"),
        ("..", "needs a name"),
    ] {
        let options = options(recipe(), base.path(), folder.path(), "tuned", head);
        let error = train_classify(&options, &mut |_| panic!("something is trained")).expect_err("refused");
        assert!(error.to_string().contains(reason), "{error:#}");
    }
    assert!(!folder.path().join("tuned").exists());
}

#[test]
fn a_place_that_cannot_take_the_encoder_is_told_before_anything_is_read() {
    let (base, folder) = (base(), tempfile::tempdir().unwrap());
    fs::create_dir(folder.path().join("letters")).unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    for (tuned, reason) in [
        ("letters", "is not a fine-tuned encoder"),
        ("file/tuned", "cannot write in"),
        ("..", "needs a name"),
    ] {
        let mut options = options(recipe(), base.path(), folder.path(), "tuned", "head");
        options.finetune = Some(folder.path().join(tuned));
        options.data = folder.path().join("no-such-file.csv");
        let error = train_classify(&options, &mut |_| panic!("something is trained")).expect_err("refused");
        assert!(error.to_string().contains(reason), "{error:#}");
    }
}

#[test]
fn a_text_is_cut_where_the_settings_say_and_the_head_knows_where() {
    let (base, folder) = (base(), tempfile::tempdir().unwrap());
    let mut options = options(recipe(), base.path(), folder.path(), "tuned", "head");
    options.finetune = None;
    options.encoder_config.max_tokens = 4;
    train_classify(&options, &mut |_| {}).expect("trained");
    let head = classifier::Head::open(&options.out).expect("opens");
    assert_eq!(head.spec().encoder.max_tokens, 4);
    // The encoder reads 48 tokens at most, whatever the settings say.
    options.encoder_config.max_tokens = 1_000;
    train_classify(&options, &mut |_| {}).expect("trained");
    let head = classifier::Head::open(&options.out).expect("opens");
    assert_eq!(head.spec().encoder.max_tokens, tiny::MAX_TOKENS);
}

#[test]
fn what_a_mail_quotes_plays_no_part() {
    let (base, folder) = (base(), tempfile::tempdir().unwrap());
    let train = |rows: &dyn Fn(&str) -> String, tuned: Option<&str>, head: &str| {
        let mut options = options(recipe(), base.path(), folder.path(), "unused", head);
        options.finetune = tuned.map(|name| folder.path().join(name));
        let data = dataset();
        let line = |(text, target): (&String, &usize)| {
            serde_json::json!({"text": rows(text), "label": data.labels[*target]}).to_string()
        };
        let lines: Vec<String> = data.texts.iter().zip(&data.targets).map(line).collect();
        options.data = folder.path().join("rows.jsonl");
        fs::write(&options.data, lines.join("\n")).unwrap();
        train_classify(&options, &mut |_| {}).expect("trained");
        let encoder = tuned.map(|name| weights(&folder.path().join(name)));
        (fs::read(options.out.join("head.safetensors")).unwrap(), encoder)
    };
    let plain = |text: &str| text.to_owned();
    let quoting = |text: &str| format!("{text}\n\nOn Monday, Support wrote:\n> green red lamp\n-- \nAna");
    assert!(train(&plain, None, "plain") == train(&quoting, None, "quoting"));
    let plain = train(&plain, Some("tuned"), "tuned-head");
    assert!(plain == train(&quoting, Some("tuned-quoting"), "tuned-quoting-head"));
}

#[test]
fn an_encoder_knows_what_it_has_learnt_and_no_head_over_it_is_judged_by_that() {
    let (base, folder) = (base(), tempfile::tempdir().unwrap());
    let mut options = options(recipe(), base.path(), folder.path(), "tuned", "head");
    train_classify(&options, &mut |_| {}).expect("trained");
    let tuned = folder.path().join("tuned");
    let learnt = Learnt::of_encoder(&tuned).expect("an encoder");
    let data = dataset();
    let fold_of = held_out_of(&data, &Learnt::default(), &recipe(), FineTune::default().held_out).expect("enough");
    for (text, fold) in data.texts.iter().zip(&fold_of) {
        assert_eq!(learnt.has(text), *fold != 0, "{text}");
    }
    // As a head is trained over it later: the few rows it was not trained on are too few to judge by.
    (options.encoder, options.finetune) = (tuned, None);
    options.out = folder.path().join("later");
    let error = train_classify(&options, &mut |_| {}).expect_err("refused");
    assert!(
        matches!(error.downcast_ref(), Some(DataError::TooFewUnseen { texts: 120, .. })),
        "{error}"
    );
    assert!(!options.out.exists());
    // Trained once more, on those rows, it has learnt them all, and none is left to be held out.
    let others: Vec<usize> = fold_of.iter().map(|fold| usize::from(*fold == 0)).collect();
    let again = folder.path().join("again");
    let trained = finetune(&data, &others, &options.encoder, &again, &recipe(), &mut |_| {}).expect("trained");
    trained.write(1.0, &[], &again).expect("written");
    let learnt = Learnt::of_encoder(&again).expect("an encoder");
    assert_eq!(learnt, Learnt::of(data.texts.iter().map(String::as_str)));
    let error = held_out_of(&data, &learnt, &recipe(), 0.1).expect_err("refused");
    assert!(matches!(error, DataError::TooFewUnseen { unseen: 0, .. }), "{error}");
}

#[test]
fn the_checkpoint_stays_until_the_head_is_written() {
    let (base, folder) = (base(), tempfile::tempdir().unwrap());
    let options = options(recipe(), base.path(), folder.path(), "tuned", "head");
    let checkpoint = folder.path().join("tuned.checkpoint");
    let fails = catch_unwind(AssertUnwindSafe(|| {
        train_classify(&options, &mut |progress| {
            let is_last = progress.act == "fit" && progress.done == progress.total;
            assert!(!is_last, "the power fails once the encoder is written");
        })
    }));
    assert!(fails.is_err() && folder.path().join("tuned/model.safetensors").exists());
    assert!(checkpoint.exists());
    let goes_on = |progress: Progress| assert_ne!(progress.act, "fine-tune", "it begins anew");
    train_classify(&options, &mut { goes_on }).expect("trained");
    assert!(folder.path().join("head/head.safetensors").exists() && !checkpoint.exists());
}

#[test]
fn texts_are_read_as_the_desk_reads_its_tickets() {
    let prefixed = Tiny {
        query_prefix: "query: ",
        ..Tiny::new(Tokenizer::WordPiece, "mean")
    };
    let (plain, prefixed, folder) = (base(), prefixed.write(), tempfile::tempdir().unwrap());
    let encoder = Encoder::open(prefixed.path(), Config::default()).expect("opens");
    let texts = vec!["red lamp".to_owned()];
    let read = training::embed(&encoder, &texts, &mut |_| {}).expect("embedded");
    let as_side = |side| encoder.embed_blocking(texts.clone(), side).expect("embedded")[0].clone();
    assert_eq!(read.row(0).to_vec(), as_side(Side::Passage));
    assert_ne!(read.row(0).to_vec(), as_side(Side::Query));
    let tuned = |base: &Path, name: &str| {
        let out = folder.path().join(name);
        run(&recipe(), base, &out, &mut |_| {}).expect("tuned");
        weights(&out)
    };
    let same = tuned(plain.path(), "plain") == tuned(prefixed.path(), "prefixed");
    assert!(same, "the prefix of questions plays no part");
}

#[test]
fn the_share_that_held_out_rows_favour_is_kept() {
    let (base, folder) = (base(), tempfile::tempdir().unwrap());
    let head = |shares: &[f64], name: &str| {
        let mut recipe = recipe();
        // Without words, what the vectors know decides; without training they know nothing.
        recipe.features = Features {
            word_weight: 0.0,
            char_weight: 0.0,
            ..Features::default()
        };
        recipe.finetune.iter_mut().for_each(|how| how.shares = shares.to_vec());
        let options = options(recipe, base.path(), folder.path(), name, &format!("{name}-head"));
        train_classify(&options, &mut |_| {}).expect("trained");
        weights(&folder.path().join(name))
    };
    let (all, whole, none) = (head(&[0.0, 1.0], "all"), head(&[1.0], "whole"), head(&[0.0], "none"));
    assert!(whole != none, "training changes the weights");
    let card = fs::read_to_string(folder.path().join("all/card.md")).unwrap();
    // Which it is depends on how a kind of machine rounds: this encoder is tiny, and untrained it is not much worse.
    let loss_with = |share: &str| -> f64 {
        let (before, _) = card.split_once(&format!(" with {share}")).expect("a tried share");
        before.rsplit(' ').next().expect("a loss").parse().expect("a number")
    };
    let share = if card.contains("a share of 1 ") { "1" } else { "0" };
    assert!(all == if share == "1" { whole } else { none }, "{card}");
    assert!(loss_with(share) <= loss_with("0").min(loss_with("1")), "{card}");
}
