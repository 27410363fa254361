//! Two runs on the same rows: which is better, and whether that is chance.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::agreement::Indexed;
use crate::bootstrap::{Figure, mean, stratified};
use crate::metrics::Kind;
use crate::prediction::Prediction;
use crate::retrieval::Ranking;

/// Differences as likely as this under chance are taken for chance.
const SIGNIFICANCE: f64 = 0.05;

/// What two runs differ by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// What was measured.
    pub kind: Kind,
    /// Rows, or queries, in both runs.
    pub rows: usize,
    /// Rows in one of them alone, which play no part.
    pub rows_in_one: usize,
    /// The figure that decides.
    pub decided_by: &'static str,
    /// Which is better.
    pub better: Better,
    /// Rows right in one run alone.
    pub mcnemar: McNemar,
    /// B less A, by figure.
    #[serde(flatten)]
    pub differences: BTreeMap<&'static str, Difference>,
}

/// Which run is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// The first.
    A,
    /// The second.
    B,
    /// The difference may be chance.
    Chance,
}

/// A figure of both runs and the paired difference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// Of the first run.
    pub a: f64,
    /// Of the second.
    pub b: f64,
    /// B less A, with the interval of the paired bootstrap.
    #[serde(flatten)]
    pub difference: Figure,
}

/// McNemar's exact test.
///
/// **Source**: McNemar, Note on the sampling error of the difference between correlated proportions, 1947; exact
/// two-sided form of Dietterich, Approximate Statistical Tests, 1998, 3.1 (binomial instead of chi-square).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct McNemar {
    /// Rows right in A alone.
    pub right_in_a_alone: usize,
    /// Rows right in B alone.
    pub right_in_b_alone: usize,
    /// How likely so uneven a split is if both are equally good.
    pub p: f64,
}

impl McNemar {
    /// Of pairs (right in A, right in B).
    fn new(pairs: &[(bool, bool)]) -> Self {
        let a = pairs.iter().filter(|(a, b)| *a && !*b).count();
        let b = pairs.iter().filter(|(a, b)| *b && !*a).count();
        McNemar::of(a, b)
    }

    /// Of rows right in A alone and in B alone.
    #[must_use]
    pub fn of(a: usize, b: usize) -> Self {
        McNemar {
            right_in_a_alone: a,
            right_in_b_alone: b,
            p: (2.0 * binomial_tail(a + b, a.min(b))).min(1.0),
        }
    }
}

/// Probability of at most `k` heads in `n` throws of a coin.
fn binomial_tail(n: usize, k: usize) -> f64 {
    // In logarithms, because 2^-n is zero for a few thousand rows.
    let mut log_term = -(n as f64) * std::f64::consts::LN_2;
    let mut tail = log_term.exp();
    for heads in 1..=k {
        log_term += ((n - heads + 1) as f64 / heads as f64).ln();
        tail += log_term.exp();
    }
    tail
}

/// Compares two heads on the rows both have judged.
///
/// **Errors**: no row, or another right label of a row.
pub fn heads(a: &[Prediction], b: &[Prediction]) -> Result<Comparison> {
    let (pairs, rows_in_one) = paired(a, b, |p| (p.text.clone(), p.row))?;
    for (a, b) in &pairs {
        ensure!(
            a.label == b.label,
            "row {} is {:?} in one run and {:?} in the other: these are not the same data",
            a.row,
            a.label,
            b.label
        );
    }
    let (a, b): (Vec<Prediction>, Vec<Prediction>) = pairs.into_iter().map(|(a, b)| (a.clone(), b.clone())).unzip();
    let over = |figure: &dyn Fn(&Prediction) -> f64| difference(&a, &b, figure);
    let accuracy = over(&|p| f64::from(u8::from(p.is_right())));
    let differences = [
        ("accuracy", accuracy),
        ("macro_f1", macro_f1(&Indexed::new(&a), &Indexed::new(&b))),
        ("brier", over(&|p| f64::from(p.brier))),
        (
            "coverage_at_target_precision",
            over(&|p| f64::from(u8::from(p.decided))),
        ),
    ];
    let right: Vec<(bool, bool)> = a.iter().zip(&b).map(|(a, b)| (a.is_right(), b.is_right())).collect();
    let mcnemar = McNemar::new(&right);
    let is_chance = mcnemar.p > SIGNIFICANCE;
    Ok(Comparison {
        kind: Kind::Classify,
        rows: a.len(),
        rows_in_one,
        decided_by: "accuracy",
        better: if is_chance { Better::Chance } else { better(accuracy) },
        mcnemar,
        differences: differences.into(),
    })
}

