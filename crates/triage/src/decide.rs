//! From what the models say to what the desk does: pure, and in words an agent can read.

use desk::{Decision, LabelChoice, Neighbour, Priority, Routing, RoutingRequest, TriageState};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::assess::Assessment;

/// What routing needs to know of an assessed ticket.
pub fn routing_request(assessment: &Assessment) -> RoutingRequest<'_> {
    RoutingRequest {
        category: assessment.category.label.as_deref(),
        priority: priority(assessment),
        language: assessment.language.as_deref(),
    }
}

/// The decision on a ticket: what the heads said, where it goes, and why.
///
/// A person must look where a head abstained; a known category is routed all the same, so that the person who
/// looks is of the right team.
pub fn decide(ticket_id: Uuid, assessment: Assessment, routing: Routing, now: OffsetDateTime) -> Decision {
    let reasons = reasons(&assessment, &routing);
    Decision {
        id: Uuid::now_v7(),
        ticket_id,
        outcome: outcome(&assessment),
        language: assessment.language,
        category: assessment.category,
        priority: assessment.priority,
        neighbours: assessment.neighbours,
        routing,
        models: assessment.models,
        reasons,
        created_at: now,
    }
}

fn outcome(assessment: &Assessment) -> TriageState {
    let sure = assessment.category.label.is_some() && priority(assessment).is_some();
    if sure {
        TriageState::Triaged
    } else {
        TriageState::NeedsHuman
    }
}

fn priority(assessment: &Assessment) -> Option<Priority> {
    assessment.priority.label.as_deref()?.parse().ok()
}

fn reasons(assessment: &Assessment, routing: &Routing) -> Vec<String> {
    let mut reasons = vec![
        label_reason("Category", &assessment.category),
        label_reason("Priority", &assessment.priority),
    ];
    reasons.extend(language_reason(assessment.language.as_deref()));
    reasons.extend(assessment.neighbours.first().map(neighbour_reason));
    if assessment.without_neighbours {
        reasons.push("The search index was out of reach, so similar tickets are missing.".to_owned());
    }
    reasons.extend(routing.reasons.iter().cloned());
    reasons
}

fn label_reason(what: &str, choice: &LabelChoice) -> String {
    let sure = percent(choice.confidence);
    match (&choice.label, choice.probabilities.first()) {
        (Some(label), _) => {
            let floor = percent(choice.threshold);
            format!("{what} {label}: {sure} sure, and {floor} is enough to decide alone.")
        }
        (None, Some(best)) => format!(
            "{what} is for a person to say: the best guess {} is only {sure} sure; {}.",
            best.label,
            alternatives(choice)
        ),
        (None, None) => format!("{what} is for a person to say: the model has no labels."),
    }
}

fn alternatives(choice: &LabelChoice) -> String {
    if choice.alternatives.is_empty() {
        "the text is like none of the labels".to_owned()
    } else {
        format!("likely labels are {}", choice.alternatives.join(", "))
    }
}

fn language_reason(language: Option<&str>) -> Option<String> {
    match language {
        Some("en" | "es") => None,
        Some(other) => Some(format!("Written in {other}, which the models were not trained on.")),
        None => Some("The language could not be told.".to_owned()),
    }
}

fn neighbour_reason(nearest: &Neighbour) -> String {
    let number = nearest
        .number
        .map_or_else(|| nearest.ticket_id.to_string(), |n| format!("#{n}"));
    let near = nearest
        .cosine
        .map_or_else(String::new, |cosine| format!(", cosine {cosine:.2}"));
    let category = nearest
        .category
        .as_deref()
        .map_or_else(String::new, |category| format!(", {category}"));
    format!("Most like {number} \"{}\"{category}{near}.", nearest.subject)
}

fn percent(share: f32) -> String {
    format!("{:.0} %", share * 100.0)
}
