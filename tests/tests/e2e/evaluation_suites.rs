//! `deskwise eval suite`, `compare` and `history`: figures held against bounds, against one another, against the past.

use std::fs;

use serde_json::Value;

use crate::desk_under_test::{DeskUnderTest, deskwise, models_dir, run, said};
use crate::evaluation::{Bench, CORPUS, QUERIES, ROWS, is_figure, lines};

/// Rows of two labels that are easy to tell apart, from `first` on.
fn easy(first: usize, count: usize) -> String {
    let things = [
        "chair", "table", "lamp", "carpet", "mirror", "shelf", "sofa", "desk", "clock", "vase",
    ];
    let mut rows = "text,label\n".to_owned();
    for at in first..first + count {
        let (thing, color) = (things[at % things.len()], ["red", "green", "blue"][at / things.len()]);
        rows += &format!("my {color} {thing} has not arrived,delivery\n");
        rows += &format!("please refund the money for the {color} {thing},refund\n");
    }
    rows
}

/// A recipe of the repository, with less to try.
fn quick_recipe() -> String {
    let recipe = models_dir().join("../training/recipes/banking77.toml");
    let text = fs::read_to_string(recipe).expect("a recipe");
    text.replace("folds = 5", "folds = 2")
        .replace("l2 = [0.1, 0.03]", "l2 = [0.1]")
}

const SUITE: &str = r#"
name = "easy"
about = "Two labels that are easy to tell apart."

[[steps]]
name = "trained"

[steps.classify]
train = "easy/train.csv"
data = "easy/test.csv"
recipe = "recipe.toml"
per_label = 12
draws = 2

[[steps.bounds]]
metric = "accuracy"
at_least = 0.8

[[steps]]
name = "search"
retrieval = { data = "set" }

[[steps.bounds]]
metric = "precision_at_1"
at_least = 0.5
"#;

#[test]
fn a_suite_passes_its_bounds_and_fails_when_it_gets_worse() {
    let bench = Bench::new();
    bench.write("root/easy/train.csv", &easy(0, 20));
    bench.write("root/easy/test.csv", &easy(20, 10));
    bench.write("root/set/corpus.jsonl", CORPUS);
    bench.write("root/set/queries.jsonl", QUERIES);
    bench.write(
        "root/set/qrels/test.tsv",
        "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n",
    );
    bench.write("recipe.toml", &quick_recipe());
    bench.write("suites/easy.toml", SUITE);
    let error = bench.refused(&["suite", "suites/easy.toml"]);
    assert!(error.contains("DESK_EVAL_DATA"), "{error}");
    bench.write("suites/leak.toml", &SUITE.replace("easy/test.csv", "easy/train.csv"));
    let error = bench.refused(&["suite", "suites/leak.toml", "--data-root", "root"]);
    assert!(error.contains("every row to teach is also judged"), "{error}");

    let suite = ["suite", "suites/easy.toml", "--data-root", "root"];
    let measured = bench.measured(&[suite.as_slice(), &["--accept"]].concat());
    assert_eq!(
        (measured["passed"].as_bool(), measured["suite"].as_str()),
        (Some(true), Some("easy"))
    );
    assert_eq!(measured["steps"][0]["metrics"]["facts"]["draws"], 2.0);
    assert_eq!(measured["steps"][0]["metrics"]["facts"]["rows_taught"], 24.0);
    assert!(bench.path("eval-report/trained/report.html").is_file());
    assert!(bench.path("eval-report/search/report.html").is_file());

    let again = bench.measured(&suite);
    assert_eq!(again["steps"][0]["bounds"][0]["since"], "same");
    let baseline = bench.path("baselines/easy.json");
    let before = fs::read_to_string(&baseline).expect("a baseline");
    let mut best: Value = serde_json::from_str(&before).expect("JSON");
    best["steps"]["search"]["precision_at_1"] = serde_json::json!({"value": 2.0, "low": 2.0, "high": 2.0});
    fs::write(&baseline, best.to_string()).expect("a file");
    let error = bench.refused(&[suite.as_slice(), &["--step", "search"]].concat());
    assert!(error.contains("1 of 1 steps of easy failed"), "{error}");
}

