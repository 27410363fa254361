//! The pools over one database, and the few things in which the two dialects differ.

use std::str::FromStr;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::Migrator;
use sqlx::{Any, AnyConnection, AnyPool, Connection, Transaction};

use crate::config::StoreConfig;
use crate::error::{StoreError, failed};
use crate::readers::{FileReaders, Reader};
use crate::sql::Sql;

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// Which SQL is spoken. Every difference between the two is a method here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    fn of(url: &str) -> Result<Self, StoreError> {
        match url.split(':').next() {
            Some("sqlite") => Ok(Dialect::Sqlite),
            Some("postgres" | "postgresql") => Ok(Dialect::Postgres),
            _ => Err(StoreError::UnsupportedUrl),
        }
    }

    /// Opens a transaction that will write. SQLite takes its write lock at once:
    /// a lock taken later could fail in the middle.
    fn begin_write(self) -> &'static str {
        match self {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::Postgres => "BEGIN",
        }
    }

    /// Lets several processes claim different rows; SQLite has one writer anyway.
    pub(crate) fn skip_locked(self) -> &'static str {
        match self {
            Dialect::Sqlite => "",
            Dialect::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// The entries of the JSON list in the column `tags`, to look for one among.
    pub(crate) fn tags(self) -> &'static str {
        match self {
            Dialect::Sqlite => "(SELECT value FROM json_each(tags))",
            Dialect::Postgres => "(SELECT json_array_elements_text(tags::json))",
        }
    }

    /// Whether several servers write to one database; the data folder that SQLite lies in is one server's.
    pub(crate) fn is_shared(self) -> bool {
        self == Dialect::Postgres
    }

    fn migrations(self) -> &'static Migrator {
        match self {
            Dialect::Sqlite => &SQLITE_MIGRATIONS,
            Dialect::Postgres => &POSTGRES_MIGRATIONS,
        }
    }
}

/// The pools over one database.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(crate) dialect: Dialect,
    reads: Reads,
    /// One connection on SQLite: writers queue here in order instead of polling a lock.
    writes: AnyPool,
}

#[derive(Debug, Clone)]
enum Reads {
    File(FileReaders),
    Server(AnyPool),
}

impl Database {
    /// Opens the pools and brings the tables up to date.
    pub(crate) async fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let dialect = Dialect::of(&config.url)?;
        let database = match dialect {
            Dialect::Sqlite => open_sqlite(config).await?,
            Dialect::Postgres => open_postgres(config).await?,
        };
        let mut connection = database.writes.acquire().await.map_err(failed("open the database"))?;
        dialect
            .migrations()
            .run(&mut *connection)
            .await
            .map_err(migration_failed)?;
        Ok(database)
    }

    /// A connection to read from.
    pub(crate) async fn reader(&self) -> Result<Reader, StoreError> {
        let reader = match &self.reads {
            Reads::File(readers) => readers.reader().await,
            Reads::Server(pool) => pool.acquire().await.map(Reader::from),
        };
        reader.map_err(failed("get a connection"))
    }

    /// A transaction to write in; rolled back when dropped.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Any>, StoreError> {
        let begin = self.dialect.begin_write();
        self.writes
            .begin_with(begin)
            .await
            .map_err(failed("begin a transaction"))
    }

    pub(crate) async fn close(&self) {
        match &self.reads {
            Reads::File(readers) => readers.close().await,
            Reads::Server(pool) => pool.close().await,
        }
        self.writes.close().await;
    }
}

/// Ends a transaction that wrote; everything in it is durable afterwards.
pub(crate) async fn commit(transaction: Transaction<'static, Any>) -> Result<(), StoreError> {
    transaction.commit().await.map_err(failed("commit"))
}

