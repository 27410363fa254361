//! Which rows a head is taught and which it is judged on: by hash, by label, by chance with a seed.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{Result, ensure};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use sha2::{Digest, Sha256};

use crate::rows::LabelledText;

/// Splits rows by the hash of their text: (those in the part, to judge on; the others, to teach). A text is always on the
/// same side, whatever else the file holds. **Units:** `part` is of 0 to 1.
pub fn by_hash(rows: Vec<LabelledText>, part: &Range<f64>) -> (Vec<LabelledText>, Vec<LabelledText>) {
    rows.into_iter().partition(|row| part.contains(&unit_hash(&row.text)))
}

/// A number between 0 and 1 that belongs to the text; training sets its test share aside by the same one.
pub(crate) fn unit_hash(text: &str) -> f64 {
    let digest = Sha256::digest(text.as_bytes());
    let first = digest
        .iter()
        .take(4)
        .fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    f64::from(first) / 2f64.powi(32)
}

/// So many rows of each label, drawn with a seed.
///
/// **Errors**: a label with fewer rows.
pub fn per_label(rows: &[LabelledText], count: usize, seed: u64) -> Result<Vec<LabelledText>> {
    let mut of_label: BTreeMap<&str, Vec<&LabelledText>> = BTreeMap::new();
    for row in rows {
        of_label.entry(&row.label).or_default().push(row);
    }
    let mut rng = StdRng::seed_from_u64(seed);
    let mut drawn = Vec::with_capacity(count * of_label.len());
    for (label, mut rows) in of_label {
        ensure!(
            rows.len() >= count,
            "{count} rows of each label are wanted, and {label:?} has {}",
            rows.len()
        );
        rows.shuffle(&mut rng);
        drawn.extend(rows.into_iter().take(count).cloned());
    }
    Ok(drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(n: usize) -> Vec<LabelledText> {
        let row = |at: usize| LabelledText {
            row: at + 1,
            text: format!(
                "text {}",
                char::from_u32('a' as u32 + at as u32 % 26)
                    .map_or(String::new(), |c| c.to_string().repeat(1 + at / 26))
            ),
            label: (at % 3).to_string(),
        };
        (0..n).map(row).collect()
    }

    #[test]
    fn the_hash_splits_by_the_share() {
        let (test, train) = by_hash(rows(500), &(0.0..0.2));
        assert_eq!(test.len() + train.len(), 500);
        assert!((60..140).contains(&test.len()), "{}", test.len());
        // The first four bytes of the standard's sum of "abc": ba7816bf.
        assert_eq!(unit_hash("abc"), f64::from(0xba78_16bf_u32) / 2f64.powi(32));
    }

    #[test]
    fn a_draw_has_so_many_of_each_label_and_is_the_same_for_a_seed() {
        let all = rows(60);
        let drawn = per_label(&all, 5, 1).expect("a draw");
        assert_eq!(drawn.len(), 15);
        assert_eq!(drawn, per_label(&all, 5, 1).expect("a draw"));
        assert_ne!(drawn, per_label(&all, 5, 2).expect("a draw"));
        assert!(per_label(&all, 21, 1).is_err());
    }
}
