//! Which rows are set aside before anything is learnt: a test share by the hash of the text, a few rows a label.

use std::collections::BTreeMap;

use classifier::unit_hash;
pub use classifier::words::same_text;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::data::Row;
use crate::dataset::Dataset;

/// Rows to learn from and rows to test on: the same text goes the same way in every file and on every machine.
#[must_use]
pub fn by_hash(rows: Vec<Row>, test_share: f64) -> (Vec<Row>, Vec<Row>) {
    rows.into_iter().partition(|row| unit_hash(&row.text) >= test_share)
}

/// As [`by_hash()`], by the hash of the text's words: copies that differ by case or blanks go the same way too.
#[must_use]
pub fn by_words(rows: Vec<Row>, test_share: f64) -> (Vec<Row>, Vec<Row>) {
    rows.into_iter().partition(|row| !is_test(&row.text, test_share))
}

/// Whether [`by_words()`] puts a text among the rows to test on.
#[must_use]
pub fn is_test(text: &str, test_share: f64) -> bool {
    unit_hash(&same_text(text)) < test_share
}

/// At most so many rows of each label, drawn by the seed.
#[must_use]
pub fn per_label(data: &Dataset, count: usize, seed: u64) -> Dataset {
    let mut rows: Vec<usize> = (0..data.len()).collect();
    rows.shuffle(&mut StdRng::seed_from_u64(seed));
    let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
    rows.retain(|&row| {
        let taken = taken.entry(data.targets[row]).or_insert(0);
        *taken += 1;
        *taken <= count
    });
    rows.sort_unstable();
    data.select(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: usize) -> Vec<Row> {
        let row = |line: usize| Row {
            line: line as u64,
            text: format!("text {}", "x".repeat(line)),
            label: if line.is_multiple_of(3) { "a" } else { "b" }.to_owned(),
            slice: None,
        };
        (1..=count).map(row).collect()
    }

    #[test]
    fn the_hash_alone_decides_which_texts_are_the_test() {
        let (learn, test) = by_hash(rows(1_000), 0.2);
        assert_eq!(learn.len() + test.len(), 1_000);
        assert!((150..250).contains(&test.len()), "{}", test.len());
        let again = by_hash(rows(500), 0.2).1;
        assert!(
            test.iter().zip(&again).all(|(a, b)| a == b),
            "other rows change nothing"
        );
    }

    #[test]
    fn copies_that_differ_by_case_or_blanks_go_the_same_way() {
        let copy = |row: &Row| Row {
            text: format!(" {} ", row.text.to_uppercase()),
            ..row.clone()
        };
        let given = rows(300);
        let both = given.iter().cloned().chain(given.iter().map(copy)).collect();
        let (learn, test) = by_words(both, 0.2);
        let learnt: Vec<String> = learn.iter().map(|row| same_text(&row.text)).collect();
        assert!(!test.is_empty());
        assert!(test.iter().all(|row| !learnt.contains(&same_text(&row.text))));
    }

    #[test]
    fn a_few_rows_of_each_label_are_drawn_by_the_seed() {
        let data = Dataset::new(rows(60), &[]).expect("sound");
        let drawn = per_label(&data, 5, 1);
        assert_eq!(drawn.len(), 10);
        assert_eq!(drawn.targets.iter().filter(|&&target| target == 0).count(), 5);
        assert_eq!(drawn, per_label(&data, 5, 1));
        assert_ne!(drawn, per_label(&data, 5, 2));
    }
}
