//! Data that cannot be learnt from: a clear error, and nothing written.

use std::fs;
use std::path::PathBuf;

use training::{Columns, DataError, Options, Recipe, train_classify};

fn refused(name: &str, content: &str) -> (DataError, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join(name);
    fs::write(&data, content).expect("written");
    let out = folder.path().join("models").join("demo");
    let options = Options {
        recipe: Recipe::default(),
        data,
        columns: Columns {
            text: vec!["text".to_owned()],
            label: "label".to_owned(),
            slice: None,
        },
        test: None,
        encoder: PathBuf::from("no-such-encoder"),
        encoder_config: encoder::Config::default(),
        finetune: None,
        out: out.clone(),
    };
    let error = train_classify(&options, &mut |_| {}).expect_err("refused");
    assert!(
        !out.exists() && !folder.path().join("models").exists(),
        "nothing is written"
    );
    let text = error.to_string();
    (error.downcast().expect("the data's fault"), text)
}

fn check(name: &str, content: &str, expect: &str) {
    let (_, text) = refused(name, content);
    assert!(text.contains(expect), "{text:?} does not say {expect:?}");
}

#[test]
fn a_column_that_is_not_there() {
    check(
        "a.csv",
        "body,label\nx,a\n",
        "there is no column \"text\"; there are body, label",
    );
    check(
        "a.jsonl",
        "{\"text\":\"x\",\"label\":\"a\"}\n{\"text\":\"y\"}\n",
        "line 2: there is no column \"label\"",
    );
}

#[test]
fn a_broken_quote_is_named_by_its_line() {
    let rows = "t,a\n".repeat(69_998);
    check(
        "a.csv",
        &format!("text,label\n{rows}\"never closed,a\nx,b\n"),
        "line 70000",
    );
}

#[test]
fn a_row_with_too_many_fields() {
    let (error, _) = refused("a.csv", "text,label\nx,a\ny,b,c\n");
    assert!(matches!(error, DataError::Csv { .. }));
}

#[test]
fn labels_that_cannot_be_learnt() {
    check("a.csv", "text,label\nx,a\ny,a\n", "at least two labels");
    check("a.csv", "text,label\nx,a\ny,a\nz,b\n", "\"b\" has only one text");
    check("a.csv", "text,label\nx,a\ny,A\n", "differ only by case or blanks");
    check(
        "a.csv",
        "text,label\nx,a\ny,a b\nz,ab\n",
        "differ only by case or blanks",
    );
}

#[test]
fn a_byte_order_mark_is_no_fault() {
    let only_a = "at least two labels are needed, found a";
    check("a.csv", "\u{feff}text,label\nx,a\ny,a\n", only_a);
    check(
        "a.jsonl",
        "\u{feff}{\"text\":\"x\",\"label\":\"a\"}\n{\"text\":\"y\",\"label\":\"a\"}\n",
        only_a,
    );
}

#[test]
fn empty_texts_and_other_formats() {
    check(
        "a.csv",
        "text,label\nx,a\n  ,b\n",
        "1 rows have an empty text; the first is in line 3",
    );
    check("a.jsonl", "{\"text\":\n", "line 1: not a JSON object");
    check("a.xlsx", "", "must end in .csv or .jsonl");
}
