//! Files of tickets: read line by line, every fault with its line, nothing stored twice.

mod csv_file;
mod jsonl;
mod row;

use std::path::{Path, PathBuf};

pub use row::{Columns, Fields, Rejected, Row};

/// Why a file cannot be imported at all; nothing was stored then.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The name ends in neither `.csv` nor `.jsonl`.
    #[error("{}: the name must end in .csv or .jsonl", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A quoted field that is not closed properly.
    #[error("{} line {line}: the quote of a field that begins here is not closed properly", path.display())]
    BrokenQuote {
        /// The file.
        path: PathBuf,
        /// Where the field begins, from 1.
        line: u64,
    },
    /// A column that was asked for is not there.
    #[error("{}: there is no column {column}; there are {known}", path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What there is.
        known: String,
    },
    /// The header of a CSV file cannot be read.
    #[error("{}: the first line is no header", path.display())]
    NoHeader {
        /// The file.
        path: PathBuf,
    },
}

/// The rows of a file in their order: those that can be submitted, and those that cannot with the reason.
pub type Rows = Box<dyn Iterator<Item = Result<Read, ImportError>> + Send>;

/// A row as it was read.
pub type Read = Result<Row, Rejected>;

/// The rows of a file.
///
/// **Errors:** see [`ImportError`]; all of them are found before the first row is given out, but for a file that can no
/// longer be read, after which no row comes.
pub fn rows(path: &Path, columns: &Columns) -> Result<Rows, ImportError> {
    match path
        .extension()
        .and_then(|end| end.to_str())
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        Some("csv") => csv_file::rows(path, columns),
        Some("jsonl" | "ndjson") => jsonl::rows(path, columns),
        _ => Err(ImportError::UnknownFormat { path: path.to_owned() }),
    }
}

fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> ImportError + '_ {
    move |source| ImportError::Read {
        path: path.to_owned(),
        source,
    }
}
