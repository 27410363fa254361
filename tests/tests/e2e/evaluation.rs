//! `deskwise eval`: what the program says of models and search, and what it writes.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::desk_under_test::{deskwise, models_dir, refused, said, weights};
use crate::evaluation_suites::easy;

/// A place to evaluate in: a data folder, files, reports.
pub struct Bench {
    folder: tempfile::TempDir,
}

pub const ROWS: &str = "text,label\n\
    I was charged twice on my invoice,billing_payment\n\
    Please cancel my subscription,cancellation\n\
    I forgot my password and cannot log in,account_access\n\
    My parcel has not arrived,orders_delivery\n\
    The app crashes when I open it,technical_problem\n\
    Where can I download the invoice,how_to\n";

impl Bench {
    pub fn new() -> Self {
        weights();
        Bench {
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("room");
        fs::write(&path, text).expect("a file");
        path
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = deskwise(&self.path("data"));
        command.arg("eval").args(arguments).current_dir(self.folder.path());
        command
    }

    /// The object on the last line of standard output.
    pub fn measured(&self, arguments: &[&str]) -> Value {
        let out = said(self.command(arguments).arg("--json"));
        serde_json::from_str(out.lines().last().expect("a line")).expect("one JSON object")
    }

    pub fn refused(&self, arguments: &[&str]) -> String {
        refused(&mut self.command(arguments))
    }
}

/// The values of a file, one a line.
pub fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("a file");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// Whether an interval holds its value.
pub fn is_figure(figure: &Value) -> bool {
    let [low, value, high] = ["low", "value", "high"].map(|part| figure[part].as_f64().expect("a number"));
    low <= value && value <= high
}

#[test]
fn a_head_is_judged_row_by_row() {
    let bench = Bench::new();
    bench.write("rows.csv", ROWS);
    bench.write("outside.csv", "text\nthe moon is made of cheese\n2 + 2 = 4\n");
    let measured = bench.measured(&[
        "classify",
        "--head",
        "triage-category",
        "--data",
        "rows.csv",
        "--out-of-scope",
        "outside.csv",
        "--report",
        "report",
    ]);
    let rows = lines(&bench.path("report/predictions.jsonl"));
    let right = rows.iter().filter(|row| row["label"] == row["predicted"]).count();
    assert_eq!(
        (measured["kind"].as_str(), measured["rows"].as_u64()),
        (Some("classify"), Some(6))
    );
    assert!(right >= 4, "{rows:?}");
    let accuracy = measured["accuracy"]["value"].as_f64().expect("a number");
    assert!(
        (accuracy - right as f64 / 6.0).abs() < 1e-9,
        "the figure is that of the rows"
    );
    for name in [
        "accuracy",
        "macro_f1",
        "ece",
        "brier",
        "ood_auroc",
        "coverage_at_target_precision",
    ] {
        assert!(is_figure(&measured[name]), "{name}: {}", measured[name]);
    }
    let written: Value =
        serde_json::from_str(&fs::read_to_string(bench.path("report/metrics.json")).expect("a file")).expect("JSON");
    assert_eq!(written, measured);
    assert_eq!(measured["fingerprints"]["data"].as_array().map(Vec::len), Some(2));
    let vectors = fs::metadata(bench.path("report/embeddings.npy")).expect("a file").len();
    assert_eq!(vectors % 64, 6 * 384 * 4 % 64);
    assert_eq!(lines(&bench.path("report/out_of_scope.jsonl")).len(), 2);
    let page = fs::read_to_string(bench.path("report/report.html")).expect("a page");
    assert!(page.matches("<svg").count() >= 5 && page.contains("Worst mistakes"));
    for outside in ["http://", "https://", "<script", "<link"] {
        let linked = page.replace("http://www.w3.org/2000/svg", "").contains(outside);
        assert!(!linked, "the page is self-contained: {outside}");
    }
}

#[test]
fn texts_the_head_has_learnt_are_left_out_and_counted() {
    let bench = Bench::new();
    bench.write("rows.csv", ROWS);
    bench.write("train.csv", "text,label\nplease CANCEL my subscription,cancellation\n");
    let judge = ["classify", "--head", "triage-category", "--data", "rows.csv", "--train"];
    let measured = bench.measured(&[judge.as_slice(), &["train.csv"]].concat());
    assert_eq!(measured["rows"], 5);
    assert_eq!(measured["facts"]["rows_left_out_as_learnt"], 1.0);
    bench.measured(&[
        "classify",
        "--head",
        "triage-category",
        "--data",
        "rows.csv",
        "--report",
        "all",
    ]);
    let compared = bench.measured(&["compare", "all", "eval-report"]);
    assert_eq!(compared["rows"], 5, "rows keep the numbers of the data: {compared}");
    assert_eq!(compared["rows_in_one"], 1);
    let error = bench.refused(&[judge.as_slice(), &["rows.csv"]].concat());
    assert!(error.contains("the head has learnt every text"), "{error}");
}

#[test]
fn a_head_is_not_judged_on_what_it_knows_itself_to_have_learnt() {
    let bench = Bench::new();
    let learnt = easy(0, 20);
    bench.write("learnt.csv", &learnt);
    let quoting =
        "\"MY red chair has not arrived\n\nOn Monday, Support wrote:\n> my blue vase is on its way\",delivery\n";
    bench.write(
        "rows.csv",
        &(learnt.clone() + "where is the parcel of Ana,delivery\n" + quoting),
    );
    bench.write(
        "outside.csv",
        "text\nmy red table has not arrived\nthe moon is made of cheese\n",
    );
    let mut train = deskwise(&bench.path("data"));
    train.args(["train", "classify", "--data", "learnt.csv", "--out", "own"]);
    said(train.current_dir(bench.path("")));
    let judge = ["classify", "--head", "./own", "--data"];
    let outside = ["rows.csv", "--out-of-scope", "outside.csv"];
    let measured = bench.measured(&[judge.as_slice(), &outside].concat());
    assert_eq!(measured["rows"], 1, "{measured}");
    assert_eq!(measured["facts"]["rows_left_out_as_learnt"], 41.0);
    assert_eq!(measured["facts"]["outsiders_left_out_as_learnt"], 1.0);
    let error = bench.refused(&[judge.as_slice(), &["learnt.csv"]].concat());
    assert!(error.contains("the head has learnt every text"), "{error}");
}

#[test]
fn a_mail_is_judged_by_what_it_says_and_not_by_what_it_quotes() {
    let bench = Bench::new();
    let plain = "My parcel has not arrived, where is it?";
    let quoting = format!(
        "{plain}\n\nOn Monday, Support wrote:\n> Your password was reset; please log in\n> and change it on your account page."
    );
    bench.write("plain.csv", &format!("text,label\n\"{plain}\",orders_delivery\n"));
    bench.write("quoting.csv", &format!("text,label\n\"{quoting}\",orders_delivery\n"));
    let judge = |name: &str| {
        let data = format!("{name}.csv");
        bench.measured(&[
            "classify",
            "--head",
            "triage-category",
            "--data",
            &data,
            "--report",
            name,
        ]);
        let mut row = lines(&bench.path(name).join("predictions.jsonl")).remove(0);
        let text = row.as_object_mut().expect("an object").remove("text");
        (row, text)
    };
    let ((plainly, _), (quotingly, text)) = (judge("plain"), judge("quoting"));
    assert_eq!(plainly, quotingly);
    assert_eq!(text, Some(Value::String(quoting)), "the row is shown as it is");
}

#[test]
fn data_of_the_kind_the_shipped_heads_learnt_from_are_judged_as_they_are() {
    let bench = Bench::new();
    let rows = [
        r#"{"id":"1","subject":"Parcel","body":"It has not arrived","category":"orders_delivery","priority":"low"}"#,
        r#"{"id":"2","subject":"","body":"I was charged twice","category":"billing_payment","priority":"high"}"#,
    ];
    bench.write("rows.jsonl", &rows.join("\n"));
    let judge = [
        "classify",
        "--head",
        "triage-category",
        "--data",
        "rows.jsonl",
        "--label",
        "category",
    ];
    bench.measured(&[judge.as_slice(), &["--text", "subject", "--text", "body"]].concat());
    let judged = lines(&bench.path("eval-report/predictions.jsonl"));
    assert_eq!(judged[0]["text"], "Parcel\n\nIt has not arrived");
    assert_eq!(judged[1]["text"], "I was charged twice");
    bench.write("broken.csv", "text,label\na,how_to\nb,\"how_to\nc,how_to\n");
    let error = bench.refused(&["classify", "--head", "triage-category", "--data", "broken.csv"]);
    assert!(error.contains("broken.csv line 3: the quote"), "{error}");
}

#[test]
fn what_cannot_be_judged_is_named_and_nothing_is_written() {
    let bench = Bench::new();
    bench.write("rows.csv", ROWS);
    bench.write("others.csv", "text,label\nhello,greeting\n");
    bench.write("empty.csv", "text,label\n");
    let judge = |more: &[&str]| {
        let head = ["classify", "--head", "triage-category", "--report", "report"];
        bench.refused(&[head.as_slice(), more].concat())
    };
    let said = judge(&["--data", "nowhere.csv"]);
    assert!(said.contains("cannot read nowhere.csv"), "{said}");
    let said = judge(&["--data", "rows.csv", "--label", "intent"]);
    assert!(said.contains("no column intent; it has text, label"), "{said}");
    let said = judge(&["--data", "empty.csv"]);
    assert!(said.contains("has no rows"), "{said}");
    let said = judge(&["--data", "others.csv"]);
    assert!(
        said.contains("knows none of the labels") && said.contains("greeting"),
        "{said}"
    );
    let said = judge(&["--data", "rows.csv", "--target-precision", "1.5"]);
    assert!(said.contains("target_precision"), "{said}");
    let other = other_encoders_head(&bench);
    let said = bench.refused(&["classify", "--head", &other, "--data", "rows.csv", "--report", "report"]);
    assert!(said.contains("another-encoder"), "{said}");
    assert!(!bench.path("report").exists());
}

/// The shipped head, said to be trained on vectors of another encoder.
fn other_encoders_head(bench: &Bench) -> String {
    let shipped = models_dir().join("triage-category");
    let manifest = fs::read_to_string(shipped.join("manifest.toml")).expect("a manifest");
    let other = bench.write(
        "head/manifest.toml",
        &manifest.replace("all-MiniLM-L6-v2", "another-encoder"),
    );
    fs::copy(
        shipped.join("head.safetensors"),
        other.with_file_name("head.safetensors"),
    )
    .expect("a copy");
    bench.path("head").to_str().expect("UTF-8").to_owned()
}

pub const CORPUS: &str = r#"{"_id":"d1","title":"Refunds","text":"Money is paid back within ten days.","language":"en"}
{"_id":"d2","title":"Password","text":"Reset your password from the log-in page.","language":"en"}
{"_id":"d3","title":"Delivery","text":"Parcels are sent every working day.","language":"en"}
"#;
pub const QUERIES: &str = r#"{"_id":"q1","text":"how long until the refund arrives","language":"en"}
{"_id":"q2","text":"I forgot my password","language":"en"}
"#;

#[test]
fn search_is_judged_by_either_half_and_both() {
    let bench = Bench::new();
    bench.write("set/corpus.jsonl", CORPUS);
    bench.write("set/queries.jsonl", QUERIES);
    bench.write(
        "set/qrels/test.tsv",
        "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n",
    );
    for mode in ["hybrid", "dense", "sparse"] {
        let measured = bench.measured(&["retrieval", "--data", "set", "--mode", mode, "--report", mode]);
        for name in ["ndcg_at_10", "mrr_at_10", "recall_at_10", "precision_at_1"] {
            assert!(is_figure(&measured[name]), "{mode} {name}");
        }
        assert_eq!(measured["precision_at_1"]["value"], 1.0, "{mode}");
        assert_eq!(lines(&bench.path(mode).join("predictions.jsonl")).len(), 2);
    }
    let error = bench.refused(&["retrieval", "--data", "nowhere"]);
    assert!(error.contains("nowhere"), "{error}");
}

#[test]
fn duplicates_are_found_among_all_tickets_but_the_one_that_asks() {
    let bench = Bench::new();
    let ticket =
        |id: &str, text: &str| format!("{{\"_id\":\"{id}\",\"subject\":\"{text}\",\"body\":\"{text} today.\"}}\n");
    let tickets = [
        ticket("1", "Printer on floor two is offline"),
        ticket("2", "The printer of the second floor is offline"),
        ticket("3", "Invoice charged twice"),
    ];
    bench.write("set/tickets.jsonl", &tickets.concat());
    bench.write("set/duplicates.tsv", "ticket-id\tduplicate-id\n1\t2\n");
    let measured = bench.measured(&["duplicates", "--data", "set", "--report", "report"]);
    assert_eq!(measured["precision_at_1"]["value"], 1.0);
    for name in ["roc_auc", "candidate_recall", "flag_recall"] {
        assert!(is_figure(&measured[name]), "{name} of the flag that ships: {measured}");
    }
    assert_eq!(measured["facts"]["pairs_known"], 2.0);
    assert_eq!(measured["fingerprints"]["models"].as_array().map(Vec::len), Some(2));
    let rankings = lines(&bench.path("report/predictions.jsonl"));
    let found = rankings[0]["documents"].as_array().expect("a list");
    assert!(found.iter().all(|id| id != "1"), "{found:?}");
}
