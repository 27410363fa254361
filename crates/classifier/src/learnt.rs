//! Which texts a head has learnt, so that nobody takes what it says of them for a test.

use sha2::{Digest, Sha256};

use crate::words::same_text;

/// Hashes of the texts a head was fitted on; those that cross-validation held out are among them, since the last fit sees
/// every row.
///
/// **Persisted** as the tensor `learnt` of `head.safetensors`: the first eight bytes, little-endian, of the SHA-256 of
/// [`same_text`], ascending. Heads written before it was kept have none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Learnt {
    hashes: Vec<u64>,
}

impl Learnt {
    /// What a head that was fitted on these texts has learnt.
    #[must_use]
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hashes: Vec<u64> = texts.into_iter().map(hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        Self { hashes }
    }

    /// Hashes as they were written; none where they do not ascend.
    pub(crate) fn from_hashes(hashes: Vec<u64>) -> Option<Self> {
        hashes.is_sorted_by(|a, b| a < b).then_some(Self { hashes })
    }

    pub(crate) fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// Whether a text with the same words in the same order is among them.
    #[must_use]
    pub fn has(&self, text: &str) -> bool {
        self.hashes.binary_search(&hash(text)).is_ok()
    }

    /// Whether nothing is known of what was learnt.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }
}

fn hash(text: &str) -> u64 {
    let digest = Sha256::digest(same_text(text));
    // A SHA-256 has 32 bytes.
    digest.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_known_again_by_its_words() {
        let learnt = Learnt::of(["Paid twice!", "😀", "paid  TWICE!"]);
        assert_eq!(learnt.hashes().len(), 2, "copies are one text");
        assert!(learnt.has(" paid twice! ") && learnt.has("😀 "));
        assert!(!learnt.has("paid once!") && !learnt.has("") && !learnt.has("😃"));
        assert!(Learnt::default().is_empty() && !Learnt::default().has("paid twice!"));
    }

    #[test]
    fn the_hash_never_changes_because_it_is_on_disk() {
        // The first eight bytes of the SHA-256 of "abc", from the standard.
        assert_eq!(
            hash(" ABC"),
            u64::from_le_bytes([0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea])
        );
    }
}
