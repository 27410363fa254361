//! What triage decided, as the caller sees it: every label, every neighbour, every reason.

use desk::routing::{Factor, PassedOver, Scored};
use desk::{Decision, Duplicate, LabelChoice, ModelRef, Neighbour, Probability, Routing, TriageState};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::words;

/// What triage decided and why.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionView {
    /// `triaged`, or `needs_human` where a model abstained.
    #[schema(value_type = words::TriageState)]
    outcome: TriageState,
    /// The decision in words an agent can read.
    reasons: Vec<String>,
    /// Similar tickets, nearest first.
    similar: Vec<SimilarView>,
    /// Tickets that were probably about the same matter when this one came in, most probable first.
    duplicate_of: Vec<DuplicateOfView>,
    /// What the category head said.
    category: ChoiceView,
    /// What the priority head said.
    priority: ChoiceView,
    /// Who could take it, best first, and what speaks for each.
    routing: RoutingView,
    /// Every model that took part.
    models: Vec<ModelRefView>,
    /// When it was decided.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

/// What one head said.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChoiceView {
    /// The chosen label; null where the head abstained.
    label: Option<String>,
    /// Calibrated probability of the best label, 0 to 1.
    confidence: f32,
    /// The confidence from which on the head decides alone, 0 to 1.
    threshold: f32,
    /// Labels to look at first where the head is unsure.
    alternatives: Vec<String>,
    /// Every label, most probable first; sums to 1.
    probabilities: Vec<ProbabilityView>,
    /// How much the text looks like anything the head was trained on.
    energy: Option<f32>,
}

/// One label and its probability.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProbabilityView {
    /// The label.
    label: String,
    /// Calibrated, 0 to 1.
    probability: f32,
}

/// A similar ticket.
#[derive(Debug, Serialize, ToSchema)]
pub struct SimilarView {
    /// The ticket.
    ticket_id: Uuid,
    /// Its short number.
    number: Option<i64>,
    /// Its subject, or the start of its body.
    subject: String,
    /// Its category.
    category: Option<String>,
    /// Fused score, higher is nearer.
    score: f32,
    /// Cosine of the two texts, -1 to 1.
    cosine: Option<f32>,
}

/// A ticket that is probably about the same matter.
#[derive(Debug, Serialize, ToSchema)]
pub struct DuplicateOfView {
    /// The ticket.
    ticket_id: Uuid,
    /// Its short number.
    number: i64,
    /// Of being the same matter, 0 to 1.
    probability: f64,
    /// What is shared, in words.
    reasons: Vec<String>,
}

/// Who could take a ticket.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoutingView {
    /// The agents who could take it, the chosen one first.
    candidates: Vec<CandidateView>,
    /// Agents of the team who could not, and why.
    passed_over: Vec<PassedOverView>,
}

/// An agent who could take the ticket.
#[derive(Debug, Serialize, ToSchema)]
pub struct CandidateView {
    /// The agent.
    agent_id: Uuid,
    /// Their name at the time.
    name: String,
    /// Sum of the contributions.
    score: f32,
    /// Open tickets at the time.
    open_tickets: i32,
    /// Every factor with its contribution.
    factors: Vec<FactorView>,
}

/// One thing that speaks for an agent.
#[derive(Debug, Serialize, ToSchema)]
pub struct FactorView {
    /// `language`, `expertise`, `free_capacity` or `experience`.
    name: String,
    /// How far it holds, 0 to 1.
    value: f32,
    /// How much it counts.
    weight: f32,
    /// `value × weight`.
    contribution: f32,
    /// The factor in words.
    words: String,
}

/// An agent who could not take the ticket.
#[derive(Debug, Serialize, ToSchema)]
pub struct PassedOverView {
    /// The agent.
    agent_id: Uuid,
    /// Their name at the time.
    name: String,
    /// Why not.
    reason: String,
}

/// A model that took part.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelRefView {
    /// What it did: `encoder`, `category`, `priority`, `duplicates`, `answerability`.
    role: String,
    /// Its name.
    name: String,
    /// Its revision.
    revision: String,
}

impl ModelRefView {
    /// The model that decides between an answer and silence.
    pub fn answerability(revision: &str) -> Self {
        ModelRefView {
            role: "answerability".to_owned(),
            name: "answerability".to_owned(),
            revision: revision.to_owned(),
        }
    }
}

/// The views of a list.
pub fn views<T, V: From<T>>(values: impl IntoIterator<Item = T>) -> Vec<V> {
    values.into_iter().map(V::from).collect()
}

impl From<Decision> for DecisionView {
    fn from(decision: Decision) -> Self {
        DecisionView {
            outcome: decision.outcome,
            reasons: decision.reasons,
            similar: views(decision.neighbours),
            duplicate_of: views(decision.duplicates),
            category: decision.category.into(),
            priority: decision.priority.into(),
            routing: decision.routing.into(),
            models: views(decision.models),
            created_at: decision.created_at,
        }
    }
}

impl From<LabelChoice> for ChoiceView {
    fn from(choice: LabelChoice) -> Self {
        ChoiceView {
            label: choice.label,
            confidence: choice.confidence,
            threshold: choice.threshold,
            alternatives: choice.alternatives,
            probabilities: views(choice.probabilities),
            energy: choice.energy,
        }
    }
}

impl From<Probability> for ProbabilityView {
    fn from(Probability { label, probability }: Probability) -> Self {
        ProbabilityView { label, probability }
    }
}

impl From<Neighbour> for SimilarView {
    fn from(
        Neighbour {
            ticket_id,
            number,
            subject,
            category,
            score,
            cosine,
        }: Neighbour,
    ) -> Self {
        SimilarView {
            ticket_id,
            number,
            subject,
            category,
            score,
            cosine,
        }
    }
}

impl From<Duplicate> for DuplicateOfView {
    fn from(duplicate: Duplicate) -> Self {
        DuplicateOfView {
            ticket_id: duplicate.ticket_id,
            number: duplicate.number,
            probability: duplicate.probability,
            reasons: duplicate.reasons,
        }
    }
}

impl From<Routing> for RoutingView {
    fn from(routing: Routing) -> Self {
        RoutingView {
            candidates: views(routing.winner.into_iter().chain(routing.runners_up)),
            passed_over: views(routing.passed_over),
        }
    }
}

impl From<Scored> for CandidateView {
    fn from(
        Scored {
            agent_id,
            name,
            score,
            open_tickets,
            factors,
        }: Scored,
    ) -> Self {
        CandidateView {
            agent_id,
            name,
            score,
            open_tickets,
            factors: views(factors),
        }
    }
}

impl From<Factor> for FactorView {
    fn from(
        Factor {
            name,
            value,
            weight,
            contribution,
            words,
        }: Factor,
    ) -> Self {
        FactorView {
            name,
            value,
            weight,
            contribution,
            words,
        }
    }
}

impl From<PassedOver> for PassedOverView {
    fn from(PassedOver { agent_id, name, reason }: PassedOver) -> Self {
        PassedOverView { agent_id, name, reason }
    }
}

impl From<ModelRef> for ModelRefView {
    fn from(ModelRef { role, name, revision }: ModelRef) -> Self {
        ModelRefView { role, name, revision }
    }
}
