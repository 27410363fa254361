//! What can go wrong with the store, and whose fault it is.

use std::path::PathBuf;
use std::sync::Arc;

use desk::FieldError;

/// Who must act on an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The caller sent something that cannot be done; nothing was changed.
    Caller,
    /// Too much at once; the same call may work later.
    Busy,
    /// The database or the disk under it fails; an operator must look.
    Dependency,
    /// This code is wrong.
    Bug,
}

/// Why the store could not do something. Cheap to clone: a group of writes shares one failure.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Fields that cannot be stored.
    #[error("{} field(s) cannot be accepted", .0.len())]
    Invalid(Vec<FieldError>),
    /// A reference to a row that does not exist.
    #[error("{field} names nothing that exists: {id}")]
    Unknown {
        /// The field that refers.
        field: &'static str,
        /// The id it names.
        id: String,
    },
    /// A value that must be unique and is used by another row.
    #[error("the {field} is already taken")]
    Taken {
        /// The field, e.g. `name`.
        field: &'static str,
    },
    /// A change made from an older version than the stored one.
    #[error("the change was made from version {expected}, the current one is {current}")]
    Stale {
        /// The version the change was made from.
        expected: i64,
        /// The stored version.
        current: i64,
    },
    /// An idempotency key that came before with another body.
    #[error("the idempotency key was used before with another body")]
    IdempotencyConflict,
    /// A cursor that was not given out for this list, or was changed.
    #[error("the cursor does not belong to this list")]
    ForeignCursor,
    /// More writes wait than the store takes on.
    #[error("too many writes are waiting")]
    QueueFull,
    /// Another process held the database for longer than the store waits.
    #[error("the database was locked while trying to {act}")]
    Locked {
        /// What was tried.
        act: &'static str,
        /// What the database said.
        source: Arc<sqlx::Error>,
    },
    /// The disk, or the space given to the database, is full.
    #[error("no space left while trying to {act}")]
    DiskFull {
        /// What was tried.
        act: &'static str,
        /// What the database said.
        source: Arc<sqlx::Error>,
    },
    /// The database may be read, but not written.
    #[error("the database is read-only, tried to {act}")]
    ReadOnly {
        /// What was tried.
        act: &'static str,
        /// What the database said.
        source: Arc<sqlx::Error>,
    },
    /// The database cannot be reached, or went away.
    #[error("the database could not be reached to {act}")]
    Unreachable {
        /// What was tried.
        act: &'static str,
        /// What the driver said.
        source: Arc<sqlx::Error>,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// A URL of neither SQLite nor PostgreSQL.
    #[error("the database URL must start with sqlite: or postgres:")]
    UnsupportedUrl,
    /// The tables could not be brought up to date.
    #[error("could not bring the tables up to date")]
    Migrate {
        /// What the migration said.
        source: Arc<sqlx::migrate::MigrateError>,
    },
    /// The data folder cannot be written.
    #[error("could not write to the data folder {}", path.display())]
    FolderNotWritable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
    /// Another process uses the data folder.
    #[error("the data folder {} is in use by another process ({holder})", path.display())]
    FolderInUse {
        /// The folder.
        path: PathBuf,
        /// Who holds it, as far as known.
        holder: String,
    },
    /// A row that cannot be read back as what it should be.
    #[error("a stored {what} cannot be read: {detail}")]
    Corrupt {
        /// The column.
        what: &'static str,
        /// What is wrong with it, without its content.
        detail: String,
    },
    /// A query the database refused for a reason that is ours.
    #[error("could not {act}")]
    Query {
        /// What was tried.
        act: &'static str,
        /// What the database said.
        source: Arc<sqlx::Error>,
    },
}

impl StoreError {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            StoreError::Invalid(_)
            | StoreError::Unknown { .. }
            | StoreError::Taken { .. }
            | StoreError::Stale { .. }
            | StoreError::IdempotencyConflict
            | StoreError::ForeignCursor => Fault::Caller,
            StoreError::QueueFull | StoreError::Locked { .. } => Fault::Busy,
            StoreError::DiskFull { .. }
            | StoreError::ReadOnly { .. }
            | StoreError::Unreachable { .. }
            | StoreError::Closed
            | StoreError::UnsupportedUrl
            | StoreError::Migrate { .. }
            | StoreError::FolderNotWritable { .. }
            | StoreError::FolderInUse { .. } => Fault::Dependency,
            StoreError::Corrupt { .. } | StoreError::Query { .. } => Fault::Bug,
        }
    }

    /// The change of a row that was of `version` when it was read, and no longer is when it is written.
    pub(crate) fn overtaken(version: i64) -> Self {
        // Only PostgreSQL comes here: another process changed the row in between.
        StoreError::Stale {
            expected: version,
            current: version + 1,
        }
    }

    pub(crate) fn corrupt(what: &'static str, detail: impl std::fmt::Display) -> Self {
        StoreError::Corrupt {
            what,
            detail: detail.to_string(),
        }
    }
}

/// Turns a driver's error into one of ours; `act` completes "could not …".
pub(crate) fn failed(act: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| classified(act, error)
}

fn classified(act: &'static str, error: sqlx::Error) -> StoreError {
    let condition = condition(&error);
    let source = Arc::new(error);
    match condition {
        Condition::Locked => StoreError::Locked { act, source },
        Condition::Full => StoreError::DiskFull { act, source },
        Condition::ReadOnly => StoreError::ReadOnly { act, source },
        Condition::Unreachable => StoreError::Unreachable { act, source },
        Condition::Closed => StoreError::Closed,
        Condition::Refused => StoreError::Query { act, source },
    }
}

enum Condition {
    Locked,
    Full,
    ReadOnly,
    Unreachable,
    Closed,
    Refused,
}

fn condition(error: &sqlx::Error) -> Condition {
    match error {
        sqlx::Error::PoolClosed => Condition::Closed,
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => {
            Condition::Unreachable
        }
        sqlx::Error::Database(database) => match database.code().as_deref() {
            Some(code) if code.len() == 5 => postgres_condition(code),
            Some(code) => sqlite_condition(code.parse().unwrap_or(0)),
            None => Condition::Refused,
        },
        _ => Condition::Refused,
    }
}

/// By class of SQLSTATE. **Source:** PostgreSQL documentation, appendix A.
fn postgres_condition(code: &str) -> Condition {
    match code {
        "53100" => Condition::Full,
        "25006" => Condition::ReadOnly,
        "40001" | "40P01" | "55P03" => Condition::Locked,
        _ if ["08", "28", "3D", "53", "57", "58"].contains(&&code[..2]) => Condition::Unreachable,
        _ => Condition::Refused,
    }
}

/// By primary result code, the low byte. **Source:** <https://sqlite.org/rescode.html>.
fn sqlite_condition(code: i32) -> Condition {
    match code & 0xFF {
        5 | 6 => Condition::Locked,
        8 => Condition::ReadOnly,
        13 => Condition::Full,
        10 | 11 | 14 | 26 => Condition::Unreachable,
        _ => Condition::Refused,
    }
}

/// Whether a write failed because a unique value is taken.
pub(crate) fn is_unique_violation(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|database| database.is_unique_violation())
}
