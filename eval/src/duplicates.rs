//! Duplicates among tickets: `tickets.jsonl` and `duplicates.tsv`, asked of the same search as everything else.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::parsing::Parsed;

use crate::beir::{Beir, Document, Judgements};
use crate::rows::{json_lines, lines};

const EXPORTED: &[BorrowedFormatItem<'_>] =
    format_description!("[day]/[month repr:short]/[year repr:last_two] [hour]:[minute]");

/// A ticket of the set.
#[derive(Debug, Clone, Deserialize)]
pub struct Ticket {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: String,
    /// Its subject line.
    #[serde(default)]
    pub subject: String,
    /// What was written.
    #[serde(default)]
    pub body: String,
    /// Its language.
    #[serde(default)]
    pub language: Option<String>,
    /// When it was written, as trackers export it (`30/Sep/21 17:20`).
    #[serde(default, deserialize_with = "exported")]
    pub created_at: Option<PrimitiveDateTime>,
}

/// Tickets, and which of them are known to be the same matter.
#[derive(Debug, Clone)]
pub struct Pairs {
    /// All tickets.
    pub tickets: Vec<Ticket>,
    /// Id of a ticket and of its duplicate.
    pub duplicates: Vec<(String, String)>,
}

/// The files a set is read from.
pub fn files(folder: &Path) -> [PathBuf; 2] {
    ["tickets.jsonl", "duplicates.tsv"].map(|name| folder.join(name))
}

/// Reads a set.
///
/// **Errors**: a file that is missing, empty or broken, a pair of a ticket with itself or with one that is not there.
pub fn read(folder: &Path) -> Result<Pairs> {
    let [tickets, duplicates] = files(folder);
    let pairs = Pairs {
        duplicates: pairs(&duplicates)?,
        tickets: json_lines(&tickets)?,
    };
    ensure!(!pairs.tickets.is_empty(), "{} is empty", tickets.display());
    ensure!(!pairs.duplicates.is_empty(), "{} has no pairs", duplicates.display());
    check(&pairs).with_context(|| duplicates.display().to_string())?;
    Ok(pairs)
}

fn exported<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PrimitiveDateTime>, D::Error> {
    let written = Option::<String>::deserialize(deserializer)?;
    written.map(|text| moment(&text).map_err(D::Error::custom)).transpose()
}

/// A moment of this century, of which an export writes the last two digits.
fn moment(text: &str) -> Result<PrimitiveDateTime> {
    let mut parsed = Parsed::new();
    let rest = parsed.parse_items(text.as_bytes(), EXPORTED)?;
    ensure!(rest.is_empty(), "{text:?} is not a date and a time");
    let year = parsed.year_last_two().context("no year")?;
    parsed.set_year(2000 + i32::from(year)).context("no year")?;
    Ok(parsed.try_into()?)
}

fn pairs(path: &Path) -> Result<Vec<(String, String)>> {
    let pair = |(number, line): (usize, String)| match line.split('\t').collect::<Vec<_>>()[..] {
        [ticket, duplicate] => Ok((ticket.trim().to_owned(), duplicate.trim().to_owned())),
        _ => bail!("{}, line {number}: not two ids", path.display()),
    };
    lines(path)?.into_iter().skip(1).map(pair).collect()
}

fn check(pairs: &Pairs) -> Result<()> {
    let mut known = HashSet::new();
    for ticket in &pairs.tickets {
        ensure!(known.insert(ticket.id.as_str()), "ticket {:?} occurs twice", ticket.id);
    }
    for (ticket, duplicate) in &pairs.duplicates {
        ensure!(ticket != duplicate, "ticket {ticket:?} is paired with itself");
        for id in [ticket, duplicate] {
            ensure!(known.contains(id.as_str()), "ticket {id:?} is not in tickets.jsonl");
        }
    }
    Ok(())
}

impl Pairs {
    /// As a retrieval set: every ticket with a duplicate asks for it among all others.
    pub fn into_retrieval(self) -> Beir {
        let mut judgements = Judgements::new();
        for (ticket, duplicate) in self.duplicates {
            judgements.entry(ticket).or_default().insert(duplicate, 1.0);
        }
        let corpus: Vec<Document> = self.tickets.into_iter().map(Document::from).collect();
        Beir {
            queries: corpus
                .iter()
                .filter(|ticket| judgements.contains_key(&ticket.id))
                .cloned()
                .collect(),
            corpus,
            judgements,
        }
    }
}

impl From<Ticket> for Document {
    fn from(ticket: Ticket) -> Self {
        Document {
            id: ticket.id,
            title: ticket.subject,
            text: ticket.body,
            language: ticket.language,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(duplicates: &str) -> Result<Pairs> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [tickets, pairs] = files(folder.path());
        let lines = ["1", "2", "3"].map(|id| format!("{{\"_id\":\"{id}\",\"subject\":\"s\",\"body\":\"b\"}}\n"));
        std::fs::write(tickets, lines.concat()).expect("a file");
        std::fs::write(pairs, format!("ticket-id\tduplicate-id\n{duplicates}")).expect("a file");
        read(folder.path())
    }

    #[test]
    fn a_ticket_with_two_duplicates_asks_once_for_both() {
        let set = set("1\t2\n1\t3\n2\t3\n").expect("a set").into_retrieval();
        assert_eq!((set.corpus.len(), set.queries.len()), (3, 2));
        assert_eq!(set.judgements["1"].len(), 2);
    }

    #[test]
    fn an_exported_moment_is_read() {
        let read = moment("30/Sep/21 17:20").expect("a moment");
        assert_eq!(read, time::macros::datetime!(2021-09-30 17:20));
        assert!(moment("30/Sep/21").is_err() && moment("2021-09-30 17:20").is_err());
    }

    #[test]
    fn faults_are_named() {
        for (pairs, reason) in [
            ("", "has no pairs"),
            ("1\n", "line 2: not two ids"),
            ("1\t1\n", "paired with itself"),
            ("1\t9\n", "\"9\" is not in tickets.jsonl"),
        ] {
            let error = format!("{:#}", set(pairs).expect_err("refused"));
            assert!(error.contains(reason), "{error}");
        }
    }
}
