//! Suites: what to measure on which data, and what must come out, as TOML.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Deserializer};

use crate::retrieval::Mode;
use crate::rows::Where;

/// A suite; its baseline has its name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub about: String,
    /// What it measures, in this order.
    pub steps: Vec<Step>,
}

/// One measurement and what must come out.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "WrittenStep")]
pub struct Step {
    /// Its name, once in a suite.
    pub name: String,
    /// What is measured.
    pub task: Task,
    /// What must come out.
    pub bounds: Vec<Bound>,
}

/// A step as it is written: one table beside the name says what is measured.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStep {
    name: String,
    classify: Option<Box<Classify>>,
    cross_validate: Option<CrossValidate>,
    retrieval: Option<Retrieval>,
    duplicates: Option<Duplicates>,
    matters: Option<Matters>,
    answers: Option<Answers>,
    half_removed: Option<HalfRemoved>,
    #[serde(default)]
    bounds: Vec<Bound>,
}

impl TryFrom<WrittenStep> for Step {
    type Error = String;

    fn try_from(step: WrittenStep) -> Result<Self, String> {
        let tasks = [
            step.classify.map(Task::Classify),
            step.cross_validate.map(Task::CrossValidate),
            step.retrieval.map(Task::Retrieval),
            step.duplicates.map(Task::Duplicates),
            step.matters.map(Task::Matters),
            step.answers.map(Task::Answers),
            step.half_removed.map(Task::HalfRemoved),
        ];
        let mut tasks = tasks.into_iter().flatten();
        match (tasks.next(), tasks.next()) {
            (Some(task), None) => Ok(Step {
                name: step.name,
                task,
                bounds: step.bounds,
            }),
            _ => Err(format!(
                "step {}: exactly one of classify, cross_validate, retrieval, duplicates, matters, answers, half_removed",
                step.name
            )),
        }
    }
}

/// What is measured. Data are named below the data root, recipes and heads as on the command line.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// A head on labelled rows.
    Classify(Box<Classify>),
    /// A head's recipe on its own data.
    CrossValidate(CrossValidate),
    /// A search on judged queries.
    Retrieval(Retrieval),
    /// Duplicates among tickets.
    Duplicates(Duplicates),
    /// The flag of probable duplicates, by cross-validation.
    Matters(Matters),
    /// An answer or silence, by cross-validation.
    Answers(Answers),
    /// An answer or silence by the model in force, on a search whose answers are half gone.
    HalfRemoved(HalfRemoved),
}

/// A recipe that names its data, by cross-validation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrossValidate {
    /// The recipe.
    pub recipe: PathBuf,
}

/// A search on judged queries.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retrieval {
    /// Folder in BEIR layout.
    pub data: PathBuf,
    /// Which kinds of likeness are used.
    #[serde(default)]
    pub mode: Mode,
}

/// Duplicates among tickets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duplicates {
    /// Folder with `tickets.jsonl` and `duplicates.tsv`.
    pub data: PathBuf,
}

/// Tickets of which it is known what matter each is about; named as recipes are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matters {
    /// JSON Lines of tickets with their matter.
    pub data: PathBuf,
    /// JSON Lines of tickets about other matters.
    pub background: Option<PathBuf>,
}

/// Questions of which it is known which article answers them; named as recipes are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// JSON Lines of questions with their article.
    pub data: PathBuf,
    /// Folder of the articles; those of the sample desk when left out.
    pub articles: Option<PathBuf>,
}

/// Judged queries of which half the documents are taken away.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HalfRemoved {
    /// Folder in BEIR layout.
    pub data: PathBuf,
}

