//! Keys by which a caller may send the same request twice.

use desk::{FieldCode, FieldError};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::database::commit;
use crate::error::{StoreError, failed};
use crate::row::Columns;
use crate::sql::{Arg, Sql};
use crate::store::Store;

/// Longest key. **Units:** ASCII characters.
const MAX_KEY_CHARS: usize = 255;
/// Keys forgotten in one transaction: whoever submits meanwhile waits for no more.
const FORGOTTEN_AT_ONCE: i64 = 512;

/// A caller's name for one request, and what the request said.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    pub(crate) token_id: Uuid,
    pub(crate) key: String,
    pub(crate) body_hash: String,
}

impl IdempotencyKey {
    /// The key that `token_id` gave to a request with this body.
    ///
    /// **Errors:** `Invalid` for a key that is empty, too long or not visible ASCII.
    pub fn new(token_id: Uuid, key: &str, body: &[u8]) -> Result<Self, StoreError> {
        let visible = key.bytes().all(|byte| (0x20..0x7F).contains(&byte));
        if key.trim().is_empty() || key.len() > MAX_KEY_CHARS || !visible {
            let message = format!("must be 1 to {MAX_KEY_CHARS} visible ASCII characters");
            let error = FieldError::new("Idempotency-Key", FieldCode::Malformed, message);
            return Err(StoreError::Invalid(vec![error]));
        }
        Ok(IdempotencyKey {
            token_id,
            key: key.to_owned(),
            body_hash: sha256_hex(&[body]),
        })
    }
}

impl Store {
    /// Forgets idempotency keys given before a time, and says how many.
    ///
    /// **Errors:** the database's.
    pub async fn forget_idempotency_keys(&self, before: OffsetDateTime) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        loop {
            let old = self.keys_before(before).await?;
            if old.is_empty() {
                return Ok(forgotten);
            }
            let mut sql = Sql::new("DELETE FROM idempotency_keys WHERE created_at < ", []);
            sql.arg(before).push(" AND key IN ").tuple(old);
            let mut transaction = self.database().begin().await?;
            let deleted = sql.execute(&mut transaction).await;
            forgotten += deleted.map_err(failed("forget idempotency keys"))?;
            commit(transaction).await?;
        }
    }

    /// Some keys given before a time. They are looked for by a reader, for the whole table may have to be read.
    async fn keys_before(&self, before: OffsetDateTime) -> Result<Vec<Arg>, StoreError> {
        let text = "SELECT key FROM idempotency_keys WHERE created_at < $1 LIMIT $2";
        let sql = Sql::new(text, [before.into(), FORGOTTEN_AT_ONCE.into()]);
        let mut reader = self.database().reader().await?;
        let rows = sql
            .all(&mut reader)
            .await
            .map_err(failed("look up old idempotency keys"))?;
        rows.iter()
            .map(|row| Ok(Columns::of(row).text("key")?.into()))
            .collect()
    }
}

/// Lower-case hexadecimal SHA-256 of the parts in order.
pub(crate) fn sha256_hex(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_must_be_visible() {
        let new = |key: &str| IdempotencyKey::new(Uuid::nil(), key, b"{}");
        assert!(new("order-17/a").is_ok() && new(&"x".repeat(255)).is_ok());
        for bad in ["", "  ", "a\nb", "ñ", &"x".repeat(256)] {
            assert!(new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn sums_are_those_of_sha256() {
        assert!(sha256_hex(&[b"a", b"bc"]).starts_with("ba7816bf8f01cfea"));
    }
}
