//! Labelled rows, read as they are; every error names the file and the line.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use classifier::words::{same_label, same_text};
use desk::text::without_quoted_history;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::table::{self, Record};

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

/// Which columns hold what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// Those that make the text, joined by an empty line; empty ones are left out.
    pub text: Vec<String>,
    /// The one with the label.
    pub label: String,
}

impl Default for Columns {
    fn default() -> Self {
        Columns {
            text: vec!["text".to_owned()],
            label: "label".to_owned(),
        }
    }
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

/// Rows of a CSV or JSON Lines file, those that pass a condition where there is one; a row without text or label is refused.
///
/// **Errors**: those of reading a table, no row that passes, an empty field, two spellings of one label.
pub fn labelled(path: &Path, columns: &Columns, only: Option<&Where>) -> Result<Vec<LabelledText>> {
    let texts = columns.text.len();
    let label = std::slice::from_ref(&columns.label);
    let condition = only.map(|only| &only.column);
    let wanted = columns.text.iter().chain(label).chain(condition);
    let wanted: Vec<&str> = wanted.map(String::as_str).collect();
    let mut rows = Vec::new();
    for (number, record) in (1..).zip(table::read(path, &wanted)?) {
        let text = text(path, &record, &columns.text)?;
        let value = &record.cells[texts];
        refuse_blank(path, &record, label, value)?;
        if only.is_none_or(|only| record.cells[texts + 1] == only.value) {
            rows.push(LabelledText {
                row: number,
                text,
                label: value.clone(),
            });
        }
    }
    if let (true, Some(only)) = (rows.is_empty(), only) {
        bail!("{}: no row has {} {:?}", path.display(), only.column, only.value);
    }
    check_spelling(&rows).with_context(|| path.display().to_string())?;
    rows.iter_mut().for_each(|row| row.label = row.label.trim().to_owned());
    Ok(rows)
}

/// The texts of a CSV or JSON Lines file.
///
/// **Errors**: those of reading a table, an empty text.
pub fn texts(path: &Path, columns: &[String]) -> Result<Vec<String>> {
    let wanted: Vec<&str> = columns.iter().map(String::as_str).collect();
    let records = table::read(path, &wanted)?;
    records.iter().map(|record| text(path, record, columns)).collect()
}

/// The text columns of a record, which come first, joined as `training` joins them.
fn text(path: &Path, record: &Record, columns: &[String]) -> Result<String> {
    let parts = record.cells[..columns.len()].iter().map(String::as_str);
    let text = parts
        .filter(|part| !part.trim().is_empty())
        .collect::<Vec<_>>()
        .join("\n\n");
    refuse_blank(path, record, columns, &text)?;
    Ok(text)
}

fn refuse_blank(path: &Path, record: &Record, columns: &[String], value: &str) -> Result<()> {
    let are_empty = if columns.len() > 1 { "are empty" } else { "is empty" };
    ensure!(
        !value.trim().is_empty(),
        "{} line {}: {} {are_empty}",
        path.display(),
        record.line,
        columns.join(" and ")
    );
    Ok(())
}

/// Refuses labels that differ only by case or blanks.
fn check_spelling(rows: &[LabelledText]) -> Result<()> {
    let labels: BTreeSet<&str> = rows.iter().map(|row| row.label.as_str()).collect();
    refuse_spellings(labels.into_iter())
}

fn refuse_spellings<'a>(labels: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    for label in labels {
        let first = *known.entry(same_label(label)).or_insert(label);
        ensure!(
            first == label,
            "the labels {first:?} and {label:?} differ only by case or blanks"
        );
    }
    Ok(())
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

/// Refuses rows that a head cannot be judged on.
///
/// **Errors**: it knows none of the labels, or knows one in another spelling.
pub fn check_labels(rows: &[LabelledText], known: &[String]) -> Result<()> {
    let labels: BTreeSet<&str> = rows.iter().map(|row| row.label.as_str()).collect();
    let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
    ensure!(
        labels.iter().any(|label| known.contains(label)),
        "the head knows none of the labels: it knows {}, the data have {}",
        few(&known),
        few(&labels)
    );
    refuse_spellings(labels.union(&known).copied()).context("the data's labels and the head's")
}

/// Number of rows whose label a head does not know; it gets those wrong.
pub fn unknown_labels(rows: &[LabelledText], known: &[String]) -> usize {
    rows.iter().filter(|row| !known.contains(&row.label)).count()
}

fn few(labels: &BTreeSet<&str>) -> String {
    let shown: Vec<&str> = labels.iter().take(5).copied().collect();
    let more = if labels.len() > shown.len() { ", …" } else { "" };
    shown.join(", ") + more
}

/// Drops the rows whose text is, to a head, among the texts it has learnt from; says how many.
pub fn drop_leaks(rows: Vec<LabelledText>, learnt: &[LabelledText]) -> (Vec<LabelledText>, usize) {
    let learnt: HashSet<String> = learnt.iter().map(|row| known_as(&row.text)).collect();
    let before = rows.len();
    let rows: Vec<LabelledText> = rows
        .into_iter()
        .filter(|row| !learnt.contains(&known_as(&row.text)))
        .collect();
    let dropped = before - rows.len();
    (rows, dropped)
}

