//! Columns of a CSV or JSON Lines file, read as `training` reads them; every error names the file and the line.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use desk::csv_quotes::find_broken;
use serde_json::{Map, Value};

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The line of the file on which it begins, from 1.
    pub line: u64,
    /// The wanted columns, in the order they were asked for.
    pub cells: Vec<String>,
}

/// The wanted columns of a CSV file with a header, or keys of a `.jsonl` or `.ndjson` file.
///
/// **Errors**: unreadable, a broken quote, a column that is not there, no rows.
pub fn read(path: &Path, wanted: &[&str]) -> Result<Vec<Record>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = text.trim_start_matches('\u{feff}');
    let records = match path.extension().and_then(|extension| extension.to_str()) {
        Some("jsonl" | "ndjson") => json_lines(path, text, wanted),
        _ => csv_table(path, text, wanted),
    }?;
    ensure!(!records.is_empty(), "{} has no rows", path.display());
    Ok(records)
}

fn csv_table(path: &Path, text: &str, wanted: &[&str]) -> Result<Vec<Record>> {
    let file = path.display();
    if let Some(line) = find_broken(text.as_bytes()) {
        bail!("{file} line {line}: the quote of a field that begins here is not closed properly");
    }
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader
        .headers()
        .with_context(|| format!("{file} has no header"))?
        .clone();
    let places = places(path, &header, wanted)?;
    let record = |record: csv::Result<csv::StringRecord>| {
        let record = record.with_context(|| format!("{file} is not a CSV table"))?;
        Ok(Record {
            line: record.position().map_or(0, csv::Position::line),
            cells: places.iter().map(|&place| record[place].to_owned()).collect(),
        })
    };
    reader.records().map(record).collect()
}

fn places(path: &Path, header: &csv::StringRecord, wanted: &[&str]) -> Result<Vec<usize>> {
    ensure!(!header.is_empty(), "{} is empty", path.display());
    let at = |name: &&str| {
        header.iter().position(|column| column == *name).with_context(|| {
            let has = header.iter().collect::<Vec<_>>().join(", ");
            format!("{} has no column {name}; it has {has}", path.display())
        })
    };
    wanted.iter().map(at).collect()
}

fn json_lines(path: &Path, text: &str, wanted: &[&str]) -> Result<Vec<Record>> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let record = |(line, text): (u64, &str)| {
        let place = || format!("{} line {line}", path.display());
        let object: Map<String, Value> =
            serde_json::from_str(text).with_context(|| format!("{}: not a JSON object", place()))?;
        let cell = |name: &&str| match object.get(*name) {
            Some(Value::String(value)) => Ok(value.clone()),
            Some(Value::Null) | None => bail!("{}: there is no column {name}", place()),
            Some(value) => Ok(value.to_string()),
        };
        let cells = wanted.iter().map(cell).collect::<Result<_>>()?;
        Ok(Record { line, cells })
    };
    lines.map(record).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, text: &str) -> Result<Vec<Vec<String>>> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        let records = read(&path, &["b", "a"])?;
        Ok(records.into_iter().map(|record| record.cells).collect())
    }

    fn refused(name: &str, text: &str, reason: &str) {
        let error = format!("{:#}", table(name, text).expect_err("refused"));
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn columns_come_in_the_order_asked_for_after_a_mark_and_from_either_kind_of_file() {
        let expect = [["x,\ny", "1"], ["z", "2"]];
        let read = table("t.csv", "\u{feff}a,c,b\n1,,\"x,\ny\"\n2,,z\n").expect("a table");
        assert_eq!(read, expect);
        let lines = "{\"a\":1,\"b\":\"x,\\ny\"}\n\n{\"b\":\"z\",\"a\":\"2\"}\n";
        assert_eq!(table("t.jsonl", lines).expect("lines"), expect);
    }

    #[test]
    fn faults_are_named_with_their_line() {
        refused("t.csv", "", "is empty");
        refused("t.csv", "a,b\n", "has no rows");
        refused("t.csv", "a,c\n1,2\n", "has no column b; it has a, c");
        refused("t.csv", "a,b\n1,2\n3\n", "is not a CSV table");
        refused("t.jsonl", "{\"a\":1,\"b\":2}\n[]\n", "line 2: not a JSON object");
        refused("t.jsonl", "\n{\"a\":1,\"b\":null}\n", "line 2: there is no column b");
        refused("t.jsonl", "\n", "has no rows");
    }

    #[test]
    fn a_broken_quote_swallows_no_rows() {
        let text = "a,b\n1,x\n2,\"never closed\n3,y\n4,z\n";
        refused("t.csv", text, "t.csv line 3: the quote of a field that begins here");
    }
}
