//! What triage decided about a ticket, and everything needed to explain it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::duplicate::Duplicate;
use crate::routing::Routing;
use crate::ticket::{Priority, TriageState};

/// One triage of one ticket: explainable and replayable. **Persisted.**
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// UUIDv7.
    pub id: Uuid,
    /// The ticket decided on.
    pub ticket_id: Uuid,
    /// `triaged`, or `needs_human` where a model abstained.
    pub outcome: TriageState,
    /// Detected language, e.g. `es`.
    pub language: Option<String>,
    /// What the category head said.
    pub category: LabelChoice,
    /// What the priority head said.
    pub priority: LabelChoice,
    /// Similar tickets, nearest first.
    pub neighbours: Vec<Neighbour>,
    /// Tickets that are probably about the same matter, most probable first.
    #[serde(default)]
    pub duplicates: Vec<Duplicate>,
    /// Team and agent, and why they.
    pub routing: Routing,
    /// Every model that took part.
    pub models: Vec<ModelRef>,
    /// The decision in words an agent can read.
    pub reasons: Vec<String>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

impl Decision {
    /// The ticket's category: decided, or the best guess until a person has looked; none where the text is like none
    /// of the labels.
    pub fn category_label(&self) -> Option<&str> {
        self.category.best()
    }

    /// The ticket's priority, likewise; none where the head knows other labels.
    pub fn priority_label(&self) -> Option<Priority> {
        self.priority.best().and_then(|label| label.parse().ok())
    }
}

/// What one head said about a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelChoice {
    /// The label the head decides on; none where it abstained and a person must look.
    pub label: Option<String>,
    /// Calibrated probability of the best label. **Units:** 0 to 1.
    pub confidence: f32,
    /// The confidence below which the head abstains. **Units:** 0 to 1.
    pub threshold: f32,
    /// Every label, most probable first; sums to 1.
    pub probabilities: Vec<Probability>,
    /// Labels a person should look at first when the head is unsure.
    #[serde(default)]
    pub alternatives: Vec<String>,
    /// Whether the text is like nothing the head was trained on.
    #[serde(default)]
    pub out_of_scope: bool,
    /// Log-sum-exp of the logits; lower is further from what was trained on.
    #[serde(default)]
    pub energy: Option<f32>,
}

impl LabelChoice {
    /// The chosen label, or the most probable one where the head abstained; none where the text is like none of them.
    pub fn best(&self) -> Option<&str> {
        let guess = || {
            self.probabilities
                .first()
                .filter(|_| !self.out_of_scope)
                .map(|best| best.label.as_str())
        };
        self.label.as_deref().or_else(guess)
    }
}

/// One label and its probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probability {
    /// The label.
    pub label: String,
    /// Calibrated. **Units:** 0 to 1.
    pub probability: f32,
}

/// A similar ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Neighbour {
    /// The ticket that is similar.
    pub ticket_id: Uuid,
    /// Its short number.
    pub number: Option<i64>,
    /// Its subject, or the start of its body.
    pub subject: String,
    /// Its category.
    pub category: Option<String>,
    /// Fused score, higher is nearer.
    pub score: f32,
    /// Cosine of the two vectors, where the dense search found it. **Units:** -1 to 1.
    pub cosine: Option<f32>,
}

/// A model that took part in a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRef {
    /// What it did: `encoder`, `category`, `priority`, `duplicates`.
    pub role: String,
    /// Its name, as its folder is called.
    pub name: String,
    /// Its revision, from its manifest.
    pub revision: String,
}
