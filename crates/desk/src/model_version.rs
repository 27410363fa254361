//! Versions of the heads that triage asks, and which of them is in force.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::event::Actor;
use crate::field::{FieldError, text_faults};
use crate::word::words;

words! {
    /// What a head decides.
    "head" HeadRole {
        /// What a ticket is about.
        Category = "category",
        /// How soon it needs someone.
        Priority = "priority",
    }
}

words! {
    /// Where a version of a head comes from.
    "origin" ModelOrigin {
        /// It came with the program or its settings; always version 1.
        Shipped = "shipped",
        /// An operator brought its folder.
        Added = "added",
        /// The desk learnt it from its own tickets.
        Retrained = "retrained",
    }
}

/// Longest reason for a change of the active version. **Units:** Unicode characters.
pub const MAX_REASON_CHARS: usize = 1_000;

/// The version every head begins with.
pub const FIRST_VERSION: i64 = 1;

/// One version of a head. **Persisted.**
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelVersion {
    /// UUIDv7; events name it.
    pub id: Uuid,
    /// The head it is a version of.
    pub head: HeadRole,
    /// Counts up from 1 within the head.
    pub version: i64,
    /// Revision, from its manifest.
    pub revision: String,
    /// Where it comes from.
    pub origin: ModelOrigin,
    /// Why it was made, in words.
    pub note: String,
    /// When the desk came to know it.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// One line of the log of active versions; the last one of a head is in force. **Persisted.**
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activation {
    /// The head.
    pub head: HeadRole,
    /// Counts up from 1 within the head.
    pub serial: i64,
    /// The version made active.
    pub version: i64,
    /// The version that was active before.
    pub replaced: i64,
    /// Whether it went back to an earlier state.
    pub is_rollback: bool,
    /// Why, in words.
    pub reason: String,
    /// Who did it.
    pub actor: Actor,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// Whether a reason can be kept; there may be none.
///
/// **Errors:** everything that is wrong with it.
pub fn check_reason(reason: &str) -> Result<(), Vec<FieldError>> {
    let faults = match reason {
        "" => Vec::new(),
        reason => text_faults("reason", reason, MAX_REASON_CHARS),
    };
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// The version in force after a log, oldest line first.
pub fn active_version(log: &[Activation]) -> i64 {
    log.last().map_or(FIRST_VERSION, |last| last.version)
}

/// The version a rollback goes to: what the version in force replaced; none at the beginning.
///
/// The log is a stack of what was replaced: a rollback takes the last one off, so that rolling back again goes further
/// back and comes to its end.
pub fn version_before(log: &[Activation]) -> Option<i64> {
    let mut replaced = Vec::new();
    for line in log {
        if line.is_rollback {
            // Rollbacks of an earlier program may have gone elsewhere: they undid nothing.
            replaced.pop_if(|before| *before == line.version);
        } else if line.version != line.replaced {
            replaced.push(line.replaced);
        }
    }
    replaced.pop()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(lines: &[(i64, i64, bool)]) -> Vec<Activation> {
        let line = |(at, &(version, replaced, is_rollback)): (usize, &(i64, i64, bool))| Activation {
            head: HeadRole::Category,
            serial: at as i64 + 1,
            version,
            replaced,
            is_rollback,
            reason: String::new(),
            actor: Actor::system("test"),
            created_at: OffsetDateTime::UNIX_EPOCH,
        };
        lines.iter().enumerate().map(line).collect()
    }

    #[test]
    fn without_a_line_the_first_version_is_in_force_and_nothing_is_before_it() {
        assert_eq!((active_version(&[]), version_before(&[])), (FIRST_VERSION, None));
    }

    #[test]
    fn a_reason_is_a_text_that_the_audit_can_keep_or_none() {
        for fit in ["", "better on invoices", &"ñ".repeat(MAX_REASON_CHARS)] {
            assert_eq!(check_reason(fit), Ok(()), "{fit}");
        }
        for bad in [" ", "a\0b", &"ñ".repeat(MAX_REASON_CHARS + 1)] {
            let faults = check_reason(bad).expect_err(bad);
            assert_eq!((faults.len(), faults[0].field.as_str()), (1, "reason"), "{faults:?}");
        }
    }

    #[test]
    fn rollbacks_walk_back_to_the_first_version() {
        let mut lines = vec![(2, 1, false), (3, 2, false)];
        assert_eq!(version_before(&log(&lines)), Some(2));
        lines.push((2, 3, true));
        assert_eq!(version_before(&log(&lines)), Some(1));
        lines.push((1, 2, true));
        assert_eq!(version_before(&log(&lines)), None);
    }

    #[test]
    fn a_version_that_comes_back_into_force_leads_rollbacks_into_no_circle() {
        let mut lines = vec![(2, 1, false), (3, 2, false), (2, 3, false)];
        let mut versions = Vec::new();
        while let Some(before) = version_before(&log(&lines)) {
            lines.push((before, active_version(&log(&lines)), true));
            versions.push(before);
            assert!(versions.len() <= 3, "{versions:?}");
        }
        assert_eq!(versions, [3, 2, 1]);
    }

    #[test]
    fn what_an_earlier_program_wrote_down_holds_no_rollback_up() {
        let mut lines = vec![(2, 1, false), (2, 2, false)];
        assert_eq!(
            version_before(&log(&lines)),
            Some(1),
            "a version in the place of itself"
        );
        lines.push((2, 2, true));
        assert_eq!(version_before(&log(&lines)), Some(1), "a rollback to itself");
        let astray = [(2, 1, false), (3, 2, false), (2, 3, true), (3, 2, true)];
        assert_eq!(version_before(&log(&astray)), Some(1), "a rollback to what was undone");
    }
}