/// A head, or the recipe of one, and the rows to judge it on.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Classify {
    /// CSV or JSON Lines with the rows.
    pub data: PathBuf,
    /// Column with the text, or several that are joined.
    #[serde(default = "text", deserialize_with = "one_or_many")]
    pub text: Vec<String>,
    /// Column with the label.
    #[serde(default = "label")]
    pub label: String,
    /// Only rows whose column has this value.
    pub only: Option<Where>,
    /// File with texts that belong to no label.
    pub out_of_scope: Option<PathBuf>,
    /// Head to judge.
    pub head: Option<String>,
    /// Recipe to train one by.
    pub recipe: Option<PathBuf>,
    /// Whether the recipe trains the encoder on the rows first.
    #[serde(default)]
    pub finetune: bool,
    /// Encoder, where it is not the desk's own.
    pub encoder: Option<String>,
    /// File to train on.
    pub train: Option<PathBuf>,
    /// Share of `data` to judge on, by text hash, the rest to train on; instead of `train`.
    pub test_share: Option<f64>,
    /// Parts of `data`, by text hash, each judged by a head taught on the others; instead of `train`. For data so few that
    /// a share of them says little.
    pub folds: Option<usize>,
    /// Rows of each label to train on.
    pub per_label: Option<usize>,
    /// Draws of those rows; figures are means over them.
    #[serde(default = "one")]
    pub draws: u64,
    /// The precision to ask the head for; its own when left out.
    pub target_precision: Option<f64>,
}

/// What must come out of a figure.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// The figure.
    pub metric: String,
    /// The least it may be.
    pub at_least: Option<f64>,
    /// The most it may be.
    pub at_most: Option<f64>,
    /// What it should be.
    pub aim: Option<f64>,
    /// Whether it is enough that the interval reaches the bound.
    #[serde(default)]
    pub within_interval: bool,
}

fn text() -> Vec<String> {
    vec!["text".to_owned()]
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "the name of a column, or several")]
    enum Names {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Names::deserialize(deserializer)? {
        Names::One(name) => vec![name],
        Names::Many(names) => names,
    })
}

fn label() -> String {
    "label".to_owned()
}

fn one() -> u64 {
    1
}

/// Reads a suite.
///
/// **Errors**: unreadable, not TOML, an unknown key, a step that cannot be measured; all named.
pub fn read(path: &Path) -> Result<Suite> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read the suite {}", path.display()))?;
    let suite: Suite = toml::from_str(&text).with_context(|| format!("{} is not a suite", path.display()))?;
    suite.check().with_context(|| format!("suite {}", path.display()))?;
    Ok(suite)
}

impl Suite {
    /// The steps of these names, all of them where there are none.
    ///
    /// **Errors**: a name that no step has; those that there are are named.
    pub fn chosen(&self, names: &[String]) -> Result<Vec<&Step>> {
        for name in names {
            ensure!(
                self.steps.iter().any(|step| step.name == *name),
                "{} has no step {name}; it has {}",
                self.name,
                self.steps
                    .iter()
                    .map(|step| step.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            );
        }
        let is_chosen = |step: &&Step| names.is_empty() || names.contains(&step.name);
        Ok(self.steps.iter().filter(is_chosen).collect())
    }

    fn check(&self) -> Result<()> {
        ensure!(!self.steps.is_empty(), "it has no steps");
        let mut names = BTreeSet::new();
        for step in &self.steps {
            ensure!(names.insert(&step.name), "two steps are named {}", step.name);
            step.check().with_context(|| format!("step {}", step.name))?;
        }
        Ok(())
    }
}

impl Step {
    fn check(&self) -> Result<()> {
        if let Task::Classify(task) = &self.task {
            task.check()?;
        }
        for bound in &self.bounds {
            ensure!(
                bound.at_least.is_some() != bound.at_most.is_some(),
                "{}: either at_least or at_most",
                bound.metric
            );
        }
        Ok(())
    }
}

impl Classify {
    fn check(&self) -> Result<()> {
        ensure!(self.head.is_some() != self.recipe.is_some(), "either head or recipe");
        ensure!(!self.text.is_empty(), "text: at least one column");
        let sources = [self.train.is_some(), self.test_share.is_some(), self.folds.is_some()];
        let sources = sources.into_iter().filter(|given| *given).count();
        match &self.recipe {
            Some(_) => ensure!(sources == 1, "a recipe needs one of train, test_share, folds"),
            None => ensure!(
                self.per_label.is_none() && !self.finetune && self.folds.is_none(),
                "per_label, finetune and folds are for recipes"
            ),
        }
        ensure!(self.folds.is_none_or(|folds| folds > 1), "folds: at least 2");
        ensure!(
            self.folds.is_none() || (self.out_of_scope.is_none() && !self.finetune),
            "folds: neither with out_of_scope nor with finetune"
        );
        ensure!(
            self.test_share.is_none_or(|share| share > 0.0 && share < 1.0),
            "test_share: between 0 and 1"
        );
        ensure!(self.draws > 0, "draws: at least 1");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(steps: &str) -> Result<Suite> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("suite.toml");
        fs::write(&path, format!("name = \"n\"\nabout = \"a\"\n{steps}")).expect("a file");
        read(&path)
    }

