//! Which rows a head is taught and which it is judged on: by hash, by label, by chance with a seed.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{Result, ensure};
use classifier::unit_hash;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::rows::LabelledText;

/// Splits rows by the hash of their text: (those in the part, to judge on; the others, to teach). A text is always on the
/// same side, whatever else the file holds; training sets its test share aside by the same hash. **Units:** `part` is of
/// 0 to 1.
pub fn by_hash(rows: Vec<LabelledText>, part: &Range<f64>) -> (Vec<LabelledText>, Vec<LabelledText>) {
    rows.into_iter().partition(|row| part.contains(&unit_hash(&row.text)))
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