/// Drops the rows of labels that have a single text, of which no head can be taught; says how many. Of copies the first
/// counts, as it does when a head is taught.
pub fn drop_lonely(mut rows: Vec<LabelledText>) -> (Vec<LabelledText>, usize) {
    let mut owners: HashMap<String, &str> = HashMap::new();
    for row in &rows {
        owners.entry(known_as(&row.text)).or_insert(&row.label);
    }
    let mut texts: HashMap<&str, usize> = HashMap::new();
    owners.values().for_each(|label| *texts.entry(*label).or_default() += 1);
    let enough: HashSet<String> = texts
        .into_iter()
        .filter(|(_, texts)| *texts > 1)
        .map(|(label, _)| label.to_owned())
        .collect();
    let before = rows.len();
    rows.retain(|row| enough.contains(&row.label));
    let dropped = before - rows.len();
    (rows, dropped)
}

/// Equal for texts that are one and the same to a head, as triage has it read them: without quoted mails.
pub fn known_as(text: &str) -> String {
    same_text(&without_quoted_history(text))
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

    fn read_from(name: &str, text: &str, columns: &Columns) -> Result<Vec<LabelledText>> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        labelled(&path, columns, None)
    }

    fn read(text: &str) -> Result<Vec<LabelledText>> {
        read_from("rows.csv", text, &Columns::default())
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
    fn rows_are_read_with_trimmed_labels() {
        let rows = read("label,id,text\na ,1,\"x,\ny\"\n").expect("rows");
        assert_eq!(rows, [row(1, "x,\ny", "a")]);
    }

    #[test]
    fn a_text_of_several_columns_is_joined_as_training_joins_it() {
        let columns = Columns {
            text: vec!["subject".to_owned(), "body".to_owned()],
            label: "category".to_owned(),
        };
        let expect = [row(1, "Hi\n\nthere", "a"), row(2, "alone", "b")];
        let lines = "{\"subject\":\"Hi\",\"body\":\"there\",\"category\":\"a\"}\n\
                     {\"subject\":\" \",\"body\":\"alone\",\"category\":\"b\"}\n";
        assert_eq!(read_from("rows.jsonl", lines, &columns).expect("rows"), expect);
        let table = "category,subject,body\na,Hi,there\nb,,alone\n";
        assert_eq!(read_from("rows.csv", table, &columns).expect("rows"), expect);
        let error = read_from("rows.csv", "category,subject,body\na,,\n", &columns).expect_err("no text");
        assert!(
            error.to_string().contains("line 2: subject and body are empty"),
            "{error}"
        );
    }

    #[test]
    fn what_cannot_be_judged_is_refused_with_its_line() {
        refused("text,label\n", "has no rows");
        refused("text,label\nx,a\n  ,a\n", "line 3: text is empty");
        refused("text,label\nx,\n", "line 2: label is empty");
        refused("text,label\nx,a b\ny,A  b\n", "differ only by case or blanks");
        refused("text,label\nx,a b\ny,ab\n", "differ only by case or blanks");
        refused("text,label\nx,a\ny,a \n", "differ only by case or blanks");
        refused("text,label\nx,a\ny,\"b\nz,c\n", "line 3: the quote of a field");
    }

    #[test]
    fn rows_are_written_and_read_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("rows.csv");
        let rows = [row(1, "a, \"b\"\nc", "x"), row(2, "d", "y")];
        write(&path, &rows).expect("room");
        assert_eq!(labelled(&path, &Columns::default(), None).expect("rows"), rows);
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
            labelled(&path, &Columns::default(), Some(&only))
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
        let check = |labels: [&str; 2]| {
            let rows = [row(1, "x", labels[0]), row(2, "y", labels[1])];
            check_labels(&rows, &known).map(|()| unknown_labels(&rows, &known))
        };
        assert_eq!(check(["a", "c"]).expect("one"), 1);
        assert!(check(["c", "c"]).is_err());
        assert!(check(["a", "B"]).is_err());
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

    #[test]
    fn what_only_quotes_a_learnt_text_is_another_text_and_what_quotes_beside_it_is_the_same() {
        let learnt = [row(1, "Where is my order?", "a")];
        let quoting = "where is my order?\n\nOn Monday, Support wrote:\n> We look into it";
        let other = "Still nothing.\n\n> Where is my order?";
        let (rows, leaks) = drop_leaks(vec![row(1, quoting, "a"), row(2, other, "a")], &learnt);
        assert_eq!((rows, leaks), (vec![row(2, other, "a")], 1));
    }

    #[test]
    fn labels_with_one_text_are_dropped_however_often_it_is_told() {
        let given = vec![
            row(1, "a", "x"),
            row(2, "b", "x"),
            row(3, "server down", "recurring"),
            row(4, "Server  DOWN", "recurring"),
            row(5, "b", "second"),
            row(6, "c", "second"),
        ];
        let (rows, dropped) = drop_lonely(given);
        let kept: Vec<usize> = rows.iter().map(|row| row.row).collect();
        assert_eq!((kept, dropped), (vec![1, 2], 4), "of `second` one text belongs to `x`");
    }
}
