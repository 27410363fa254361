//! From what the models say to what the desk does: pure, and in words an agent can read.

use desk::{Decision, Duplicate, LabelChoice, Neighbour, Priority, Routing, RoutingRequest, Ticket, TriageState};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::assess::Assessment;

/// What people had set on a ticket before triage came to decide it: it stays, and triage goes by it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Given<'a> {
    /// What it is about.
    pub category: Option<&'a str>,
    /// How soon it needs someone.
    pub priority: Option<Priority>,
    /// The team that answers it.
    pub team_id: Option<Uuid>,
}

impl<'a> Given<'a> {
    /// What a ticket in `received` has: triage sets nothing before it decides.
    pub fn of(ticket: &'a Ticket) -> Self {
        Given {
            category: ticket.category.as_deref(),
            priority: ticket.priority,
            team_id: ticket.team_id,
        }
    }
}

/// What routing needs to know of an assessed ticket.
pub fn routing_request<'a>(assessment: &'a Assessment, given: Given<'a>) -> RoutingRequest<'a> {
    let guess = || assessment.priority.best().and_then(|label| label.parse().ok());
    RoutingRequest {
        category: given.category.or_else(|| assessment.category.best()),
        priority: given.priority.or_else(guess),
        language: assessment.language.as_deref(),
    }
}

