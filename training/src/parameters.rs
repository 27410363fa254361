//! A model that is a table of parameters alone → `models/<name>/`.

use std::path::Path;

use anyhow::{Context, Result};
use manifest::{Kind, MANIFEST_FILE, Manifest, hexadecimal};
use sha2::{Digest, Sha256};

use crate::place::{self, CARD_FILE, REVISION_DIGITS, name_of, put};

/// Writes the folder of such a model: the manifest with its table, and the card. Other files of the folder stay.
///
/// **Errors**: `out` without a usable name or not writable, a kind that has more than a table.
pub fn write(kind: Kind, table: &toml::Table, card: &str, out: &Path) -> Result<()> {
    let mut manifest = Manifest {
        name: name_of(out)?.to_owned(),
        revision: revision(table),
        kind,
        files: Vec::new(),
        sources: Vec::new(),
        encoder: None,
        head: None,
        fusion: None,
        duplicates: None,
        answerability: None,
    };
    let slot = match kind {
        Kind::Fusion => &mut manifest.fusion,
        Kind::Duplicates => &mut manifest.duplicates,
        Kind::Answerability => &mut manifest.answerability,
        Kind::Encoder | Kind::Head => anyhow::bail!("a model of the kind {kind:?} is more than a table"),
    };
    *slot = Some(table.clone());
    let text = toml::to_string(&manifest).context("cannot write the manifest")?;
    let folder = place::beside(out)?;
    put(folder.path(), CARD_FILE, card.as_bytes())?;
    put(folder.path(), MANIFEST_FILE, text.as_bytes())?;
    place::move_there(&folder, out)
}

/// Names parameters by their digest.
#[must_use]
pub fn revision(table: &toml::Table) -> String {
    hexadecimal(&Sha256::digest(table.to_string()))[..REVISION_DIGITS].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_table_and_the_rest_of_the_folder_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("demo");
        std::fs::create_dir(&out).expect("made");
        std::fs::write(out.join("notes.txt"), "dear").expect("written");
        let table = toml::Table::from_iter([("bias".to_owned(), toml::Value::from(0.5))]);
        for kind in [Kind::Fusion, Kind::Duplicates, Kind::Answerability] {
            write(kind, &table, "# demo\n", &out).expect("written");
            let read = manifest::Model::open(&out).expect("opens").manifest;
            let tables = [&read.fusion, &read.duplicates, &read.answerability];
            assert_eq!(tables.into_iter().flatten().collect::<Vec<_>>(), [&table]);
            assert_eq!((read.kind, read.revision), (kind, revision(&table)));
        }
        assert!(out.join("notes.txt").exists());
        assert!(write(Kind::Head, &table, "", &out).is_err());
    }
}
