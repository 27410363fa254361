//! One row of a file: which columns make a ticket, and why one cannot.

use std::collections::BTreeMap;

use desk::{Channel, NewTicket, ValidTicket};
use serde::Serialize;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::http::BadField;

/// Values of a row by column.
pub type Fields = BTreeMap<String, String>;

/// Which columns make a ticket.
#[derive(Debug, Clone)]
pub struct Columns {
    /// The subject line; taken where it exists.
    pub subject: Option<String>,
    /// What the customer wrote; `body`, else `text`, when left out.
    pub body: Option<String>,
    /// The ticket's id in the system it comes from; `external_id` or `id` when left out, else the line and its content.
    pub external_id: Option<String>,
    /// When it was written (RFC 3339).
    pub created_at: Option<String>,
    /// The namespace of the external ids.
    pub source: String,
}

/// A row that can be submitted.
#[derive(Debug)]
pub struct Row {
    /// Line of the file, from 1.
    pub line: u64,
    /// The ticket.
    pub ticket: ValidTicket,
    /// The row as it was, should the desk still refuse it.
    pub fields: Fields,
}

/// A row that cannot be submitted. **Persisted** in the file of rejected lines.
#[derive(Debug, Clone, Serialize)]
pub struct Rejected {
    /// Line of the file, from 1.
    pub line: u64,
    /// Every reason.
    pub reasons: Vec<BadField>,
    /// The row as it was; the raw line where it could not be read.
    pub row: serde_json::Value,
}

impl Columns {
    /// Columns that were asked for by name and are not among `known`.
    pub fn missing<'a>(&'a self, known: &[&str]) -> Option<&'a str> {
        let asked = [&self.subject, &self.body, &self.external_id, &self.created_at];
        asked
            .into_iter()
            .flatten()
            .map(String::as_str)
            .find(|column| !known.contains(column))
    }

    /// The ticket of a row.
    ///
    /// **Errors:** every bad field with its reason.
    pub fn ticket(&self, line: u64, fields: Fields) -> Result<Row, Rejected> {
        match self.new_ticket(line, &fields) {
            Ok(ticket) => match ticket.validate() {
                Ok(ticket) => Ok(Row { line, ticket, fields }),
                Err(errors) => Err(Rejected::of(
                    line,
                    errors.into_iter().map(BadField::from).collect(),
                    &fields,
                )),
            },
            Err(reason) => Err(Rejected::of(line, vec![reason], &fields)),
        }
    }

    fn new_ticket(&self, line: u64, fields: &Fields) -> Result<NewTicket, BadField> {
        let body = value(fields, self.body.as_deref(), &["body", "text"]).unwrap_or_default();
        let subject =
            value(fields, self.subject.as_deref(), &["subject"]).filter(|subject| !desk::field::is_blank(subject));
        let id = value(fields, self.external_id.as_deref(), &["external_id", "id"]).filter(|id| !id.is_empty());
        Ok(NewTicket {
            subject: subject.map(str::to_owned),
            channel: Channel::Import,
            external_id: Some(id.map_or_else(|| derived_id(line, fields), str::to_owned)),
            source: Some(self.source.clone()),
            created_at: created_at(value(fields, self.created_at.as_deref(), &["created_at"]))?,
            ..NewTicket::from_body(body)
        })
    }
}

impl Rejected {
    /// A row that was read and cannot be taken.
    pub fn of(line: u64, reasons: Vec<BadField>, fields: &Fields) -> Self {
        Rejected {
            line,
            reasons,
            row: serde_json::json!(fields),
        }
    }

    /// A line that cannot be read.
    pub fn unreadable(line: u64, reason: BadField, raw: &[u8]) -> Self {
        Rejected {
            line,
            reasons: vec![reason],
            row: String::from_utf8_lossy(raw).into_owned().into(),
        }
    }
}

/// The value of the column that was asked for, else of the first usual one.
fn value<'a>(fields: &'a Fields, asked: Option<&str>, usual: &[&str]) -> Option<&'a str> {
    let column = |name: &str| fields.get(name).map(String::as_str);
    match asked {
        Some(name) => column(name),
        None => usual.iter().find_map(|name| column(name)),
    }
}

/// The same for the same line of the same file, so that a second run stores nothing twice.
fn derived_id(line: u64, fields: &Fields) -> String {
    let mut hash = Sha256::new();
    for (name, value) in fields {
        hash.update(name.as_bytes());
        hash.update([0]);
        hash.update(value.as_bytes());
        hash.update([0]);
    }
    let sum = manifest::hexadecimal(&hash.finalize()[..6]);
    format!("line-{line}-{sum}")
}

fn created_at(given: Option<&str>) -> Result<Option<OffsetDateTime>, BadField> {
    let Some(given) = given.filter(|given| !given.is_empty()) else {
        return Ok(None);
    };
    let parsed = OffsetDateTime::parse(given, &Rfc3339);
    parsed
        .map(Some)
        .map_err(|_| BadField::new("created_at", "malformed", "is not a time such as 2026-01-31T09:00:00Z"))
}
