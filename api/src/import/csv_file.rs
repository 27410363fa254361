//! CSV files with a header.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};
use desk::csv_quotes::Quotes;

use crate::http::BadField;
use crate::import::row::{Columns, Fields, Rejected, Row};
use crate::import::{ImportError, Rows, unreadable};

/// The rows of a CSV file.
///
/// **Errors:** a broken quote anywhere in the file, no header, or a column that is not there.
pub fn rows(path: &Path, columns: &Columns) -> Result<Rows, ImportError> {
    let file = || File::open(path).map(BufReader::new).map_err(unreadable(path));
    if let Some(line) = find_broken_quote(file()?).map_err(unreadable(path))? {
        return Err(ImportError::BrokenQuote {
            path: path.to_owned(),
            line,
        });
    }
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(file()?);
    let header = reader
        .headers()
        .map_err(|_| ImportError::NoHeader { path: path.to_owned() })?;
    let names: Vec<String> = header
        .iter()
        .map(|name| name.trim_start_matches('\u{FEFF}').trim().to_owned())
        .collect();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    if let Some(column) = columns.missing(&known) {
        let (column, known) = (column.to_owned(), known.join(", "));
        return Err(ImportError::NoColumn {
            path: path.to_owned(),
            column,
            known,
        });
    }
    let (columns, path) = (columns.clone(), path.to_owned());
    // Rows of any length and any bytes are records, so what fails is the file; the reader ends after that.
    let read = reader.into_byte_records().map(move |record| match record {
        Ok(record) => Ok(row(&record, &names, &columns)),
        Err(error) => Err(unreadable(&path)(error.into())),
    });
    Ok(Box::new(read))
}

/// Line on which a field with a broken quote begins; none where all quotes are whole.
fn find_broken_quote(mut file: impl BufRead) -> io::Result<Option<u64>> {
    let mut quotes = Quotes::default();
    loop {
        let read = file.fill_buf()?;
        if read.is_empty() {
            return Ok(quotes.end());
        }
        if let Some(line) = quotes.read(read) {
            return Ok(Some(line));
        }
        let length = read.len();
        file.consume(length);
    }
}

fn row(record: &ByteRecord, names: &[String], columns: &Columns) -> Result<Row, Rejected> {
    let line = record.position().map_or(0, csv::Position::line);
    let raw = || record.iter().collect::<Vec<_>>().join(&b","[..]);
    if record.len() != names.len() {
        let message = format!("has {} fields, the header has {}", record.len(), names.len());
        return Err(Rejected::unreadable(
            line,
            BadField::new("(row)", "malformed", message),
            &raw(),
        ));
    }
    let mut fields = Fields::new();
    for (name, value) in names.iter().zip(record) {
        let Ok(value) = std::str::from_utf8(value) else {
            let fault = BadField::new(name, "invalid_utf8", "contains bytes that are not UTF-8");
            return Err(Rejected::unreadable(line, fault, &raw()));
        };
        fields.insert(name.clone(), value.to_owned());
    }
    columns.ticket(line, fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Columns {
        Columns {
            subject: None,
            body: None,
            external_id: None,
            created_at: None,
            source: "test".into(),
        }
    }

    fn read(text: &[u8], columns: &Columns) -> Result<Vec<Result<Row, Rejected>>, ImportError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("tickets.csv");
        std::fs::write(&path, text).expect("a file");
        rows(&path, columns)?.collect()
    }

    #[test]
    fn rows_are_tickets_and_bad_ones_have_line_and_reason() {
        let read = read(
            b"id,subject,body\n1,Hi,\"two\nlines\"\n2,, \n3,a,\xff\n4,only two\n",
            &columns(),
        )
        .expect("a file");
        let ticket = read[0].as_ref().expect("a ticket").ticket.fields();
        assert_eq!(
            (ticket.external_id.as_deref(), ticket.body.as_str()),
            (Some("1"), "two\nlines")
        );
        let faults: Vec<_> = read[1..]
            .iter()
            .map(|row| row.as_ref().expect_err("a bad row"))
            .collect();
        let said: Vec<_> = faults
            .iter()
            .map(|f| (f.line, f.reasons[0].field.as_str(), f.reasons[0].code.as_str()))
            .collect();
        assert_eq!(
            said,
            [
                (4, "body", "empty"),
                (5, "body", "invalid_utf8"),
                (6, "(row)", "malformed")
            ]
        );
    }

    #[test]
    fn a_column_that_is_not_there_is_named_with_those_that_are() {
        let asked = Columns {
            body: Some("message".into()),
            ..columns()
        };
        let error = read(b"id,text\n1,x\n", &asked).expect_err("no column").to_string();
        assert!(
            error.ends_with("there is no column message; there are id, text"),
            "{error}"
        );
    }

    #[test]
    fn rows_without_an_id_get_the_same_one_every_time() {
        let ids = || -> Vec<_> {
            let rows = read(b"text\nsame\nsame\n", &columns()).expect("a file");
            rows.into_iter()
                .map(|row| row.expect("a ticket").ticket.fields().external_id.clone())
                .collect()
        };
        assert_eq!(ids(), ids());
        assert_ne!(ids()[0], ids()[1]);
    }
}
