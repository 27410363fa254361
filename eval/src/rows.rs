//! Labelled rows, read as they are; every error names the file and the line.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A text and its right label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelledText {
    /// The row of the data, from 1, whatever was left out before it; not written.
    #[serde(skip)]
    pub row: usize,
    /// The text.
    pub text: String,
    /// Its label.
    pub label: String,
}

/// Keeps the rows whose column has this value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Where {
    /// The column.
    pub column: String,
    /// Its value.
    pub value: String,
}

/// Rows of a CSV file with a header; those without text or label are refused.
///
/// **Errors**: unreadable, a column that is not there, no rows, an empty field, two spellings of one label.
pub fn labelled(path: &Path, text: &str, label: &str) -> Result<Vec<LabelledText>> {
    labelled_where(path, text, label, None)
}

/// As [`labelled`], of the rows that pass a condition.
///
/// **Errors**: as [`labelled`].
pub fn labelled_where(path: &Path, text: &str, label: &str, only: Option<&Where>) -> Result<Vec<LabelledText>> {
    let wanted: Vec<&str> = [text, label]
        .into_iter()
        .chain(only.map(|only| only.column.as_str()))
        .collect();
    let rows: Vec<LabelledText> = (1..)
        .zip(columns(path, &wanted, 2)?)
        .filter(|(_, row)| only.is_none_or(|only| row[2] == only.value))
        .map(|(number, mut row)| LabelledText {
            row: number,
            label: row.swap_remove(1).trim().to_owned(),
            text: row.swap_remove(0),
        })
        .collect();
    if let (true, Some(only)) = (rows.is_empty(), only) {
        bail!("{}: no row has {} {:?}", path.display(), only.column, only.value);
    }
    check_spelling(&rows).with_context(|| path.display().to_string())?;
    Ok(rows)
}

/// The texts of one column of a CSV file.
///
/// **Errors**: as [`labelled`].
pub fn texts(path: &Path, text: &str) -> Result<Vec<String>> {
    Ok(columns(path, &[text], 1)?.into_iter().flatten().collect())
}

/// The wanted columns, the first `filled` of which may not be blank.
fn columns(path: &Path, wanted: &[&str], filled: usize) -> Result<Vec<Vec<String>>> {
    let mut reader = csv::Reader::from_path(path).with_context(|| format!("cannot read {}", path.display()))?;
    let header = reader
        .headers()
        .with_context(|| format!("{} has no header", path.display()))?
        .clone();
    let places = places(path, &header, wanted)?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.with_context(|| format!("{} is not a CSV table", path.display()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let row: Vec<String> = places.iter().map(|&place| record[place].to_owned()).collect();
        if let Some(blank) = row.iter().take(filled).position(|field| field.trim().is_empty()) {
            bail!("{} line {line}: {} is empty", path.display(), wanted[blank]);
        }
        rows.push(row);
    }
    ensure!(!rows.is_empty(), "{} has no rows", path.display());
    Ok(rows)
}

fn places(path: &Path, header: &csv::StringRecord, wanted: &[&str]) -> Result<Vec<usize>> {
    ensure!(!header.is_empty(), "{} is empty", path.display());
    let bare = |column: &str| column.trim_start_matches('\u{feff}').to_owned();
    let at = |name: &&str| {
        header
            .iter()
            .position(|column| bare(column) == **name)
            .with_context(|| {
                let has = header.iter().map(bare).collect::<Vec<_>>().join(", ");
                format!("{} has no column {name}; it has {has}", path.display())
            })
    };
    wanted.iter().map(at).collect()
}

/// Refuses labels that differ only by case or blanks.
fn check_spelling(rows: &[LabelledText]) -> Result<()> {
    let labels: BTreeSet<&str> = rows.iter().map(|row| row.label.as_str()).collect();
    refuse_spellings(labels.into_iter())
}

fn refuse_spellings<'a>(labels: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen: Vec<(String, &str)> = labels.map(|label| (plain(label), label)).collect();
    seen.sort();
    match seen
        .windows(2)
        .find(|pair| pair[0].0 == pair[1].0 && pair[0].1 != pair[1].1)
    {
        Some(pair) => bail!(
            "the labels {:?} and {:?} differ only by case or blanks",
            pair[0].1,
            pair[1].1
        ),
        None => Ok(()),
    }
}

fn plain(label: &str) -> String {
    label.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Rows as a CSV file with the columns `text` and `label`.
///
/// **Errors**: the file cannot be written.
pub fn write(path: &Path, rows: &[LabelledText]) -> Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let mut writer = csv::Writer::from_path(path).with_context(cannot)?;
    rows.iter()
        .try_for_each(|row| writer.serialize(row))
        .with_context(cannot)?;
    writer.flush().with_context(cannot)
}

