//! Retrieval sets in BEIR layout: `corpus.jsonl`, `queries.jsonl`, `qrels/test.tsv`.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::rows::{json_lines, lines};

/// A document of a corpus, or a query without a title.
#[derive(Debug, Clone, Deserialize)]
pub struct Document {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: String,
    /// Its title; empty where there is none.
    #[serde(default)]
    pub title: String,
    /// Its text.
    pub text: String,
    /// Its language, e.g. `es`.
    #[serde(default)]
    pub language: Option<String>,
}

impl Document {
    /// Title and text as one passage.
    pub fn passage(&self) -> String {
        if self.has_title() {
            format!("{}\n\n{}", self.title, self.text)
        } else {
            self.text.clone()
        }
    }

    /// Whether it has a title.
    pub fn has_title(&self) -> bool {
        !self.title.trim().is_empty()
    }

    /// Its language: as it says, or else as the desk detects it.
    pub fn language(&self) -> Option<String> {
        let detected = || language::detect(&self.passage()).map(str::to_owned);
        self.language.clone().or_else(detected)
    }
}

/// Query id → document id → relevance.
pub type Judgements = HashMap<String, HashMap<String, f64>>;

/// A retrieval set.
#[derive(Debug, Clone)]
pub struct Beir {
    /// What is searched.
    pub corpus: Vec<Document>,
    /// What is asked; only queries that have a judgement.
    pub queries: Vec<Document>,
    /// What should be found.
    pub judgements: Judgements,
}

/// The files a set is read from.
pub fn files(folder: &Path) -> [PathBuf; 3] {
    ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"].map(|name| folder.join(name))
}

/// Reads a set.
///
/// **Errors**: a file that is missing, empty or broken, two documents of one id, a judgement of something that is not
/// there.
pub fn read(folder: &Path) -> Result<Beir> {
    let [corpus, queries, judgements] = files(folder);
    let judged = judgements_of(&judgements)?;
    let corpus = documents(&corpus)?;
    let mut asked = documents(&queries)?;
    asked.retain(|query| judged.contains_key(&query.id));
    ensure!(!asked.is_empty(), "{}: no query has a judgement", folder.display());
    check_ids(&corpus, &judged).with_context(|| judgements.display().to_string())?;
    Ok(Beir {
        corpus,
        queries: asked,
        judgements: judged,
    })
}

fn documents(path: &Path) -> Result<Vec<Document>> {
    let documents: Vec<Document> = json_lines(path)?;
    ensure!(!documents.is_empty(), "{} is empty", path.display());
    let mut seen = HashSet::new();
    match documents.iter().find(|document| !seen.insert(document.id.as_str())) {
        Some(twice) => bail!("{}: _id {:?} occurs twice", path.display(), twice.id),
        None => Ok(documents),
    }
}

fn check_ids(corpus: &[Document], judgements: &Judgements) -> Result<()> {
    let known: HashSet<&str> = corpus.iter().map(|document| document.id.as_str()).collect();
    let mut judged = judgements.values().flat_map(HashMap::keys);
    match judged.find(|document| !known.contains(document.as_str())) {
        Some(missing) => bail!("document {missing:?} is judged but not in corpus.jsonl"),
        None => Ok(()),
    }
}

fn judgements_of(path: &Path) -> Result<Judgements> {
    let mut judgements = Judgements::new();
    for (number, line) in lines(path)?.into_iter().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [query, document, score] = fields[..] else {
            bail!(
                "{}, line {number}: {} fields instead of 3",
                path.display(),
                fields.len()
            );
        };
        let score = score
            .trim()
            .parse()
            .with_context(|| format!("{}, line {number}: score", path.display()))?;
        judgements
            .entry(query.to_owned())
            .or_default()
            .insert(document.to_owned(), score);
    }
    Ok(judgements)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(corpus: &str, queries: &str, judgements: &str) -> Result<Beir> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("qrels")).expect("a folder");
        for (path, text) in files(folder.path()).iter().zip([corpus, queries, judgements]) {
            std::fs::write(path, text).expect("a file");
        }
        read(folder.path())
    }

    const CORPUS: &str = "{\"_id\":\"d1\",\"title\":\"T\",\"text\":\"x\"}\n{\"_id\":\"d2\",\"text\":\"y\"}\n";
    const QUERIES: &str = "{\"_id\":\"q1\",\"text\":\"x?\"}\n{\"_id\":\"q2\",\"text\":\"z?\"}\n";
    const JUDGED: &str = "query-id\tcorpus-id\tscore\nq1\td1\t1\n";

    #[test]
    fn queries_without_a_judgement_are_not_asked() {
        let set = set(CORPUS, QUERIES, JUDGED).expect("a set");
        assert_eq!((set.corpus.len(), set.queries.len()), (2, 1));
        assert_eq!(set.judgements["q1"]["d1"], 1.0);
        assert_eq!(set.corpus[0].passage(), "T\n\nx");
    }

    #[test]
    fn faults_are_named() {
        let refused = |corpus: &str, queries: &str, judged: &str, reason: &str| {
            let error = format!("{:#}", set(corpus, queries, judged).expect_err("refused"));
            assert!(error.contains(reason), "{error}");
        };
        refused("", QUERIES, JUDGED, "corpus.jsonl is empty");
        refused("{\"_id\":\"d1\"}", QUERIES, JUDGED, "line 1");
        refused(&CORPUS.replace("d2", "d1"), QUERIES, JUDGED, "occurs twice");
        refused(CORPUS, QUERIES, "h\nq1\td1\n", "2 fields instead of 3");
        refused(CORPUS, QUERIES, "h\nq1\td1\tmuch\n", "line 2: score");
        refused(CORPUS, QUERIES, "h\nq1\td9\t1\n", "\"d9\" is judged but not");
        refused(CORPUS, QUERIES, "h\nq9\td1\t1\n", "no query has a judgement");
    }
}
