//! A number that belongs to a text, the same on every machine: what rows are parted by.

use sha2::{Digest, Sha256};

/// Where the SHA-256 of a text lies, by its first four bytes. **Units**: share of the hash's range, in `0..1`.
#[must_use]
pub fn unit_hash(text: &str) -> f64 {
    let digest = Sha256::digest(text.as_bytes());
    // A SHA-256 has 32 bytes.
    let first = digest.first_chunk().map_or(0, |first| u32::from_be_bytes(*first));
    f64::from(first) / 2f64.powi(32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_share_of_its_range() {
        // The first four bytes of the standard's sum of "abc": ba7816bf.
        assert_eq!(unit_hash("abc"), f64::from(0xba78_16bf_u32) / 2f64.powi(32));
    }
}