/// Compares two searches on the queries both were asked.
///
/// **Errors**: no query, or one that asks or looks for something else in the other run.
pub fn searches(kind: Kind, a: &[Ranking], b: &[Ranking]) -> Result<Comparison> {
    let (pairs, rows_in_one) = paired(a, b, |ranking| ranking.query.clone())?;
    for (a, b) in &pairs {
        // Sets that are translations of each other share their ids.
        let differs = if a.text != b.text {
            "asks something else"
        } else {
            "is answered by other documents"
        };
        ensure!(
            a.text == b.text && a.judged == b.judged,
            "query {} {differs} in one run than in the other: these are not the same data",
            a.query
        );
    }
    let (a, b): (Vec<Ranking>, Vec<Ranking>) = pairs.into_iter().map(|(a, b)| (a.clone(), b.clone())).unzip();
    let over = |figure: &dyn Fn(&Ranking) -> f64| difference(&a, &b, figure);
    let ndcg = over(&Ranking::ndcg_at_10);
    let differences = [
        ("ndcg_at_10", ndcg),
        ("mrr_at_10", over(&|r| r.reciprocal_rank(10))),
        ("recall_at_10", over(&|r| r.recall(10))),
        ("precision_at_1", over(&|r| r.reciprocal_rank(1))),
    ];
    let first = |ranking: &Ranking| ranking.reciprocal_rank(1) > 0.0;
    let hits: Vec<(bool, bool)> = a.iter().zip(&b).map(|(a, b)| (first(a), first(b))).collect();
    Ok(Comparison {
        kind,
        rows: a.len(),
        rows_in_one,
        decided_by: "ndcg_at_10",
        better: better(ndcg),
        mcnemar: McNemar::new(&hits),
        differences: differences.into(),
    })
}

/// What is in both, in the order of the first, and how much is in one alone.
fn paired<'a, T, K: std::hash::Hash + Eq>(
    a: &'a [T],
    b: &'a [T],
    key: impl Fn(&T) -> K,
) -> Result<(Vec<(&'a T, &'a T)>, usize)> {
    let by_key: HashMap<K, &T> = b.iter().map(|row| (key(row), row)).collect();
    let pairs: Vec<(&T, &T)> = a
        .iter()
        .filter_map(|row| Some((row, *by_key.get(&key(row))?)))
        .collect();
    ensure!(
        !pairs.is_empty(),
        "the two runs have no row in common: these are not the same data"
    );
    let in_one = a.len() + b.len() - 2 * pairs.len();
    Ok((pairs, in_one))
}

fn difference<T>(a: &[T], b: &[T], figure: &dyn Fn(&T) -> f64) -> Difference {
    let (a, b): (Vec<f64>, Vec<f64>) = (a.iter().map(figure).collect(), b.iter().map(figure).collect());
    let differences: Vec<f64> = a.iter().zip(&b).map(|(a, b)| b - a).collect();
    let plain = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    Difference {
        a: plain(&a),
        b: plain(&b),
        difference: mean(&differences),
    }
}

fn macro_f1(a: &Indexed, b: &Indexed) -> Difference {
    let all: Vec<usize> = (0..a.truth.len()).collect();
    Difference {
        a: a.macro_f1_of(&all),
        b: b.macro_f1_of(&all),
        difference: stratified(&a.truth, |rows| b.macro_f1_of(rows) - a.macro_f1_of(rows)),
    }
}

/// Better where the whole interval of the difference is on one side of zero.
fn better(difference: Difference) -> Better {
    let Figure { low, high, .. } = difference.difference;
    if low > 0.0 {
        Better::B
    } else if high < 0.0 {
        Better::A
    } else {
        Better::Chance
    }
}

impl Comparison {
    /// The differences as a Markdown table, and what they mean.
    pub fn to_markdown(&self) -> String {
        let mut lines = vec![
            format!("| {} rows in both | A | B | B less A | 95 % interval |", self.rows),
            "|---|---|---|---|---|".to_owned(),
        ];
        for (name, Difference { a, b, difference }) in &self.differences {
            let Figure { value, low, high } = difference;
            lines.push(format!(
                "| {name} | {a:.4} | {b:.4} | {value:+.4} | {low:+.4} to {high:+.4} |"
            ));
        }
        lines.push(String::new());
        lines.push(self.verdict());
        lines.join("\n")
    }

