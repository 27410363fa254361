//! Small values the desk remembers about itself.

use crate::database::{Database, commit};
use crate::error::{StoreError, failed};
use crate::idempotency::hex;
use crate::row::Columns;
use crate::sql::Sql;
use crate::store::Store;

/// Name of the key that cursors are sealed with.
const CURSOR_KEY: &str = "cursor_key";

const SELECT: &str = "SELECT value FROM settings WHERE name = $1";

impl Store {
    /// The value of a setting; none when it was never set.
    ///
    /// **Errors:** the database's.
    pub async fn get_setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let mut reader = self.database().reader().await?;
        let row = Sql::new(SELECT, [name.into()]).optional(&mut reader).await;
        let row = row.map_err(failed("read a setting"))?;
        row.map(|row| Columns::of(&row).text("setting")).transpose()
    }

    /// Sets a setting.
    ///
    /// **Errors:** the database's.
    pub async fn set_setting(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let text = "INSERT INTO settings (name, value) VALUES ($1, $2) \
                    ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        let mut transaction = self.database().begin().await?;
        let set = Sql::new(text, [name.into(), value.into()])
            .execute(&mut transaction)
            .await;
        set.map_err(failed("store a setting"))?;
        commit(transaction).await
    }
}

/// The key that seals cursors, made by whichever process comes first. Reads before
/// it writes, so that a database that may only be read opens too.
pub(crate) async fn cursor_key(database: &Database) -> Result<String, StoreError> {
    let mut reader = database.reader().await?;
    let row = Sql::new(SELECT, [CURSOR_KEY.into()]).optional(&mut reader).await;
    if let Some(row) = row.map_err(failed("read the cursor key"))? {
        return Columns::of(&row).text("cursor key");
    }
    drop(reader);
    make_cursor_key(database).await
}

async fn make_cursor_key(database: &Database) -> Result<String, StoreError> {
    let new = hex(&rand::random::<[u8; 32]>());
    let mut transaction = database.begin().await?;
    let text = "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    let made = Sql::new(text, [CURSOR_KEY.into(), new.into()])
        .execute(&mut transaction)
        .await;
    made.map_err(failed("store the cursor key"))?;
    let row = Sql::new(SELECT, [CURSOR_KEY.into()]).optional(&mut transaction).await;
    let row = row.map_err(failed("read the cursor key"))?;
    commit(transaction).await?;
    let row = row.ok_or_else(|| StoreError::corrupt("cursor key", "is missing"))?;
    Columns::of(&row).text("cursor key")
}
