//! CSV or JSON Lines → labelled texts, every fault with its line.

use std::fs;
use std::path::{Path, PathBuf};

use desk::csv_quotes::find_broken;
use serde_json::{Map, Value};

/// Which columns (or keys) of a file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// Columns that make the text, joined by an empty line; empty ones are left out.
    pub text: Vec<String>,
    /// The column with the label.
    pub label: String,
    /// A column by whose values figures are also reported apart, for instance the language.
    pub slice: Option<String>,
}

/// One labelled text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Line of the file, from 1.
    pub line: u64,
    /// The text columns, joined.
    pub text: String,
    /// The label as written.
    pub label: String,
    /// Value of the slice column, where one was asked for.
    pub slice: Option<String>,
}

/// What is wrong with the data; nothing is written then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// Neither `.csv` nor `.jsonl`.
    #[error("{}: the name must end in .csv or .jsonl", .path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A quote that is never closed, or closed in the middle of a field.
    #[error("{} line {line}: a quoted field is not closed properly", .path.display())]
    BrokenQuote {
        /// The file.
        path: PathBuf,
        /// Where the field starts.
        line: u64,
    },
    /// A record the CSV reader refuses.
    #[error("{}: not a CSV table", .path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// The reader's reason, with the line.
        #[source]
        source: csv::Error,
    },
    /// A line that is not a JSON object.
    #[error("{} line {line}: not a JSON object", .path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// The parser's reason.
        #[source]
        source: serde_json::Error,
    },
    /// A column that is not there.
    #[error("{} line {line}: there is no column {column:?}; there are {}", .path.display(), .found.join(", "))]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The line (1, the header, for CSV).
        line: u64,
        /// The column asked for.
        column: String,
        /// The columns there are.
        found: Vec<String>,
    },
    /// Rows without text or without label.
    #[error("{count} rows have an empty {field}; the first is in line {line}")]
    Empty {
        /// `text` or `label`.
        field: &'static str,
        /// How many.
        count: usize,
        /// First of them.
        line: u64,
    },
    /// Two spellings of what must be one label.
    #[error("the labels {first:?} and {second:?} differ only by case or blanks")]
    SpellingsOfOneLabel {
        /// One spelling.
        first: String,
        /// The other.
        second: String,
    },
    /// Nothing to tell apart.
    #[error("at least two labels are needed, found {}{}", .found.as_deref().unwrap_or("none"), because_of_test(.in_test))]
    TooFewLabels {
        /// The only label, if there is one.
        found: Option<String>,
        /// Texts left out because the test has them.
        in_test: usize,
    },
    /// A label with one text cannot be both learnt and checked.
    #[error(
        "label {label:?} has only one text (after copies were dropped); at least two are needed{}",
        because_of_test(.in_test)
    )]
    LabelSeenOnce {
        /// The label.
        label: String,
        /// Texts left out because the test has them.
        in_test: usize,
    },
    /// Near-copies are held out together, and they are all there is.
    #[error(
        "all texts are near-copies of each other, or nearly all: with those held out, fewer than two labels are left to \
         learn"
    )]
    NearCopies,
    /// Nearly all texts have made the encoder what it is, and tell nothing of others.
    #[error(
        "the encoder was itself trained on the texts, or on near-copies of them, but for {unseen} of {texts}; at least \
         {needed} that it has not learnt are needed to tell how far a head over it may be trusted"
    )]
    TooFewUnseen {
        /// Texts that the encoder has not learnt.
        unseen: usize,
        /// All texts.
        texts: usize,
        /// How many are needed.
        needed: usize,
    },
    /// A test whose labels are all others than those to learn.
    #[error("no test row has a label that is learnt; they have {found}")]
    ForeignTest {
        /// The labels of the test, the first few of them.
        found: String,
    },
    /// A vector with NaN or of another length.
    #[error("the vector of row {row} is not {dimensions} finite numbers")]
    BadVector {
        /// Row from 0.
        row: usize,
        /// The length it should have.
        dimensions: usize,
    },
}

fn because_of_test(in_test: &usize) -> String {
    match in_test {
        0 => String::new(),
        texts => format!("; texts left out because they are in the test: {texts}"),
    }
}

/// The rows of a `.csv` or `.jsonl` file.
///
/// **Errors**: see [`DataError`]; the first fault found, with its line.
pub fn read(path: &Path, columns: &Columns) -> Result<Vec<Row>, DataError> {
    let text = fs::read_to_string(path).map_err(|source| DataError::Read {
        path: path.to_owned(),
        source,
    })?;
    let text = text.trim_start_matches('\u{feff}');
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => read_csv(path, text, columns),
        Some("jsonl" | "ndjson") => read_jsonl(path, text, columns),
        _ => Err(DataError::UnknownFormat { path: path.to_owned() }),
    }
}

fn read_csv(path: &Path, text: &str, columns: &Columns) -> Result<Vec<Row>, DataError> {
    if let Some(line) = find_broken(text.as_bytes()) {
        return Err(DataError::BrokenQuote {
            path: path.to_owned(),
            line,
        });
    }
    let fault = |source| DataError::Csv {
        path: path.to_owned(),
        source,
    };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(fault)?.clone();
    let position = |column: &String| {
        header
            .iter()
            .position(|name| name == column)
            .ok_or_else(|| DataError::MissingColumn {
                path: path.to_owned(),
                line: 1,
                column: column.clone(),
                found: header.iter().map(str::to_owned).collect(),
            })
    };
    let texts = columns.text.iter().map(position).collect::<Result<Vec<_>, _>>()?;
    let label = position(&columns.label)?;
    let slice = columns.slice.as_ref().map(position).transpose()?;
    let to_row = |record: csv::StringRecord| Row {
        line: record.position().map_or(0, csv::Position::line),
        text: join(texts.iter().map(|&column| &record[column])),
        label: record[label].to_owned(),
        slice: slice.map(|column| record[column].to_owned()),
    };
    reader
        .records()
        .map(|record| record.map(to_row).map_err(fault))
        .collect()
}

fn read_jsonl(path: &Path, text: &str, columns: &Columns) -> Result<Vec<Row>, DataError> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| read_object(path, number, line, columns))
        .collect()
}

fn read_object(path: &Path, line: u64, text: &str, columns: &Columns) -> Result<Row, DataError> {
    let object: Map<String, Value> = serde_json::from_str(text).map_err(|source| DataError::Json {
        path: path.to_owned(),
        line,
        source,
    })?;
    let field = |column: &String| match object.get(column) {
        Some(Value::String(value)) => Ok(value.clone()),
        Some(Value::Null) | None => Err(DataError::MissingColumn {
            path: path.to_owned(),
            line,
            column: column.clone(),
            found: object.keys().cloned().collect(),
        }),
        Some(value) => Ok(value.to_string()),
    };
    let texts = columns.text.iter().map(field).collect::<Result<Vec<_>, _>>()?;
    Ok(Row {
        line,
        text: join(texts.iter().map(String::as_str)),
        label: field(&columns.label)?,
        slice: columns.slice.as_ref().map(field).transpose()?,
    })
}

fn join<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    parts
        .filter(|part| !part.trim().is_empty())
        .collect::<Vec<_>>()
        .join("\n\n")
}