    /// Which is better, in a sentence.
    pub fn verdict(&self) -> String {
        let McNemar {
            right_in_a_alone,
            right_in_b_alone,
            p,
        } = self.mcnemar;
        let split = format!(
            "{right_in_a_alone} rows are right in A alone and {right_in_b_alone} in B alone (McNemar p = {p:.3})"
        );
        match self.better {
            Better::A => format!("A is better by {}: {split}.", self.decided_by),
            Better::B => format!("B is better by {}: {split}.", self.decided_by),
            Better::Chance => format!("The difference may be chance: {split}."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(rights: &[bool]) -> Vec<Prediction> {
        let row = |(at, right): (usize, &bool)| Prediction {
            row: at + 1,
            text: at.to_string(),
            label: "a".to_owned(),
            predicted: if *right { "a" } else { "b" }.to_owned(),
            ..Prediction::default()
        };
        rights.iter().enumerate().map(row).collect()
    }

    #[test]
    fn the_exact_test_has_its_textbook_values() {
        // 1 against 9: 2 (C(10,0) + C(10,1)) / 2^10.
        let pairs = [vec![(true, false); 1], vec![(false, true); 9], vec![(true, true); 50]].concat();
        let test = McNemar::new(&pairs);
        assert_eq!((test.right_in_a_alone, test.right_in_b_alone), (1, 9));
        assert!((test.p - 22.0 / 1024.0).abs() < 1e-12);
        assert_eq!(McNemar::new(&[(true, true)]).p, 1.0);
        let even = McNemar::new(&[vec![(true, false); 3000], vec![(false, true); 3000]].concat());
        assert!(even.p > 0.99 && even.p.is_finite());
    }

    #[test]
    fn a_clear_lead_is_no_chance_and_a_narrow_one_is() {
        let base: Vec<bool> = (0..200).map(|row| row % 2 == 0).collect();
        let lead: Vec<bool> = (0..200).map(|row| row % 2 == 0 || row % 5 == 0).collect();
        let narrow: Vec<bool> = (0..200).map(|row| row % 2 == 0 || row == 1).collect();
        let compare = |b: &[bool]| heads(&said(&base), &said(b)).expect("a comparison");
        let clear = compare(&lead);
        assert_eq!(clear.better, Better::B);
        assert!((clear.differences["accuracy"].difference.value - 0.1).abs() < 1e-12);
        assert_eq!(compare(&narrow).better, Better::Chance);
        assert_eq!(
            heads(&said(&lead), &said(&base)).expect("a comparison").better,
            Better::A
        );
        assert_eq!(compare(&base).better, Better::Chance);
    }

    #[test]
    fn other_data_are_refused_and_other_rows_counted() {
        let (a, mut b) = (said(&[true, false]), said(&[true]));
        assert_eq!(heads(&a, &b).expect("one row").rows_in_one, 1);
        b[0].label = "c".to_owned();
        assert!(
            heads(&a, &b)
                .expect_err("another label")
                .to_string()
                .contains("not the same data")
        );
        b[0].text = "other".to_owned();
        assert!(heads(&a, &b).is_err());
    }

    fn asked(text: &str, relevant: &str) -> Ranking {
        Ranking {
            query: "q".to_owned(),
            text: text.to_owned(),
            documents: vec!["d".to_owned()],
            scores: vec![1.0],
            cosines: vec![None],
            gains: vec![f64::from(u8::from(relevant == "d"))],
            judged: [(relevant.to_owned(), 1.0)].into(),
        }
    }

    #[test]
    fn searches_of_other_texts_or_judgements_are_refused() {
        let a = [asked("who won?", "d")];
        let compare = |b: Ranking| searches(Kind::Retrieval, &a, &[b]);
        assert_eq!(compare(a[0].clone()).expect("the same").rows, 1);
        for (b, reason) in [
            (asked("¿quién ganó?", "d"), "asks something else"),
            (asked("who won?", "e"), "other documents"),
        ] {
            let error = compare(b).expect_err("other data").to_string();
            assert!(error.contains(reason) && error.contains("not the same data"), "{error}");
        }
    }
}
