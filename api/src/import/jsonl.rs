//! JSON Lines: one object a line.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::{Map, Value};

use crate::http::BadField;
use crate::import::row::{Columns, Fields, Rejected, Row};
use crate::import::{ImportError, Rows, unreadable};

/// The rows of a JSON Lines file; blank lines are passed over.
///
/// **Errors:** the file cannot be opened.
pub fn rows(path: &Path, columns: &Columns) -> Result<Rows, ImportError> {
    let file = BufReader::new(File::open(path).map_err(unreadable(path))?);
    let (columns, path) = (columns.clone(), path.to_owned());
    let is_blank = |line: &[u8]| line.iter().all(u8::is_ascii_whitespace);
    let mut is_over = false;
    let read = file.split(b'\n').enumerate().map_while(move |(at, line)| {
        // A reader that failed would fail for ever.
        let line = (!is_over).then(|| line.map_err(unreadable(&path)))?;
        is_over = line.is_err();
        Some((at as u64 + 1, line))
    });
    let read = read.filter(move |(_, line)| !line.as_ref().is_ok_and(|line| is_blank(line)));
    Ok(Box::new(
        read.map(move |(line, raw)| raw.map(|raw| row(line, &raw, &columns))),
    ))
}

fn row(line: u64, raw: &[u8], columns: &Columns) -> Result<Row, Rejected> {
    let bad = |field: &str, code, message: String| Rejected::unreadable(line, BadField::new(field, code, message), raw);
    let object: Map<String, Value> = serde_json::from_slice(raw).map_err(|error| {
        bad(
            "(row)",
            "not_json",
            format!("is not a JSON object (column {})", error.column()),
        )
    })?;
    let known: Vec<&str> = object.keys().map(String::as_str).collect();
    if let Some(missing) = columns.missing(&known) {
        return Err(bad(missing, "missing", "must be given".to_owned()));
    }
    let mut fields = Fields::new();
    for (name, value) in object {
        match value {
            Value::String(text) => fields.insert(name, text),
            Value::Number(number) => fields.insert(name, number.to_string()),
            Value::Bool(flag) => fields.insert(name, flag.to_string()),
            Value::Null => None,
            Value::Array(_) | Value::Object(_) => fields.insert(name, value.to_string()),
        };
    }
    columns.ticket(line, fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_said_once_and_ends_the_file() {
        let columns = Columns {
            subject: None,
            body: None,
            external_id: None,
            created_at: None,
            source: "test".into(),
        };
        let folder = tempfile::tempdir().expect("a folder");
        let read: Vec<_> = rows(folder.path(), &columns)
            .expect("it can be opened")
            .take(3)
            .collect();
        assert!(matches!(read.as_slice(), [Err(ImportError::Read { .. })]));
    }

    #[test]
    fn lines_are_read_one_by_one() {
        let columns = Columns {
            subject: None,
            body: Some("text".into()),
            external_id: None,
            created_at: None,
            source: "test".into(),
        };
        let good = row(1, br#"{"id": 7, "text": "hello"}"#, &columns).expect("a ticket");
        assert_eq!(good.ticket.fields().external_id.as_deref(), Some("7"));
        let said = |raw: &[u8]| row(2, raw, &columns).expect_err("bad").reasons[0].field.clone();
        assert_eq!(said(b"{\"text\": "), "(row)");
        assert_eq!(said(b"{\"other\": 1}"), "text");
        assert_eq!(said(b"{\"text\": \"a\\u0000\"}"), "body");
    }
}
