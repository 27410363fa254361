//! Labelled rows and BEIR folders, read as they are; every error names the file and the line.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A text and its right label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledText {
    /// The text.
    pub text: String,
    /// Its label.
    pub label: String,
}

/// Rows of a CSV file with a header; texts that are blank are refused.
pub fn labelled(path: &Path, text: &str, label: &str) -> Result<Vec<LabelledText>> {
    let rows = columns(path, &[text, label])?;
    Ok(rows
        .into_iter()
        .map(|mut row| LabelledText {
            label: row.remove(1),
            text: row.remove(0),
        })
        .collect())
}

/// The texts of one column of a CSV file.
pub fn texts(path: &Path, text: &str) -> Result<Vec<String>> {
    Ok(columns(path, &[text])?
        .into_iter()
        .map(|mut row| row.remove(0))
        .collect())
}

fn columns(path: &Path, wanted: &[&str]) -> Result<Vec<Vec<String>>> {
    let mut reader = csv::Reader::from_path(path).with_context(|| format!("cannot read {}", path.display()))?;
    let header = reader
        .headers()
        .with_context(|| format!("{} has no header", path.display()))?
        .clone();
    let at = |name: &&str| {
        header.iter().position(|column| column == *name).with_context(|| {
            let has = header.iter().collect::<Vec<_>>().join(", ");
            format!("{} has no column {name}; it has {has}", path.display())
        })
    };
    let places = wanted.iter().map(at).collect::<Result<Vec<usize>>>()?;
    let mut rows = Vec::new();
    for (number, record) in reader.records().enumerate() {
        let record = record.with_context(|| format!("{}, row {}", path.display(), number + 1))?;
        let row: Vec<String> = places.iter().map(|&place| record[place].to_owned()).collect();
        ensure!(
            !row[0].trim().is_empty(),
            "{}, row {}: the text is empty",
            path.display(),
            number + 1
        );
        rows.push(row);
    }
    ensure!(!rows.is_empty(), "{} has no rows", path.display());
    Ok(rows)
}

/// A document of a BEIR corpus, or a query without a title.
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
        if self.title.trim().is_empty() {
            self.text.clone()
        } else {
            format!("{}\n\n{}", self.title, self.text)
        }
    }
}

/// A retrieval set in BEIR layout.
#[derive(Debug, Clone)]
pub struct Beir {
    /// What is searched.
    pub corpus: Vec<Document>,
    /// What is asked; only queries that have a judgement.
    pub queries: Vec<Document>,
    /// Query id → document id → relevance.
    pub judgements: HashMap<String, HashMap<String, f64>>,
}

/// Reads `corpus.jsonl`, `queries.jsonl` and `qrels/test.tsv`.
pub fn beir(folder: &Path) -> Result<Beir> {
    let judgements = judgements(&folder.join("qrels/test.tsv"))?;
    let mut queries: Vec<Document> = json_lines(&folder.join("queries.jsonl"))?;
    queries.retain(|query| judgements.contains_key(&query.id));
    ensure!(!queries.is_empty(), "{}: no query has a judgement", folder.display());
    Ok(Beir {
        corpus: json_lines(&folder.join("corpus.jsonl"))?,
        queries,
        judgements,
    })
}

/// One value a line.
pub fn json_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    lines(path)?
        .into_iter()
        .map(|(number, line)| serde_json::from_str(&line).with_context(|| format!("{}, line {number}", path.display())))
        .collect()
}

fn judgements(path: &Path) -> Result<HashMap<String, HashMap<String, f64>>> {
    let mut judgements: HashMap<String, HashMap<String, f64>> = HashMap::new();
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
            .parse()
            .with_context(|| format!("{}, line {number}: score", path.display()))?;
        judgements
            .entry(query.to_owned())
            .or_default()
            .insert(document.to_owned(), score);
    }
    Ok(judgements)
}

/// The lines that are not blank, with their numbers from 1.
fn lines(path: &Path) -> Result<Vec<(usize, String)>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut lines = Vec::new();
    for (at, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("{}, line {}", path.display(), at + 1))?;
        if !line.trim().is_empty() {
            lines.push((at + 1, line));
        }
    }
    Ok(lines)
}
