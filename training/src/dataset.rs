//! Rows → a data set that can be learnt from, or the reason why not.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use classifier::words::{same_label, same_text};
use desk::text::without_quoted_history;

use crate::data::{DataError, Row};

/// Labels that an error names at most.
const SHOWN: usize = 5;

/// Labelled texts that passed every check, copies dropped.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// The texts.
    pub texts: Vec<String>,
    /// Index into `labels`, one a text.
    pub targets: Vec<usize>,
    /// Labels in alphabetical order.
    pub labels: Vec<String>,
    /// Value of the slice column, one a text; empty where none was asked for.
    pub slices: Vec<String>,
    /// What was dropped.
    pub dropped: Dropped,
}

/// How many rows were left out, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Dropped {
    /// The same words again under the same label.
    pub copies: usize,
    /// The same words again under another label; the first one was kept.
    pub contradictions: usize,
    /// Occurs in the test file too.
    pub in_test: usize,
}

impl Dataset {
    /// Checks the rows and drops copies, and texts that occur in `test` too. Texts are learnt as tickets are judged: without
    /// the mails they quote and without signatures.
    ///
    /// **Errors**: empty text or label, labels that differ only by case or blanks in rows or test, one label only, a
    /// label seen once, a test that has none of the labels.
    pub fn new(rows: Vec<Row>, test: &[Row]) -> Result<Self, DataError> {
        for part in [rows.as_slice(), test] {
            refuse_empty(part, "text", |row| &row.text)?;
            refuse_empty(part, "label", |row| &row.label)?;
        }
        refuse_spellings(rows.iter().chain(test))?;
        let (rows, dropped) = drop_copies(rows, test);
        let labels = labels(&rows, dropped.in_test)?;
        refuse_foreign_test(test, &labels)?;
        let index: HashMap<&str, usize> = labels.iter().map(String::as_str).zip(0..).collect();
        Ok(Self {
            targets: rows.iter().map(|row| index[row.label.trim()]).collect(),
            slices: rows.iter().filter_map(|row| row.slice.clone()).collect(),
            texts: rows.iter().map(|row| without_quoted_history(&row.text)).collect(),
            dropped,
            labels,
        })
    }

    /// The same data set with these rows alone.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            texts: rows.iter().map(|&row| self.texts[row].clone()).collect(),
            targets: rows.iter().map(|&row| self.targets[row]).collect(),
            slices: rows.iter().filter_map(|&row| self.slices.get(row).cloned()).collect(),
            ..self.clone()
        }
    }

    /// Number of texts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

fn refuse_spellings<'a>(rows: impl Iterator<Item = &'a Row>) -> Result<(), DataError> {
    let mut spellings: BTreeMap<String, &str> = BTreeMap::new();
    for row in rows {
        let known = spellings.entry(same_label(&row.label)).or_insert(&row.label);
        if *known != row.label {
            let (first, second) = ((*known).to_owned(), row.label.clone());
            return Err(DataError::SpellingsOfOneLabel { first, second });
        }
    }
    Ok(())
}

/// Some test rows of other labels are counted when the head is checked; where all are, the test is of another kind.
fn refuse_foreign_test(test: &[Row], labels: &[String]) -> Result<(), DataError> {
    let is_known = |row: &Row| labels.iter().any(|label| label == row.label.trim());
    if test.is_empty() || test.iter().any(is_known) {
        return Ok(());
    }
    let found: BTreeSet<&str> = test.iter().map(|row| row.label.trim()).collect();
    let shown: Vec<&str> = found.iter().take(SHOWN).copied().collect();
    let more = if found.len() > shown.len() { ", …" } else { "" };
    Err(DataError::ForeignTest {
        found: shown.join(", ") + more,
    })
}

fn refuse_empty(rows: &[Row], field: &'static str, value: impl Fn(&Row) -> &String) -> Result<(), DataError> {
    let empty: Vec<u64> = rows
        .iter()
        .filter(|row| value(row).trim().is_empty())
        .map(|row| row.line)
        .collect();
    match empty.first() {
        Some(&line) => Err(DataError::Empty {
            field,
            count: empty.len(),
            line,
        }),
        None => Ok(()),
    }
}

fn drop_copies(rows: Vec<Row>, test: &[Row]) -> (Vec<Row>, Dropped) {
    let key_of = |row: &Row| same_text(&without_quoted_history(&row.text));
    let in_test: HashSet<String> = test.iter().map(key_of).collect();
    let mut seen: HashMap<String, String> = HashMap::new();
    let mut dropped = Dropped::default();
    let keep = |row: &Row| {
        let key = key_of(row);
        if in_test.contains(&key) {
            dropped.in_test += 1;
            return false;
        }
        match seen.get(&key) {
            Some(label) if *label == row.label => dropped.copies += 1,
            Some(_) => dropped.contradictions += 1,
            None => {
                seen.insert(key, row.label.clone());
                return true;
            }
        }
        false
    };
    let mut rows = rows;
    rows.retain(keep);
    (rows, dropped)
}

