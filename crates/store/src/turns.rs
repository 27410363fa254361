//! Turns that one process has at a time, of all that share a database.
//!
//! A turn is a setting whose value says until when it is taken, and by whom; the setting is free after that.

use std::future::Future;
use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::database::commit;
use crate::error::{StoreError, failed};
use crate::micros;
use crate::sql::{Arg, Sql};
use crate::store::Store;

/// How often within its lease a turn is renewed: a database may be away for most of it.
const RENEWALS: u32 = 3;

/// A turn that this process has; given back by [`Turn::hold`], kept by [`Turn::hold_until`], else over at the end of its
/// lease.
pub struct Turn {
    store: Store,
    name: String,
    lease: Duration,
    /// Whoever has the turn, unlike all who had it before.
    holder: Uuid,
}

impl Store {
    /// Takes a turn that one process has at a time, until so long from now; whether it was free. Whoever dies with it
    /// holds nobody up for longer.
    ///
    /// **Errors:** the database's.
    pub async fn take_turn(&self, name: &str, lease: Duration) -> Result<bool, StoreError> {
        Ok(self.begin_turn(name, lease).await?.is_some())
    }

    /// As [`Store::take_turn`], for work that may take longer than the lease; none where somebody else has the turn.
    ///
    /// **Errors:** the database's.
    pub async fn begin_turn(&self, name: &str, lease: Duration) -> Result<Option<Turn>, StoreError> {
        let text = "INSERT INTO settings (name, value) VALUES ($1, $2) \
                    ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE settings.value <= $3";
        let turn = Turn {
            store: self.clone(),
            name: name.to_owned(),
            lease,
            holder: Uuid::new_v4(),
        };
        let now = micros::now();
        let values = vec![name.into(), turn.until(now + lease).into(), sortable(now).into()];
        let is_taken = turn.change("take a turn", text, values).await?;
        Ok(is_taken.then_some(turn))
    }
}

impl Turn {
    /// Has the turn for as long as some work takes and gives it back then; what the work came to. None where the turn is
    /// another's meanwhile, because the database was away for longer than the lease: the work is dropped.
    pub async fn hold<T>(self, work: impl Future<Output = T>) -> Option<T> {
        // Free whatever the clocks of others say.
        self.hold_until(OffsetDateTime::UNIX_EPOCH, work).await
    }

    /// As [`Turn::hold`], but nobody has the turn before `next`, however soon the work is done: it is work for now and then.
    /// Where the work is broken off, the turn is over at the end of its lease.
    pub async fn hold_until<T>(self, next: OffsetDateTime, work: impl Future<Output = T>) -> Option<T> {
        let done = tokio::select! {
            done = work => Some(done),
            () = self.lost() => None,
        };
        if let Err(error) = self.keep_until(next).await {
            tracing::debug!(turn = self.name, error = %error, "a turn is over at the end of its lease");
        }
        done
    }

    /// Renews the turn again and again, until somebody else has it.
    async fn lost(&self) {
        loop {
            tokio::time::sleep(self.lease / RENEWALS).await;
            match self.keep_until(micros::now() + self.lease).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(turn = self.name, error = %error, "a turn could not be renewed"),
            }
        }
    }

    /// Whether it is still ours; nothing happens where it is not.
    async fn keep_until(&self, end: OffsetDateTime) -> Result<bool, StoreError> {
        let text = "UPDATE settings SET value = $1 WHERE name = $2 AND value LIKE $3";
        let values = vec![self.until(end).into(), self.name.as_str().into(), self.ours().into()];
        self.change("keep a turn", text, values).await
    }

    async fn change(&self, act: &'static str, text: &str, values: Vec<Arg>) -> Result<bool, StoreError> {
        let mut transaction = self.store.database().begin().await?;
        let changed = Sql::new(text, values).execute(&mut transaction).await;
        let changed = changed.map_err(failed(act))?;
        commit(transaction).await?;
        Ok(changed == 1)
    }

    fn until(&self, end: OffsetDateTime) -> String {
        format!("{} {}", sortable(end), self.holder)
    }

    /// Matches every value that [`Turn::until`] makes.
    fn ours(&self) -> String {
        format!("% {}", self.holder)
    }
}

/// A time as text that sorts as the time does, whatever follows it.
fn sortable(time: OffsetDateTime) -> String {
    format!("{:020}", micros::of(time))
}
