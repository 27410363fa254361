//! `deskwise eval suite`, `compare` and `history`: figures held against bounds, against one another, against the past.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::desk_under_test::{DeskUnderTest, deskwise, models_dir, run, said, weights};
use crate::evaluation::{Bench, CORPUS, QUERIES, ROWS, is_figure, lines};

/// Rows of two labels that are easy to tell apart, from `first` on.
pub fn easy(first: usize, count: usize) -> String {
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

    let error = bench.refused(&[suite.as_slice(), &["--step", "serch", "--accept"]].concat());
    assert!(
        error.contains("easy has no step serch; it has trained, search"),
        "{error}"
    );

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
fn what_was_measured_before_a_step_broke_is_told_and_kept() {
    let bench = Bench::new();
    bench.write("root/set/corpus.jsonl", CORPUS);
    bench.write("root/set/queries.jsonl", QUERIES);
    bench.write(
        "root/set/qrels/test.tsv",
        "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n",
    );
    let step = |name: &str, data: &str| format!("[[steps]]\nname = \"{name}\"\nretrieval = {{ data = \"{data}\" }}\n");
    let suite = "name = \"half\"\nabout = \"a\"\n".to_owned() + &step("sound", "set") + &step("broken", "nowhere");
    bench.write("suites/half.toml", &suite);
    let mut command = deskwise(&bench.path("data"));
    command.args([
        "eval",
        "suite",
        "suites/half.toml",
        "--data-root",
        "root",
        "--accept",
        "--json",
    ]);
    let output = run(command.current_dir(bench.path("")));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("step broken"), "{told}");
    let outcome: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(outcome["passed"], false);
    assert_eq!(outcome["steps"][0]["name"], "sound");
    let baseline = fs::read_to_string(bench.path("baselines/half.json")).expect("a baseline");
    assert!(
        baseline.contains("\"sound\"") && !baseline.contains("\"broken\""),
        "{baseline}"
    );
}

#[test]
fn mistakes_are_shown_beside_rows_that_the_head_has_learnt() {
    let bench = Bench::new();
    bench.write("root/easy/train.csv", &easy(0, 20));
    // Blue things are judged alone; every other label is wrong.
    let judged = easy(20, 10).replace("the blue vase,refund", "the blue vase,delivery");
    bench.write("root/easy/test.csv", &judged);
    bench.write("recipe.toml", &quick_recipe());
    bench.write("suites/easy.toml", &SUITE.replace("per_label = 12\ndraws = 2\n", ""));
    bench.measured(&["suite", "suites/easy.toml", "--data-root", "root", "--step", "trained"]);
    let page = fs::read_to_string(bench.path("eval-report/trained/report.html")).expect("a page");
    let (_, mistakes) = page.split_once("Worst mistakes").expect("the section");
    let neighbours: Vec<&str> = mistakes.split("<li>").skip(1).collect();
    assert!(!neighbours.is_empty(), "{mistakes}");
    for neighbour in neighbours {
        let text = neighbour.split("</li>").next().expect("a text");
        assert!(
            !text.contains("blue") && (text.contains("red") || text.contains("green")),
            "{text}"
        );
    }
}

