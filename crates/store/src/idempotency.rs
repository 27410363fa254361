//! Keys by which a caller may send the same request twice.

use desk::{FieldCode, FieldError};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::StoreError;

/// Longest key. **Units:** ASCII characters.
const MAX_KEY_CHARS: usize = 255;

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
