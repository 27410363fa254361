//! Which texts a head or an encoder has learnt, so that nobody takes what it says of them for a test.

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::ClassifierError;
use crate::reading::wrong;
use crate::words::same_text;

/// File with the hashes of the texts that an encoder was itself trained on, inside its folder.
pub const LEARNT_FILE: &str = "learnt.bin";

/// Hashes of the texts a head was fitted on, or an encoder trained on; those that a head's cross-validation held out are
/// among them, since the last fit sees every row.
///
/// **Persisted** as the tensor `learnt` of `head.safetensors` and as [`LEARNT_FILE`] of a fine-tuned encoder: the first eight
/// bytes, little-endian, of the SHA-256 of [`same_text`], ascending. Models written before it was kept have none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Learnt {
    hashes: Vec<u64>,
}

impl Learnt {
    /// What a model that was fitted on these texts has learnt.
    #[must_use]
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hashes: Vec<u64> = texts.into_iter().map(hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        Self { hashes }
    }

    /// What the encoder in a folder was itself trained on, by the file that its manifest names; nothing where it names none,
    /// as that of an encoder that never saw a label does.
    ///
    /// **Errors**: a missing or altered file, hashes that do not ascend.
    pub fn of_encoder(folder: &Path) -> Result<Self, ClassifierError> {
        let model = manifest::Model::open(folder).map_err(|source| ClassifierError::OpenFolder {
            folder: folder.to_owned(),
            source,
        })?;
        if !model.manifest.files.iter().any(|file| file.path == LEARNT_FILE) {
            return Ok(Self::default());
        }
        let path = model.path(LEARNT_FILE);
        let bytes = fs::read(&path).map_err(|source| ClassifierError::ReadFile { path, source })?;
        let hashes = bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
        let unordered = || wrong(LEARNT_FILE, "ascending hashes".to_owned(), "others".to_owned());
        Self::from_hashes(hashes.collect()).ok_or_else(unordered)
    }

    /// The bytes of [`LEARNT_FILE`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect()
    }

    /// What two trainings, one after the other, have learnt together.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut hashes = [self.hashes.as_slice(), &other.hashes].concat();
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
    fn what_an_encoder_has_learnt_lies_in_its_folder() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let put = |name: &str, bytes: &[u8]| fs::write(place.path().join(name), bytes).expect("written");
        let about = "name = 'a'\nrevision = '7'\nkind = 'encoder'\n";
        put("manifest.toml", format!("{about}files = []\n").as_bytes());
        let nothing = Learnt::of_encoder(place.path()).expect("a model");
        assert!(nothing.is_empty(), "it was trained on no labels");
        let learnt = Learnt::of(["late", "lost"]).and(&Learnt::of(["paid twice", "late"]));
        put(LEARNT_FILE, &learnt.to_bytes());
        let sum = manifest::sha256_of(&place.path().join(LEARNT_FILE)).expect("a sum");
        let files = format!("[[files]]\npath = '{LEARNT_FILE}'\nsha256 = '{sum}'\n");
        put("manifest.toml", format!("{about}{files}").as_bytes());
        let read = Learnt::of_encoder(place.path()).expect("a model");
        assert_eq!((&read, read.hashes().len()), (&learnt, 3));
        put(LEARNT_FILE, &[0; 16]);
        assert!(Learnt::of_encoder(place.path()).is_err(), "altered");
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
