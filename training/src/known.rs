//! Vectors of texts that were embedded before, so that a head is fitted without embedding them again.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use classifier::Learnt;
use encoder::{Encoder, Side};
use ndarray::Array2;

use crate::fit::Progress;

/// Texts embedded between two reports of progress.
const CHUNK: usize = 64;
/// Length of an encoder's fingerprint. **Units**: bytes.
const FINGERPRINT: usize = 32;
/// Bytes of the length of a vector, which a file begins with.
const HEADER: usize = 4;

/// Vectors by the encoder's fingerprint of their text.
///
/// **Persisted** as the length of a vector (`u32`) and then one record a vector: 32 bytes of fingerprint and the values
/// (`f32`), all little-endian.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KnownVectors {
    by_fingerprint: BTreeMap<String, Vec<f32>>,
    used: HashSet<String>,
    made: usize,
}

impl KnownVectors {
    /// Remembers a vector.
    pub fn insert(&mut self, fingerprint: String, vector: Vec<f32>) {
        self.by_fingerprint.insert(fingerprint, vector);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_fingerprint.len()
    }

    /// How many texts [`KnownVectors::embed`] had to embed so far.
    #[must_use]
    pub fn made(&self) -> usize {
        self.made
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_fingerprint.is_empty()
    }

    /// Adds those of a file.
    ///
    /// **Errors**: it cannot be read, or is cut short; nothing is added then.
    pub fn read(&mut self, path: &Path) -> Result<()> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let read = parse(&bytes).with_context(|| format!("{} holds no vectors", path.display()))?;
        self.by_fingerprint.extend(read);
        Ok(())
    }

    /// Writes all of them to a file.
    ///
    /// **Errors**: the disk's.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let dimensions = self.by_fingerprint.values().next().map_or(0, Vec::len);
        to.write_all(&(dimensions as u32).to_le_bytes())?;
        for (fingerprint, vector) in &self.by_fingerprint {
            if fingerprint.len() == FINGERPRINT && vector.len() == dimensions {
                to.write_all(fingerprint.as_bytes())?;
                let values: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
                to.write_all(&values)?;
            }
        }
        to.flush()
    }

    /// Vectors of texts as the desk's own tickets are embedded: known ones are taken, the others made and remembered.
    ///
    /// **Shape**: `[texts, dimensions]`. **Errors**: the encoder's.
    pub fn embed(
        &mut self,
        encoder: &Encoder,
        texts: &[String],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Array2<f32>> {
        let names: Vec<String> = texts.iter().map(|text| encoder.fingerprint(text)).collect();
        let is_known = |name: &String| {
            let known = self.by_fingerprint.get(name);
            known.is_some_and(|vector| vector.len() == encoder.dimensions())
        };
        let missing: Vec<usize> = (0..texts.len()).filter(|&row| !is_known(&names[row])).collect();
        let report = |done| Progress {
            act: "embed",
            done,
            total: missing.len(),
        };
        for (position, rows) in missing.chunks(CHUNK).enumerate() {
            progress(report(position * CHUNK));
            let chunk: Vec<String> = rows.iter().map(|&row| texts[row].clone()).collect();
            let vectors = encoder
                .embed_blocking(chunk, Side::Passage)
                .context("cannot embed the texts")?;
            for (&row, vector) in rows.iter().zip(vectors) {
                self.insert(names[row].clone(), vector);
            }
        }
        progress(report(missing.len()));
        self.made += missing.len();
        let values = names.iter().filter_map(|name| self.by_fingerprint.get(name));
        let values: Vec<f32> = values.flatten().copied().collect();
        self.used.extend(names);
        Ok(Array2::from_shape_vec((texts.len(), encoder.dimensions()), values)?)
    }

    /// Forgets what was not asked for by [`KnownVectors::embed`].
    pub fn forget_unused(&mut self) {
        self.by_fingerprint.retain(|name, _| self.used.contains(name));
    }
}

/// An encoder, with the vectors of texts that it has embedded before.
pub struct Embedder<'a> {
    /// What embeds the others.
    pub encoder: &'a Encoder,
    /// Texts that it was itself trained on.
    pub learnt: &'a Learnt,
    /// Vectors that need not be made; those that are made are among them afterwards.
    pub known: &'a mut KnownVectors,
}

impl Embedder<'_> {
    /// As [`KnownVectors::embed`].
    ///
    /// **Errors**: the encoder's.
    pub fn embed(&mut self, texts: &[String], progress: &mut dyn FnMut(Progress)) -> Result<Array2<f32>> {
        self.known.embed(self.encoder, texts, progress)
    }
}

fn parse(bytes: &[u8]) -> Result<Vec<(String, Vec<f32>)>> {
    let (header, records) = bytes.split_at_checked(HEADER).context("it is empty")?;
    let dimensions = u32::from_le_bytes(header.try_into()?) as usize;
    let record = FINGERPRINT + dimensions * size_of::<f32>();
    ensure!(records.len().is_multiple_of(record), "it is cut short");
    let read = |record: &[u8]| {
        let (name, values) = record.split_at(FINGERPRINT);
        let values = values.as_chunks::<4>().0.iter();
        let vector = values.map(|value| f32::from_le_bytes(*value)).collect();
        Ok((String::from_utf8(name.to_vec())?, vector))
    };
    records.chunks_exact(record).map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(count: usize) -> KnownVectors {
        let mut known = KnownVectors::default();
        for at in 0..count {
            known.insert(format!("{at:032}"), vec![at as f32, 0.5, f32::MIN_POSITIVE]);
        }
        known
    }

    #[test]
    fn vectors_survive_the_disk_to_the_last_bit() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("vectors");
        for count in [0, 1, 500] {
            let mut bytes = Vec::new();
            known(count).write(&mut bytes).expect("room");
            fs::write(&path, &bytes).expect("room");
            let mut read = KnownVectors::default();
            read.read(&path).expect("whole");
            assert_eq!(read, known(count));
        }
        let bytes = fs::read(&path).expect("readable");
        fs::write(&path, &bytes[..bytes.len() - 1]).expect("room");
        let mut read = KnownVectors::default();
        assert!(read.read(&path).is_err() && read.is_empty(), "cut short");
    }
}
