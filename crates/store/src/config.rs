//! What a store needs to know to open.

use std::fmt;
use std::time::Duration;

/// How a store is opened. The defaults suit one server on one machine.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// `sqlite:///path/desk.db` or `postgres://user:password@host/database`.
    pub url: String,
    /// Connections that read (SQLite), or all connections (PostgreSQL).
    pub connections: u32,
    /// How long a call waits for a connection or for another process's lock. **Units:** ms.
    pub wait_ms: u64,
    /// Submissions and decisions that may wait for the writer; more are answered `Busy`.
    pub queue_writes: usize,
    /// Most writes committed together.
    pub group_writes: usize,
    /// Largest size of a SQLite database; none for the disk's. **Units:** bytes.
    pub max_bytes: Option<u64>,
}

impl StoreConfig {
    /// The defaults for a database at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        StoreConfig {
            url: url.into(),
            connections: 4,
            wait_ms: 5_000,
            queue_writes: 8_192,
            group_writes: 512,
            max_bytes: None,
        }
    }

    pub(crate) fn wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms)
    }
}

/// Shows everything but the URL, which may carry a password.
impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.url.split(':').next().unwrap_or_default();
        f.debug_struct("StoreConfig")
            .field("url", &format_args!("{scheme}:…"))
            .field("connections", &self.connections)
            .field("wait_ms", &self.wait_ms)
            .field("queue_writes", &self.queue_writes)
            .field("group_writes", &self.group_writes)
            .field("max_bytes", &self.max_bytes)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let config = StoreConfig::new("postgres://desk:hunter2@db/desk");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
