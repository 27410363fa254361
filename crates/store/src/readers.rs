//! Connections to read with.
//!
//! The pool asks every connection that comes back whether it is still there. A file always is, and the question takes as
//! long as to read a row, of which a ticket needs few; so those to a file are kept here between two reads.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Connection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The connections to a file, opened when they are first needed.
#[derive(Debug, Clone)]
pub(crate) struct FileReaders(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: AnyPool,
    idle: Mutex<Vec<PoolConnection<Any>>>,
    /// One for each connection the pool may have, so that whoever holds one finds an idle connection or opens one.
    places: Arc<Semaphore>,
    connections: u32,
    wait: Duration,
}

/// A connection to read with, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reader {
    /// Taken out only when this is dropped.
    connection: Option<PoolConnection<Any>>,
    place: Option<Place>,
}

/// Where a connection is kept until it is needed again.
#[derive(Debug)]
struct Place {
    readers: FileReaders,
    _permit: OwnedSemaphorePermit,
}

impl FileReaders {
    /// Over a pool of so many connections that nobody else takes any of; `wait` is how long a read waits for one.
    pub fn new(pool: AnyPool, connections: u32, wait: Duration) -> Self {
        FileReaders(Arc::new(Inner {
            pool,
            idle: Mutex::default(),
            places: Arc::new(Semaphore::new(connections as usize)),
            connections,
            wait,
        }))
    }

    /// **Errors:** the database cannot be opened, or every connection is in use for too long.
    pub async fn reader(&self) -> Result<Reader, sqlx::Error> {
        let place = tokio::time::timeout(self.0.wait, Arc::clone(&self.0.places).acquire_owned());
        let place = place.await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let permit = place.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.0.pool.acquire().await?,
        };
        let place = Place {
            readers: self.clone(),
            _permit: permit,
        };
        Ok(Reader {
            connection: Some(connection),
            place: Some(place),
        })
    }

    /// Closes every connection, once those in use have come back.
    pub async fn close(&self) {
        // Closed meanwhile, there is nobody to wait for.
        let all = self.0.places.acquire_many(self.0.connections).await;
        self.0.places.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            if let Err(error) = connection.detach().close().await {
                tracing::warn!(error = %error, "a connection to the database could not be closed");
            }
        }
        self.0.pool.close().await;
    }

    fn idle(&self) -> MutexGuard<'_, Vec<PoolConnection<Any>>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nothing is left to do for a pool that is gone, nor may there be a runtime to do it in.
impl Drop for Inner {
    fn drop(&mut self) {
        let idle = self.idle.get_mut().unwrap_or_else(PoisonError::into_inner);
        idle.drain(..).for_each(|connection| drop(connection.detach()));
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some((place, connection)) = self.place.as_ref().zip(self.connection.take()) {
            place.readers.idle().push(connection);
        }
    }
}

/// A connection of a pool that looks after it itself.
impl From<PoolConnection<Any>> for Reader {
    fn from(connection: PoolConnection<Any>) -> Self {
        Reader {
            connection: Some(connection),
            place: None,
        }
    }
}

impl Deref for Reader {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        self.connection.as_deref().expect("it is taken out only when dropped")
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        self.connection
            .as_deref_mut()
            .expect("it is taken out only when dropped")
    }
}

#[cfg(test)]
mod tests {
    use sqlx::any::AnyPoolOptions;

    use super::*;
    use crate::sql::Sql;

    /// Over one connection to a database that is nowhere but in it.
    fn readers() -> FileReaders {
        sqlx::any::install_default_drivers();
        let pool = AnyPoolOptions::new().max_connections(1).connect_lazy("sqlite::memory:");
        FileReaders::new(pool.expect("an address"), 1, Duration::from_millis(50))
    }

    async fn run(readers: &FileReaders, sql: &str) -> Result<u64, sqlx::Error> {
        let mut reader = readers.reader().await?;
        Sql::new(sql, []).execute(&mut reader).await
    }

    #[tokio::test]
    async fn a_connection_that_came_back_is_used_again() {
        let readers = readers();
        run(&readers, "CREATE TABLE kept (a INTEGER)").await.expect("executed");
        run(&readers, "SELECT a FROM kept").await.expect("the same connection");
    }

    #[tokio::test]
    async fn who_comes_when_all_are_in_use_waits_and_then_hears_so() {
        let readers = readers();
        let held = readers.reader().await.expect("free");
        assert!(matches!(readers.reader().await, Err(sqlx::Error::PoolTimedOut)));
        let (waited, ()) = tokio::join!(readers.reader(), async { drop(held) });
        waited.expect("given back");
    }

    #[tokio::test]
    async fn nobody_reads_when_they_are_closed() {
        let readers = readers();
        run(&readers, "SELECT 1").await.expect("executed");
        readers.close().await;
        assert!(matches!(readers.reader().await, Err(sqlx::Error::PoolClosed)));
    }
}