/// The labels in order, or why they cannot be learnt; the test may be among the reasons, by texts that it took.
fn labels(rows: &[Row], in_test: usize) -> Result<Vec<String>, DataError> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    rows.iter()
        .for_each(|row| *counts.entry(row.label.trim()).or_insert(0) += 1);
    if counts.len() < 2 {
        return Err(DataError::TooFewLabels {
            found: counts.keys().next().map(|label| (*label).to_owned()),
            in_test,
        });
    }
    if let Some((label, _)) = counts.iter().find(|(_, count)| **count < 2) {
        return Err(DataError::LabelSeenOnce {
            label: (*label).to_owned(),
            in_test,
        });
    }
    Ok(counts.into_keys().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(pairs: &[(&str, &str)]) -> Vec<Row> {
        let row = |(line, (text, label)): (u64, &(&str, &str))| Row {
            line,
            text: (*text).to_owned(),
            label: (*label).to_owned(),
            slice: None,
        };
        (2..).zip(pairs).map(row).collect()
    }

    fn check(pairs: &[(&str, &str)], expect: &str) {
        let error = Dataset::new(rows(pairs), &[]).expect_err("refused");
        assert_eq!(error.to_string(), expect);
    }

    #[test]
    fn what_cannot_be_learnt_is_refused() {
        check(&[], "at least two labels are needed, found none");
        check(&[("a", "x"), ("b", "x")], "at least two labels are needed, found x");
        check(
            &[("a", "x"), ("b", "x"), ("c", "y")],
            "label \"y\" has only one text (after copies were dropped); at least two are needed",
        );
        check(
            &[("a", "Bill"), ("b", "bill ")],
            "the labels \"Bill\" and \"bill \" differ only by case or blanks",
        );
        check(
            &[("a", "x"), (" ", "y"), ("", "y")],
            "2 rows have an empty text; the first is in line 3",
        );
        check(&[("a", " ")], "1 rows have an empty label; the first is in line 2");
    }

    #[test]
    fn a_test_that_takes_the_data_is_named_as_the_reason() {
        let pairs = [("a", "x"), ("b", "x"), ("c", "y"), ("d", "y")];
        let check = |test: &[(&str, &str)], expect: &str| {
            let error = Dataset::new(rows(&pairs), &rows(test)).expect_err("refused");
            assert_eq!(error.to_string(), expect);
        };
        check(
            &pairs,
            "at least two labels are needed, found none; texts left out because they are in the test: 4",
        );
        check(
            &pairs[3..],
            "label \"y\" has only one text (after copies were dropped); at least two are needed; texts left out because \
             they are in the test: 1",
        );
    }

    #[test]
    fn a_test_must_spell_its_labels_as_the_rows_do_and_know_one_of_them() {
        let learn = || rows(&[("a", "Bill"), ("b", "Bill"), ("c", "Ship"), ("d", "Ship")]);
        let check = |test: &[(&str, &str)], expect: &str| {
            let error = Dataset::new(learn(), &rows(test)).expect_err("refused");
            assert_eq!(error.to_string(), expect);
        };
        check(
            &[("e", "Bill"), ("f", "ship")],
            "the labels \"Ship\" and \"ship\" differ only by case or blanks",
        );
        check(
            &[("e", "refund"), ("f", "other")],
            "no test row has a label that is learnt; they have other, refund",
        );
        check(
            &[("e", "Bill"), ("f", "")],
            "1 rows have an empty label; the first is in line 3",
        );
        assert!(Dataset::new(learn(), &rows(&[("e", "Bill"), ("f", "other")])).is_ok());
    }

    #[test]
    fn what_a_mail_quotes_is_neither_learnt_nor_makes_it_another_text() {
        let quoting = "Paid twice!\n\nOn Monday, Support wrote:\n> The parcel is on its way\n";
        let given = rows(&[
            (quoting, "x"),
            ("paid twice!\n-- \nAna", "x"),
            ("b", "x"),
            ("c\n> leak", "y"),
            ("d", "y"),
            ("leak\n-- \nBen", "y"),
        ]);
        let data = Dataset::new(given, &rows(&[("Leak\n> c", "y")])).expect("sound");
        assert_eq!(data.texts, ["Paid twice!", "b", "c", "d"]);
        assert_eq!((data.dropped.copies, data.dropped.in_test), (1, 1));
    }

    #[test]
    fn copies_are_counted_and_dropped() {
        let given = rows(&[
            ("Paid twice!", "x"),
            ("paid  TWICE!", "x"),
            ("paid twice!", "y"),
            ("leak", "y"),
            ("b", "x"),
            ("c", "y"),
            ("d", "y"),
        ]);
        let data = Dataset::new(given, &rows(&[("Leak", "y")])).expect("sound");
        assert_eq!(data.texts, ["Paid twice!", "b", "c", "d"]);
        assert_eq!(data.targets, [0, 0, 1, 1]);
        assert_eq!(
            data.dropped,
            Dropped {
                copies: 1,
                contradictions: 1,
                in_test: 1
            }
        );
    }
}