#[test]
fn what_is_judged_by_cross_validation_leaves_a_report_as_well() {
    let bench = Bench::new();
    let rows: String = easy(0, 30)
        .lines()
        .skip(1)
        .enumerate()
        .map(|(at, line)| {
            let (text, label) = line.split_once(',').expect("two fields");
            let language = ["en", "es"][at % 3 / 2];
            serde_json::json!({"text": text, "label": label, "language": language}).to_string() + "\n"
        })
        .collect();
    bench.write("rows.jsonl", &rows);
    let data = "[data]\nfile = \"rows.jsonl\"\ntext = [\"text\"]\nlabel = \"label\"\nslice = \"language\"\n";
    let recipe: String = quick_recipe();
    let (before, after) = recipe.split_once("[data]").expect("a table");
    let (_, after) = after.split_once("\n[").expect("another table");
    bench.write("recipe.toml", &format!("{before}{data}\n[{after}"));
    let suite =
        "name = \"own\"\nabout = \"a\"\n[[steps]]\nname = \"head\"\ncross_validate = { recipe = \"recipe.toml\" }\n";
    bench.write("suites/own.toml", suite);
    let measured = bench.measured(&["suite", "suites/own.toml"]);
    let metrics = &measured["steps"][0]["metrics"];
    assert_eq!(metrics["rows"], 60, "{metrics}");
    for name in [
        "accuracy",
        "brier",
        "ece",
        "en_accuracy",
        "es_ece",
        "coverage_at_target_precision",
    ] {
        assert!(is_figure(&metrics[name]), "{name}: {metrics}");
    }
    let report = bench.path("eval-report/head");
    assert_eq!(lines(&report.join("predictions.jsonl")).len(), 60);
    assert!(is_figure(&metrics["per_label"]["refund"]["recall"]), "{metrics}");
    let page = fs::read_to_string(report.join("report.html")).expect("a page");
    assert!(
        page.contains("Confusion") && !page.contains("Energy"),
        "nothing knows the energies"
    );
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
    bench.write("set/queries.jsonl", &QUERIES.replace("the refund", "my parcel"));
    bench.measured(&["retrieval", "--data", "set", "--mode", "sparse", "--report", "e"]);
    let error = bench.refused(&["compare", "c", "e"]);
    assert!(error.contains("query q1 asks something else"), "{error}");
    let error = bench.refused(&["compare", "a", "c"]);
    assert!(error.contains("cannot be compared"), "{error}");
    let error = bench.refused(&["compare", "a", "nowhere"]);
    assert!(error.contains("not the folder of a run"), "{error}");
}

/// A head of a desk's own three labels, which knows some of the texts that [`settle`] submits.
fn own_head(place: &Path) -> String {
    weights();
    let rows = easy(20, 10) + "nothing works at all today,outage\nthe whole shop is dark,outage\n";
    fs::write(place.join("rows.csv"), rows).expect("a file");
    fs::write(place.join("recipe.toml"), quick_recipe()).expect("a file");
    let mut train = deskwise(&place.join("data"));
    train.args([
        "train",
        "classify",
        "--data",
        "rows.csv",
        "--recipe",
        "recipe.toml",
        "--out",
        "own",
    ]);
    said(train.current_dir(place));
    place.join("own").to_str().expect("UTF-8").to_owned()
}

/// Submits tickets and finishes each with its label: one that recurs, then 52 that are easy to tell apart.
async fn settle(desk: &DeskUnderTest) {
    let recurring = ["server down,outage"; 3].into_iter().map(str::to_owned);
    let texts = easy(0, 26);
    for line in recurring.chain(texts.lines().skip(1).map(str::to_owned)) {
        let (text, label) = line.split_once(',').expect("two fields");
        let ticket = desk.submit(text).await;
        desk.until_all_decided().await;
        let path = format!("/v1/tickets/{}", ticket["id"].as_str().expect("an id"));
        let version = desk.get(&path).await.body["version"].as_i64().expect("a version");
        let done = serde_json::json!({"category": label, "status": "solved"});
        let answer = desk.patch(&path, version, done).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[tokio::test]
async fn the_desks_own_past_is_judged_while_it_serves() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let head = own_head(place.path());
    let desk = DeskUnderTest::start_empty(&[("DESK_MODELS__CATEGORY", &head)]).await;
    settle(&desk).await;
    let report = desk.folder().join("report");
    let history = |more: &[&str]| {
        let mut command = deskwise(desk.folder());
        command
            .env("DESK_MODELS__CATEGORY", &head)
            .args(["eval", "history", "--json", "--report"]);
        run(command.arg(&report).args(more))
    };
    let output = history(&[]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("misroutes a week instead of"), "{told}");
    assert!(told.contains("and on 0 rows that came with the program"), "{told}");
    let measured = last_line(&output.stdout);
    assert_eq!(measured["rows"], 11, "a fifth of 55");
    // One text is all there is of the label, and it is not among the fifth that retraining leaves out.
    assert_eq!(measured["facts"]["rows_not_taught_as_alone_of_their_label"], 3.0);
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
    assert_eq!(lines(&report.join("predictions.jsonl")).len(), 11);

    // Of the newest half the head has learnt what is about the things from the twentieth on.
    let output = history(&["--head", &head, "--newest", "0.5"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let measured = last_line(&output.stdout);
    assert_eq!(measured["facts"]["rows_left_out_as_learnt"], 12.0, "{measured}");
    assert_eq!(measured["rows"], 16);
    desk.finish().await;
}

fn last_line(stdout: &[u8]) -> Value {
    let out = String::from_utf8_lossy(stdout);
    serde_json::from_str(out.lines().last().expect("a line")).expect("JSON")
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
