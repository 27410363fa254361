//! Two runs on the same rows, counted: how often each is right, how far apart they are, and what that shows.

use serde::Serialize;

use crate::bootstrap::Figure;
use crate::compare::McNemar;
use crate::prediction::Prediction;
use crate::share::wilson;

/// Rows by which of two runs was right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Paired {
    /// Both were.
    pub both: u64,
    /// A alone.
    pub a_alone: u64,
    /// B alone.
    pub b_alone: u64,
    /// Neither.
    pub neither: u64,
}

/// What counts show of B beside A.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// B is better: the whole interval of the difference is above zero.
    Better,
    /// B is shown not to be worse by more than the margin.
    NotWorse,
    /// B is worse: the whole interval is below zero.
    Worse,
    /// Too few rows, or too close, to tell.
    Unclear,
}

impl Paired {
    /// Of two runs over the same rows in the same order.
    pub fn of(a: &[Prediction], b: &[Prediction]) -> Self {
        Self::by(a, b, Prediction::is_right)
    }

    /// The same of anything else that holds of a prediction or does not.
    pub fn by(a: &[Prediction], b: &[Prediction], holds: impl Fn(&Prediction) -> bool) -> Self {
        let mut counts = Paired::default();
        for (a, b) in a.iter().zip(b) {
            *match (holds(a), holds(b)) {
                (true, true) => &mut counts.both,
                (true, false) => &mut counts.a_alone,
                (false, true) => &mut counts.b_alone,
                (false, false) => &mut counts.neither,
            } += 1;
        }
        counts
    }

    /// Rows in all.
    pub fn rows(&self) -> u64 {
        self.both + self.a_alone + self.b_alone + self.neither
    }

    /// How often A is right; none without rows.
    pub fn accuracy_a(&self) -> Option<Figure> {
        wilson(self.both + self.a_alone, self.rows())
    }

    /// How often B is right; none without rows.
    pub fn accuracy_b(&self) -> Option<Figure> {
        wilson(self.both + self.b_alone, self.rows())
    }

    /// Accuracy of B less that of A, with its 95 % interval; none without rows.
    ///
    /// Unlike the bootstrap it stays wide where few rows differ, so that few rows show little.
    ///
    /// **Source**: Newcombe, Improved confidence intervals for the difference between binomial proportions based on
    /// paired data, Statistics in Medicine 17, 1998, method 10.
    pub fn difference(&self) -> Option<Figure> {
        let (a, b) = (self.accuracy_a()?, self.accuracy_b()?);
        let twice = 2.0 * self.correlation();
        let reach = |below: f64, above: f64| (below * below - twice * below * above + above * above).max(0.0).sqrt();
        let value = b.value - a.value;
        Some(Figure {
            value,
            low: value - reach(b.value - b.low, a.high - a.value),
            high: value + reach(b.high - b.value, a.value - a.low),
        })
    }

    /// What the counts show, where B may be worse by `margin` at most.
    ///
    /// **Source**: the interval form of the test of non-inferiority: Piaggio et al., Reporting of Noninferiority and
    /// Equivalence Randomized Trials, JAMA 308, 2012.
    pub fn standing(&self, margin: f64) -> Standing {
        match self.difference() {
            Some(found) if found.low > 0.0 => Standing::Better,
            Some(found) if found.high < 0.0 => Standing::Worse,
            Some(found) if found.low > -margin => Standing::NotWorse,
            _ => Standing::Unclear,
        }
    }

    /// McNemar's test of whether the two are equally good.
    pub fn mcnemar(&self) -> McNemar {
        McNemar::of(self.a_alone as usize, self.b_alone as usize)
    }

    /// How the two go together, with the continuity correction of the source; 0 where one is always right or never.
    fn correlation(&self) -> f64 {
        let [both, a, b, neither] = [self.both, self.a_alone, self.b_alone, self.neither].map(|rows| rows as f64);
        let margins = (both + a) * (b + neither) * (both + b) * (a + neither);
        if margins == 0.0 {
            return 0.0;
        }
        let together = both * neither - a * b;
        let half = self.rows() as f64 / 2.0;
        let corrected = if together > 0.0 {
            (together - half).max(0.0)
        } else {
            together
        };
        corrected / margins.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(both: u64, a_alone: u64, b_alone: u64, neither: u64) -> Paired {
        Paired {
            both,
            a_alone,
            b_alone,
            neither,
        }
    }

    /// Two worked examples of Newcombe 1998, whose difference is A less B: here the other way round.
    #[test]
    fn the_interval_has_its_published_values() {
        for (given, low, high) in [
            (counts(36, 12, 2, 0), -0.3404, -0.0569),
            (counts(20, 12, 2, 16), -0.3292, -0.0562),
        ] {
            let found = given.difference().expect("rows");
            assert!((found.value + 0.2).abs() < 1e-12, "{found:?}");
            assert!(
                (found.low - low).abs() < 1e-4 && (found.high - high).abs() < 1e-4,
                "{found:?}"
            );
        }
    }

    #[test]
    fn few_rows_show_little_and_many_show_much() {
        let standing = |counts: Paired| counts.standing(0.03);
        assert_eq!(standing(counts(0, 0, 0, 0)), Standing::Unclear);
        assert_eq!(standing(counts(18, 0, 0, 2)), Standing::Unclear, "twenty rows alike");
        assert_eq!(
            standing(counts(900, 5, 5, 90)),
            Standing::NotWorse,
            "a thousand rows alike"
        );
        assert_eq!(standing(counts(5, 0, 15, 0)), Standing::Better);
        assert_eq!(standing(counts(5, 15, 0, 0)), Standing::Worse);
        assert_eq!(
            standing(counts(16, 4, 0, 0)),
            Standing::Unclear,
            "20 points worse on 20 rows is not shown"
        );
    }
}
