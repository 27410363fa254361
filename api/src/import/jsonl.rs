//! JSON Lines: one object a line.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::{Map, Value};

use crate::http::BadField;
use crate::import::row::{Columns, Fields, Rejected, Row};
use crate::import::{ImportError, unreadable};

type Rows = Box<dyn Iterator<Item = Result<Row, Rejected>> + Send>;

/// The rows of a JSON Lines file; blank lines are passed over.
///
/// **Errors:** the file cannot be opened.
pub fn rows(path: &Path, columns: &Columns) -> Result<Rows, ImportError> {
    let file = BufReader::new(File::open(path).map_err(unreadable(path))?);
    let columns = columns.clone();
    let lines = file
        .split(b'\n')
        .enumerate()
        .map(|(at, line)| (at as u64 + 1, line.unwrap_or_default()));
    let lines = lines.filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace));
    Ok(Box::new(lines.map(move |(line, raw)| row(line, &raw, &columns))))
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
