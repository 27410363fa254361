//! From what the models say to what the desk does: pure, and in words an agent can read.

use desk::{Decision, Duplicate, LabelChoice, Neighbour, Routing, RoutingRequest, TriageState};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::assess::Assessment;

/// What routing needs to know of an assessed ticket.
pub fn routing_request(assessment: &Assessment) -> RoutingRequest<'_> {
    RoutingRequest {
        category: assessment.category.best(),
        priority: assessment.priority.best().and_then(|label| label.parse().ok()),
        language: assessment.language.as_deref(),
    }
}

/// The decision on a ticket: what the heads said, where it goes, and why.
///
/// A person must look where a head abstained. The best guess is routed all the same, so that whoever looks is most
/// likely of the right team; a text that is like none of the labels goes to nobody's team.
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
        duplicates: assessment.duplicates,
        routing,
        models: assessment.models,
        reasons,
        created_at: now,
    }
}

fn outcome(assessment: &Assessment) -> TriageState {
    let sure = assessment.category.label.is_some() && assessment.priority.label.is_some();
    if sure {
        TriageState::Triaged
    } else {
        TriageState::NeedsHuman
    }
}

fn reasons(assessment: &Assessment, routing: &Routing) -> Vec<String> {
    let mut reasons = vec![
        label_reason("Category", &assessment.category),
        label_reason("Priority", &assessment.priority),
    ];
    reasons.extend(language_reason(assessment.language.as_deref()));
    reasons.extend(assessment.neighbours.first().map(neighbour_reason));
    reasons.extend(assessment.duplicates.first().map(duplicate_reason));
    if assessment.without_neighbours {
        reasons.push("The search index was out of reach, so similar tickets are missing.".to_owned());
    }
    reasons.extend(routing.reasons.iter().cloned());
    reasons
}

fn label_reason(what: &str, choice: &LabelChoice) -> String {
    let sure = percent(choice.confidence);
    let enough = percent(choice.threshold);
    match (&choice.label, choice.best()) {
        (Some(label), _) => format!("{what} {label}: {sure} sure, and {enough} is enough to decide alone."),
        (None, Some(guess)) => {
            let others = choice
                .alternatives
                .iter()
                .filter(|label| *label != guess)
                .cloned()
                .collect::<Vec<_>>();
            let others = if others.is_empty() {
                String::new()
            } else {
                format!(" It may also be {}.", others.join(", "))
            };
            format!("{what} {guess} is a guess for a person to confirm: {sure} sure, {enough} would be enough.{others}")
        }
        (None, None) => format!("{what} is for a person to say: the text is like none of the labels."),
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

fn duplicate_reason(best: &Duplicate) -> String {
    let sure = percent(best.probability as f32);
    format!("Probably the same matter as #{}: {sure} sure.", best.number)
}

fn percent(share: f32) -> String {
    format!("{:.0} %", share * 100.0)
}
