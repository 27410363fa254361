//! Routing in words an agent can read.

use super::{AgentLoad, RoutingRequest, Scored};
use crate::agent::Availability;
use crate::team::Team;

pub(super) const NO_CATEGORY: &str = "No category was sure enough, so no team was chosen; a person decides.";

pub(super) fn no_team(category: &str) -> String {
    format!("No team serves the category {category}; a person decides.")
}

/// Why an agent cannot take a ticket; none when they can.
pub(super) fn obstacle(load: &AgentLoad) -> Option<String> {
    if load.agent.availability != Availability::Available {
        Some("is away".to_owned())
    } else if load.open_tickets >= load.agent.capacity {
        Some(format!(
            "is full with {} of {} open tickets",
            load.open_tickets, load.agent.capacity
        ))
    } else {
        None
    }
}

pub(super) fn language(request: &RoutingRequest<'_>, speaks: bool) -> String {
    match (request.language, speaks) {
        (None, _) => "the language is unknown, so it counts for everyone".to_owned(),
        (Some(language), true) => format!("answers in {language}"),
        (Some(language), false) => format!("does not answer in {language}"),
    }
}

pub(super) fn expertise(category: &str, level: f32) -> String {
    format!("level {level:.2} of 1 in {category}")
}

pub(super) fn load(load: &AgentLoad) -> String {
    format!("{} of {} places taken", load.open_tickets, load.agent.capacity)
}

pub(super) fn experience(category: &str, resolved: u32) -> String {
    format!("has resolved {resolved} tickets in {category}")
}

/// The routing as sentences: the team, the agent with their strongest points, the next best.
pub(super) fn reasons(
    request: &RoutingRequest<'_>,
    category: &str,
    team: &Team,
    winner: Option<&Scored>,
    next: Option<&Scored>,
) -> Vec<String> {
    let mut reasons = vec![format!("{} serves the category {category}.", team.name)];
    let Some(winner) = winner else {
        reasons.push(format!(
            "Nobody of {} is available with free capacity; the ticket waits for the team.",
            team.name
        ));
        return reasons;
    };
    reasons.push(format!("{}: {}.", winner.name, points(winner)));
    if request.language.is_some() && winner.factors.iter().any(|f| f.name == "language" && f.value == 0.0) {
        reasons.push("Nobody better placed answers in the customer's language.".to_owned());
    }
    if let Some(next) = next {
        reasons.push(ahead_of(winner, next));
    }
    reasons
}

fn points(winner: &Scored) -> String {
    let mut by_contribution: Vec<_> = winner.factors.iter().collect();
    by_contribution.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
    let points: Vec<_> = by_contribution.iter().map(|f| f.words.as_str()).collect();
    points.join(", ")
}

fn ahead_of(winner: &Scored, next: &Scored) -> String {
    if winner.score > next.score {
        format!(
            "Ahead of {} by {:.2} to {:.2} points.",
            next.name, winner.score, next.score
        )
    } else if winner.open_tickets < next.open_tickets {
        format!("Level with {}, but with fewer open tickets.", next.name)
    } else {
        format!("Level with {} in everything; chosen by id.", next.name)
    }
}