    #[test]
    fn a_suite_is_read() {
        let suite = parse(
            "[[steps]]\nname = \"all\"\n[steps.classify]\ndata = \"d.csv\"\ntrain = \"t.csv\"\nrecipe = \"r.toml\"\n\
             [[steps.bounds]]\nmetric = \"accuracy\"\nat_least = 0.9\n\
             [[steps]]\nname = \"faq\"\nretrieval = { data = \"faq\", mode = \"dense\" }\n",
        )
        .expect("a suite");
        assert!(matches!(&suite.steps[0].task, Task::Classify(task) if task.draws == 1 && task.text == ["text"]));
        assert!(matches!(&suite.steps[1].task, Task::Retrieval(task) if task.mode == Mode::Dense));
        assert_eq!(suite.steps[0].bounds[0].at_least, Some(0.9));
    }

    #[test]
    fn a_text_may_be_of_several_columns() {
        let suite = parse(
            "[[steps]]\nname = \"own\"\n[steps.classify]\ndata = \"d.jsonl\"\nhead = \"h\"\ntext = [\"subject\", \"body\"]\n",
        )
        .expect("a suite");
        assert!(matches!(&suite.steps[0].task, Task::Classify(task) if task.text == ["subject", "body"]));
    }

    #[test]
    fn steps_are_chosen_by_names_that_they_have() {
        let suite = parse(
            "[[steps]]\nname = \"a\"\nduplicates = { data = \"d\" }\n[[steps]]\nname = \"b\"\nduplicates = { data = \"d\" }\n",
        )
        .expect("a suite");
        let chosen = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let steps = suite.chosen(&names)?;
            Ok::<_, anyhow::Error>(steps.iter().map(|step| step.name.clone()).collect::<Vec<_>>())
        };
        assert_eq!(chosen(&[]).expect("all"), ["a", "b"]);
        assert_eq!(chosen(&["b"]).expect("one"), ["b"]);
        let error = chosen(&["b", "c"]).expect_err("no such step").to_string();
        assert_eq!(error, "n has no step c; it has a, b");
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        for (steps, reason) in [
            ("steps = []\n", "no steps"),
            ("[[steps]]\nname = \"a\"\n", "exactly one of classify"),
            (
                "[[steps]]\nname = \"a\"\n[steps.classify]\ndata = \"d\"\n",
                "either head or recipe",
            ),
            (
                "[[steps]]\nname = \"a\"\n[steps.classify]\ndata = \"d\"\nrecipe = \"r\"\n",
                "one of train, test_share, folds",
            ),
            (
                "[[steps]]\nname = \"a\"\n[steps.classify]\ndata = \"d\"\nrecipe = \"r\"\nfolds = 1\n",
                "at least 2",
            ),
            (
                "[[steps]]\nname = \"a\"\n[steps.classify]\ndata = \"d\"\nrecipe = \"r\"\nfolds = 5\nfinetune = true\n",
                "nor with finetune",
            ),
            (
                "[[steps]]\nname = \"a\"\n[steps.classify]\ndata = \"d\"\nhead = \"h\"\nfinetune = true\n",
                "are for recipes",
            ),
            (
                "[[steps]]\nname = \"a\"\n[steps.classify]\ndata = \"d\"\nheads = \"r\"\n",
                "heads",
            ),
            (
                "[[steps]]\nname = \"a\"\nduplicates = { data = \"d\" }\n[[steps.bounds]]\nmetric = \"x\"\n",
                "either at_least or at_most",
            ),
        ] {
            let error = format!("{:#}", parse(steps).expect_err("refused"));
            assert!(error.contains(reason), "{error}");
        }
    }
}
