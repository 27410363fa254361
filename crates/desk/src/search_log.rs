//! What was looked for in the knowledge base, without personal data, and whether it helped.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::word::words;

words! {
    /// What came of a search.
    "search outcome" SearchOutcome {
        /// Passages were shown.
        Answered = "answered",
        /// Nothing was alike at all.
        ZeroResult = "zero_result",
        /// Something was alike, but too unlikely to answer it to be shown.
        LowConfidence = "low_confidence",
    }
}

words! {
    /// Why a query deserves an author's attention.
    "search insight" InsightKind {
        /// Nothing was alike at all.
        ZeroResult = "zero_result",
        /// What was alike was too unlikely to answer it.
        LowConfidence = "low_confidence",
        /// It was answered, and the answer did not help.
        NotHelped = "not_helped",
    }
}

/// One search as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRecord {
    /// UUIDv7, given to the one who asked.
    pub id: Uuid,
    /// The question in one spelling and without personal data; empty where nothing else was in it.
    pub query: String,
    /// Its language (ISO 639-1), where it shows.
    pub language: Option<String>,
    /// What came of it.
    pub outcome: SearchOutcome,
    /// The probability that the best passage answers it, 0 to 1.
    pub probability: f32,
    /// Whether it says something of the knowledge base: one within a few tags or drafts does not.
    pub is_open: bool,
    /// When it was asked.
    pub created_at: OffsetDateTime,
}

/// What someone says of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchFeedback {
    /// The search.
    pub search_id: Uuid,
    /// The article that helped or did not; none where the whole answer is meant.
    pub article_id: Option<Uuid>,
    /// The passage of it.
    pub passage_id: Option<Uuid>,
    /// Whether it helped.
    pub helped: bool,
}

/// A query that was not answered, or not well, over some days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchInsight {
    /// The question in one spelling and without personal data.
    pub query: String,
    /// Its language (ISO 639-1), where it shows.
    pub language: Option<String>,
    /// How often it deserved attention.
    pub count: i64,
    /// How often nothing was alike at all.
    pub zero_results: i64,
    /// How often what was alike was too unlikely to answer it.
    pub low_confidence: i64,
    /// Answers to it that helped.
    pub helped: i64,
    /// Answers to it that did not.
    pub not_helped: i64,
    /// The highest probability that anything answers it, 0 to 1.
    pub best_probability: f32,
    /// When it was last asked or its answer spoken of.
    pub last_seen: OffsetDateTime,
}