#[test]
fn two_runs_are_compared_row_by_row() {
    let bench = Bench::new();
    bench.write("set/corpus.jsonl", CORPUS);
    bench.write("set/queries.jsonl", QUERIES);
    bench.write(
        "set/qrels/test.tsv",
        "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n",
    );
    bench.write("rows.csv", ROWS);
    for (report, target) in [("a", "0.9"), ("b", "0.99")] {
        let judge = ["classify", "--head", "triage-category", "--data", "rows.csv"];
        bench.measured(&[judge.as_slice(), &["--target-precision", target, "--report", report]].concat());
    }
    let compared = bench.measured(&["compare", "a", "b"]);
    assert_eq!(
        (compared["better"].as_str(), compared["rows"].as_u64()),
        (Some("chance"), Some(6))
    );
    assert_eq!(
        compared["accuracy"]["value"], 0.0,
        "the same head names the same labels"
    );
    assert!(compared["coverage_at_target_precision"]["value"].as_f64() <= Some(0.0));
    assert_eq!(compared["mcnemar"]["p"], 1.0);

    bench.measured(&["retrieval", "--data", "set", "--mode", "dense", "--report", "c"]);
    bench.measured(&["retrieval", "--data", "set", "--mode", "sparse", "--report", "d"]);
    assert!(is_figure(&bench.measured(&["compare", "c", "d"])["ndcg_at_10"]));
    let error = bench.refused(&["compare", "a", "c"]);
    assert!(error.contains("cannot be compared"), "{error}");
    let error = bench.refused(&["compare", "a", "nowhere"]);
    assert!(error.contains("not the folder of a run"), "{error}");
}

#[tokio::test]
async fn the_desks_own_past_is_judged_while_it_serves() {
    let desk = DeskUnderTest::start().await;
    let texts = easy(0, 26);
    for line in texts.lines().skip(1) {
        let (text, label) = line.split_once(',').expect("two fields");
        let category = if label == "refund" {
            "billing_payment"
        } else {
            "orders_delivery"
        };
        let ticket = desk.submit(text).await;
        desk.until_all_decided().await;
        let path = format!("/v1/tickets/{}", ticket["id"].as_str().expect("an id"));
        let version = desk.get(&path).await.body["version"].as_i64().expect("a version");
        let done = serde_json::json!({"category": category, "status": "solved"});
        let answer = desk.patch(&path, version, done).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let recipe = desk.folder().join("recipe.toml");
    fs::write(&recipe, quick_recipe()).expect("a file");
    let report = desk.folder().join("report");
    let mut command = deskwise(desk.folder());
    command.args(["eval", "history", "--json", "--recipe"]).arg(&recipe);
    let output = run(command.arg("--report").arg(&report));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("misroutes a week instead of"), "{told}");
    let out = String::from_utf8_lossy(&output.stdout);
    let measured: Value = serde_json::from_str(out.lines().last().expect("a line")).expect("JSON");
    assert_eq!(measured["rows"], 10, "a fifth of 52");
    assert!(
        measured["accuracy"]["value"].as_f64() >= Some(0.8),
        "{}",
        measured["accuracy"]
    );
    for name in [
        "misroutes_a_week",
        "misroutes_a_week_before",
        "asked_a_week",
        "asked_a_week_before",
    ] {
        assert!(is_figure(&measured[name]), "{name}");
    }
    assert_eq!(lines(&report.join("predictions.jsonl")).len(), 10);
    desk.finish().await;
}

#[test]
fn a_desk_without_a_past_is_told_so() {
    let bench = Bench::new();
    let error = bench.refused(&["history"]);
    assert!(error.contains("there is no desk in"), "{error}");
    said(deskwise(&bench.path("data")).args(["token", "create", "--name", "a", "--role", "admin"]));
    let error = bench.refused(&["history"]);
    assert!(
        error.contains("0 tickets have a label that people confirmed"),
        "{error}"
    );
}