/// Number of rows whose label a head does not know; it gets those wrong.
///
/// **Errors**: it knows none of the labels, or knows one in another spelling.
pub fn unknown_labels(rows: &[LabelledText], known: &[String]) -> Result<usize> {
    let labels: BTreeSet<&str> = rows.iter().map(|row| row.label.as_str()).collect();
    let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
    ensure!(
        labels.iter().any(|label| known.contains(label)),
        "the head knows none of the labels: it knows {}, the data have {}",
        few(&known),
        few(&labels)
    );
    refuse_spellings(labels.union(&known).copied()).context("the data's labels and the head's")?;
    Ok(rows.iter().filter(|row| !known.contains(row.label.as_str())).count())
}

fn few(labels: &BTreeSet<&str>) -> String {
    let shown: Vec<&str> = labels.iter().take(5).copied().collect();
    let more = if labels.len() > shown.len() { ", …" } else { "" };
    shown.join(", ") + more
}

/// Drops the rows whose text, word by word, is among the texts a head has learnt from; says how many.
pub fn drop_leaks(rows: Vec<LabelledText>, learnt: &[LabelledText]) -> (Vec<LabelledText>, usize) {
    let learnt: HashSet<String> = learnt.iter().map(|row| same_text(&row.text)).collect();
    let before = rows.len();
    let rows: Vec<LabelledText> = rows
        .into_iter()
        .filter(|row| !learnt.contains(&same_text(&row.text)))
        .collect();
    let dropped = before - rows.len();
    (rows, dropped)
}

/// Equal for texts whose words are the same in the same order.
pub fn same_text(text: &str) -> String {
    let words = classifier::words::words(text).join(" ");
    if words.is_empty() {
        text.trim().to_owned()
    } else {
        words
    }
}

/// One value a line.
///
/// **Errors**: unreadable, or a line that does not fit; the line is named.
pub fn json_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    lines(path)?
        .into_iter()
        .map(|(number, line)| serde_json::from_str(&line).with_context(|| format!("{}, line {number}", path.display())))
        .collect()
}

/// The lines that are not blank, with their numbers from 1.
///
/// **Errors**: unreadable, or not UTF-8.
pub fn lines(path: &Path) -> Result<Vec<(usize, String)>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<LabelledText>> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("rows.csv");
        std::fs::write(&path, text).expect("a file");
        labelled(&path, "text", "label")
    }

    fn refused(text: &str, reason: &str) {
        let error = format!("{:#}", read(text).expect_err("refused"));
        assert!(error.contains(reason), "{error}");
    }

    fn row(number: usize, text: &str, label: &str) -> LabelledText {
        LabelledText {
            row: number,
            text: text.to_owned(),
            label: label.to_owned(),
        }
    }

    #[test]
    fn rows_are_read_in_any_order_of_columns_and_after_a_mark() {
        let rows = read("\u{feff}label,id,text\na ,1,\"x,\ny\"\n").expect("rows");
        assert_eq!(rows, [row(1, "x,\ny", "a")]);
    }

    #[test]
    fn what_cannot_be_judged_is_refused_with_its_line() {
        refused("", "is empty");
        refused("text,label\n", "has no rows");
        refused("body,label\nx,a\n", "has no column text; it has body, label");
        refused("text,label\nx,a\n  ,a\n", "line 3: text is empty");
        refused("text,label\nx,\n", "line 2: label is empty");
        refused("text,label\nx,a\ny\n", "is not a CSV table");
        refused("text,label\nx,a b\ny,A  b\n", "differ only by case or blanks");
    }

    #[test]
    fn rows_are_written_and_read_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("rows.csv");
        let rows = [row(1, "a, \"b\"\nc", "x"), row(2, "d", "y")];
        write(&path, &rows).expect("room");
        assert_eq!(labelled(&path, "text", "label").expect("rows"), rows);
    }

    #[test]
    fn rows_can_be_chosen_by_a_column() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("rows.csv");
        std::fs::write(&path, "text,label,kind\nx,a,0\ny,b,1\n").expect("a file");
        let only = |value: &str| {
            let only = Where {
                column: "kind".to_owned(),
                value: value.to_owned(),
            };
            labelled_where(&path, "text", "label", Some(&only))
        };
        assert_eq!(
            only("1").expect("rows"),
            [row(2, "y", "b")],
            "it is the second row of the file"
        );
        assert!(
            only("2")
                .expect_err("none")
                .to_string()
                .contains("no row has kind \"2\"")
        );
    }

    #[test]
    fn labels_the_head_does_not_know_are_counted_or_refused() {
        let known = ["a".to_owned(), "b".to_owned()];
        assert_eq!(
            unknown_labels(&[row(1, "x", "a"), row(2, "y", "c")], &known).expect("one"),
            1
        );
        assert!(unknown_labels(&[row(1, "x", "c")], &known).is_err());
        assert!(unknown_labels(&[row(1, "x", "a"), row(2, "y", "B")], &known).is_err());
    }

    #[test]
    fn texts_the_head_has_learnt_are_dropped_and_counted() {
        let learnt = [row(1, "Where is my order?", "a")];
        let (rows, leaks) = drop_leaks(
            vec![row(1, "where is  my ORDER ?", "a"), row(2, "refund", "b")],
            &learnt,
        );
        assert_eq!(leaks, 1);
        assert_eq!(rows, [row(2, "refund", "b")], "what is left keeps its number");
    }
}