/// The decision on a ticket: what the heads said, where it goes, and why.
///
/// A person must look where a head abstained and nobody has said it yet. The best guess is routed all the same, so that
/// whoever looks is most likely of the right team; a text that is like none of the labels goes to nobody's team.
pub fn decide(
    ticket_id: Uuid,
    given: Given<'_>,
    assessment: Assessment,
    routing: Routing,
    now: OffsetDateTime,
) -> Decision {
    let reasons = reasons(given, &assessment, &routing);
    Decision {
        id: Uuid::now_v7(),
        ticket_id,
        outcome: outcome(given, &assessment),
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

fn outcome(given: Given<'_>, assessment: &Assessment) -> TriageState {
    let is_category_known = given.category.is_some() || assessment.category.label.is_some();
    let is_priority_known = given.priority.is_some() || assessment.priority.label.is_some();
    if is_category_known && is_priority_known {
        TriageState::Triaged
    } else {
        TriageState::NeedsHuman
    }
}

fn reasons(given: Given<'_>, assessment: &Assessment, routing: &Routing) -> Vec<String> {
    let by_person = |what, label: &str| format!("{what} {label} was set by a person.");
    let category = given.category.map(|label| by_person("Category", label));
    let priority = given.priority.map(|label| by_person("Priority", label.as_str()));
    let mut reasons = vec![
        category.unwrap_or_else(|| label_reason("Category", &assessment.category)),
        priority.unwrap_or_else(|| label_reason("Priority", &assessment.priority)),
    ];
    reasons.extend(language_reason(assessment.language.as_deref()));
    reasons.extend(assessment.neighbours.first().map(neighbour_reason));
    reasons.extend(assessment.duplicates.first().map(duplicate_reason));
    if assessment.without_neighbours {
        reasons.push("The search index was out of reach, so similar tickets are missing.".to_owned());
    }
    if given.team_id.is_some_and(|team_id| routing.team_id() != Some(team_id)) {
        reasons.push("The team was set by a person and stays; triage would have routed it so:".to_owned());
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
            // As far up as a threshold is shown: no confidence is enough.
            let enough = if choice.threshold < 1.0 {
                format!("{enough} would be enough")
            } else {
                "and its surest answers are not right often enough to decide alone".to_owned()
            };
            format!("{what} {guess} is a guess for a person to confirm: {sure} sure, {enough}.{others}")
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

#[cfg(test)]
mod tests {
    use desk::{Probability, TeamRef};

    use super::*;
    use crate::index::Embedded;

    /// What a head says that thinks `label` most probable.
    fn choice(label: &str, is_sure: bool) -> LabelChoice {
        LabelChoice {
            label: is_sure.then(|| label.to_owned()),
            confidence: 0.5,
            threshold: if is_sure { 0.4 } else { 0.9 },
            probabilities: vec![Probability {
                label: label.to_owned(),
                probability: 0.5,
            }],
            alternatives: Vec::new(),
            out_of_scope: false,
            energy: None,
        }
    }

    fn assessment(is_category_sure: bool, is_priority_sure: bool) -> Assessment {
        Assessment {
            language: Some("en".to_owned()),
            embedded: Embedded {
                fingerprint: String::new(),
                vector: Vec::new(),
            },
            category: choice("how_to", is_category_sure),
            priority: choice("low", is_priority_sure),
            neighbours: Vec::new(),
            candidates: Vec::new(),
            duplicates: Vec::new(),
            without_neighbours: false,
            models: Vec::new(),
        }
    }

    const CATEGORY: Given<'static> = Given {
        category: Some("cancellation"),
        priority: None,
        team_id: None,
    };
    const BOTH: Given<'static> = Given {
        priority: Some(Priority::Urgent),
        ..CATEGORY
    };

    #[test]
    fn a_ticket_is_routed_by_what_people_said_and_else_by_the_models() {
        let assessment = assessment(true, true);
        let routed_by = |given| {
            let request = routing_request(&assessment, given);
            (request.category, request.priority)
        };
        assert_eq!(routed_by(Given::default()), (Some("how_to"), Some(Priority::Low)));
        assert_eq!(routed_by(CATEGORY), (Some("cancellation"), Some(Priority::Low)));
        assert_eq!(routed_by(BOTH), (Some("cancellation"), Some(Priority::Urgent)));
    }

    #[test]
    fn a_person_is_asked_for_what_neither_model_nor_person_has_said() {
        let outcome = |given, assessment| {
            let decision = decide(
                Uuid::nil(),
                given,
                assessment,
                Routing::default(),
                OffsetDateTime::UNIX_EPOCH,
            );
            decision.outcome
        };
        assert_eq!(outcome(Given::default(), assessment(true, true)), TriageState::Triaged);
        assert_eq!(
            outcome(Given::default(), assessment(false, true)),
            TriageState::NeedsHuman
        );
        assert_eq!(outcome(CATEGORY, assessment(false, true)), TriageState::Triaged);
        assert_eq!(outcome(CATEGORY, assessment(false, false)), TriageState::NeedsHuman);
        assert_eq!(outcome(BOTH, assessment(false, false)), TriageState::Triaged);
    }

    #[test]
    fn the_reasons_name_what_would_be_enough_only_where_something_would() {
        let reason = |confidence, threshold| {
            let unsure = LabelChoice {
                confidence,
                threshold,
                ..choice("how_to", false)
            };
            label_reason("Category", &unsure)
        };
        assert!(reason(0.5, 0.9).contains("50 % sure, 90 % would be enough."));
        let never = reason(1.0, 1.0);
        assert!(never.contains("100 % sure, and its surest answers"), "{never}");
        assert!(!never.contains("would be enough"), "{never}");
    }

    #[test]
    fn the_reasons_say_what_people_set() {
        let mut routing = Routing::default();
        let team = |id| TeamRef {
            id: Uuid::from_u128(id),
            name: "Guides".to_owned(),
        };
        routing.team = Some(team(1));
        let of_team = |id| {
            let given = Given {
                team_id: Some(Uuid::from_u128(id)),
                ..CATEGORY
            };
            reasons(given, &assessment(false, true), &routing).join(" ")
        };
        let (same, other) = (of_team(1), of_team(2));
        assert!(
            same.starts_with("Category cancellation was set by a person. Priority low: "),
            "{same}"
        );
        assert!(!same.contains("The team was set"), "{same}");
        assert!(other.contains("The team was set by a person and stays"), "{other}");
    }
}
