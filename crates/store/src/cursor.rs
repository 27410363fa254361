//! Opaque cursors: a position in one list, sealed so that no other list takes it.

use crate::idempotency::{hex, sha256_hex};

/// Length of the seal. **Units:** hexadecimal characters.
const SEAL_CHARS: usize = 32;

/// The cursor for `position` in `list` (its name and its filters).
pub(crate) fn seal(key: &str, list: &str, position: &str) -> String {
    sealed(key, list, position) + &hex(position.as_bytes())
}

/// The position in a cursor; none when it is of another list or was changed.
pub(crate) fn open(key: &str, list: &str, cursor: &str) -> Option<String> {
    let (seal, position) = cursor.split_at_checked(SEAL_CHARS)?;
    let position = String::from_utf8(unhex(position)?).ok()?;
    (sealed(key, list, &position) == seal).then_some(position)
}

/// The key on both sides, so that a seal cannot be continued to a longer text.
fn sealed(key: &str, list: &str, position: &str) -> String {
    let length = (list.len() as u64).to_le_bytes();
    let parts = [
        key.as_bytes(),
        &length,
        list.as_bytes(),
        position.as_bytes(),
        key.as_bytes(),
    ];
    let mut seal = sha256_hex(&parts);
    seal.truncate(SEAL_CHARS);
    seal
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| match *pair {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_only_its_own_list() {
        let cursor = seal("key", "tickets state=open", "17");
        assert_eq!(open("key", "tickets state=open", &cursor).as_deref(), Some("17"));
        assert_eq!(open("key", "tickets", &cursor), None);
        assert_eq!(open("other", "tickets state=open", &cursor), None);
    }

    #[test]
    fn a_changed_cursor_does_not_open() {
        let cursor = seal("key", "list", "17");
        for at in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(open("key", "list", &changed), None, "{changed}");
        }
        for foreign in ["", "x", "ñññññññññññññññññññ", &cursor[..33], "eyJpZCI6MX0="] {
            assert_eq!(open("key", "list", foreign), None, "{foreign}");
        }
    }
}