async fn open_sqlite(config: &StoreConfig) -> Result<Database, StoreError> {
    let writes = sqlite_pool(config, 1, false)?;
    // The first connection makes the file and turns on WAL; readers come after it.
    writes.acquire().await.map_err(failed("open the database"))?;
    let connections = config.connections.max(1);
    let pool = sqlite_pool(config, connections, true)?;
    Ok(Database {
        dialect: Dialect::Sqlite,
        reads: Reads::File(FileReaders::new(pool, connections, config.wait())),
        writes,
    })
}

fn sqlite_pool(config: &StoreConfig, connections: u32, reads: bool) -> Result<AnyPool, StoreError> {
    let separator = if config.url.contains('?') { '&' } else { '?' };
    let mode = if config.url.contains("mode=") { "" } else { "mode=rwc" };
    let url = format!("{}{separator}{mode}", config.url);
    let pragmas = pragmas(config, reads);
    // The file does not go away like a server does, so a connection is not asked whether it is still there.
    let mut options = pool_options(config, connections).test_before_acquire(false);
    if !reads {
        options = options.after_release(|connection, _| Box::pin(is_out_of_transactions(connection)));
    }
    let pool = options
        .after_connect(move |connection, _| {
            let pragmas = pragmas.clone();
            Box::pin(async move { run_pragmas(connection, &pragmas).await })
        })
        .connect_lazy_with(connect_options(&url)?);
    Ok(pool)
}

/// WAL with FULL: what is committed is on the disk, whatever happens to the process or the power. Writes are committed in
/// groups, so that a slow disk makes larger groups rather than fewer tickets.
fn pragmas(config: &StoreConfig, reads: bool) -> Vec<String> {
    let mut pragmas = vec![
        format!("busy_timeout = {}", config.wait_ms),
        "foreign_keys = ON".to_owned(),
        "synchronous = FULL".to_owned(),
        "temp_store = MEMORY".to_owned(),
    ];
    if reads {
        pragmas.push("query_only = ON".to_owned());
        // Candidates of a new ticket lie anywhere among the old. **Units:** KiB, when negative.
        pragmas.push("cache_size = -16384".to_owned());
    } else {
        pragmas.push("journal_mode = WAL".to_owned());
        pragmas.push("journal_size_limit = 67108864".to_owned());
    }
    if let Some(max_bytes) = config.max_bytes {
        pragmas.push("page_size = 4096".to_owned());
        pragmas.push(format!("max_page_count = {}", (max_bytes / 4096).max(1)));
    }
    pragmas
}

async fn run_pragmas(connection: &mut AnyConnection, pragmas: &[String]) -> Result<(), sqlx::Error> {
    for pragma in pragmas {
        Sql::new(&format!("PRAGMA {pragma}"), []).all(connection).await?;
    }
    Ok(())
}

async fn open_postgres(config: &StoreConfig) -> Result<Database, StoreError> {
    let pool = pool_options(config, config.connections.max(2))
        .connect_with(connect_options(&config.url)?)
        .await
        .map_err(failed("connect"))?;
    Ok(Database {
        dialect: Dialect::Postgres,
        reads: Reads::Server(pool.clone()),
        writes: pool,
    })
}

fn pool_options(config: &StoreConfig, connections: u32) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(connections.max(1))
        .acquire_timeout(config.wait())
        .max_lifetime(None)
        .idle_timeout(None)
}

/// Whether a connection may be used again. SQLite rolls back by itself when the disk is full; the driver's own
/// rollback then fails, it goes on counting a transaction, and every later one would be refused.
async fn is_out_of_transactions(connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    // Whatever rollback is under way is done before the ping is answered.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

fn connect_options(url: &str) -> Result<AnyConnectOptions, StoreError> {
    AnyConnectOptions::from_str(url).map_err(failed("read the database URL"))
}

fn migration_failed(error: sqlx::migrate::MigrateError) -> StoreError {
    match error {
        sqlx::migrate::MigrateError::Execute(source) => failed("bring the tables up to date")(source),
        other => StoreError::Migrate {
            source: std::sync::Arc::new(other),
        },
    }
}
