//! What came of retraining one head, as the command prints it and the schedule reads it.

use desk::HeadRole;
use serde::{Deserialize, Serialize};
use training::DataError;

use crate::learning::lessons::RetrainError;
use crate::learning::retrain::Retrained;

/// What came of retraining one head. Printed as one line of JSON.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Report {
    /// It was fitted and judged.
    Fitted(Box<Retrained>),
    /// It was not, and the one in force stays.
    NotFitted {
        /// The head.
        head: HeadRole,
        /// Which of the two it is.
        outcome: NotFitted,
        /// Why, in words.
        reason: String,
    },
}

/// Why a head was not fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotFitted {
    /// The desk's tickets do not suffice.
    NotReady,
    /// Something broke.
    Failed,
}

/// The part of a report that the schedule logs.
#[derive(Debug, Deserialize)]
pub struct Summary {
    /// The head.
    pub head: HeadRole,
    /// What came of it: the snake_case name of an [`Outcome`](crate::learning::retrain::Outcome), or why nothing was fitted.
    pub outcome: String,
    /// Why, in words.
    pub reason: String,
    /// The new version; none where there is none.
    pub version: Option<i64>,
    /// Texts that had to be embedded.
    pub embedded: Option<usize>,
}

impl Report {
    /// The report on one head.
    pub fn new(head: HeadRole, retrained: anyhow::Result<Retrained>) -> Self {
        match retrained {
            Ok(retrained) => Report::Fitted(Box::new(retrained)),
            Err(error) => Report::NotFitted {
                head,
                outcome: if is_about_tickets(&error) {
                    NotFitted::NotReady
                } else {
                    NotFitted::Failed
                },
                reason: format!("{error:#}"),
            },
        }
    }

    /// Whether a head was fitted.
    pub fn is_fitted(&self) -> bool {
        matches!(self, Report::Fitted(_))
    }

    /// Whether something broke.
    pub fn is_broken(&self) -> bool {
        let failed = NotFitted::Failed;
        matches!(self, Report::NotFitted { outcome, .. } if *outcome == failed)
    }
}

fn is_about_tickets(error: &anyhow::Error) -> bool {
    error.is::<RetrainError>() || error.is::<DataError>()
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Report::Fitted(retrained) => write!(
                f,
                "{} version {}, from {} tickets ({} of them corrected) and {} shipped rows, {} texts embedded: {}",
                retrained.head,
                retrained.version,
                retrained.own_rows,
                retrained.own_corrected,
                retrained.shipped_rows,
                retrained.embedded,
                retrained.reason
            ),
            Report::NotFitted { head, reason, .. } => write!(f, "{head} stays as it is: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(error: impl Into<anyhow::Error>) -> (Report, Summary) {
        let report = Report::new(HeadRole::Priority, Err(error.into()));
        let line = serde_json::to_string(&report).expect("JSON");
        let read = serde_json::from_str(&line).expect("a summary");
        (report, read)
    }

    #[test]
    fn too_little_to_learn_from_is_no_failure_and_a_full_disk_is() {
        let too_few = RetrainError::TooFew {
            head: HeadRole::Priority,
            learnt: 3,
            held_out: 1,
            known: 0,
        };
        let (report, read) = summary(too_few);
        assert!(!report.is_fitted() && !report.is_broken());
        assert_eq!((read.head, read.outcome.as_str()), (HeadRole::Priority, "not_ready"));
        assert!(read.reason.contains("3 settled tickets"), "{}", read.reason);
        let (report, read) = summary(std::io::Error::other("disk full"));
        assert!(report.is_broken());
        assert_eq!((read.outcome.as_str(), read.version), ("failed", None));
    }
}
