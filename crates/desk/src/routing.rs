//! Who gets a ticket: a pure function of the ticket, the teams and the agents' load.
//!
//! Category → team; within the team the available agent with room whose
//! weighted factors sum highest. Every factor's contribution is kept, so that
//! an agent can read why.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::agent::{Agent, Availability};
use crate::team::Team;
use crate::ticket::Priority;

mod words;

/// How much each factor counts. The sum of the contributions ranks the agents.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// Answering in the customer's language.
    pub language: f32,
    /// The agent's level in the category.
    pub expertise: f32,
    /// The free share of the agent's capacity.
    pub free_capacity: f32,
    /// Tickets of the category the agent has resolved.
    pub experience: f32,
}

impl Weights {
    /// The weights for a priority: what is urgent goes rather to someone with room.
    pub fn for_priority(priority: Option<Priority>) -> Self {
        let free_capacity = match priority {
            Some(Priority::Urgent) => 0.30,
            Some(Priority::High) => 0.20,
            Some(Priority::Normal | Priority::Low) | None => 0.15,
        };
        Weights {
            language: 0.45,
            expertise: 0.40,
            free_capacity,
            experience: 0.10,
        }
    }
}

/// Resolved tickets at which experience counts half.
const HALF_EXPERIENCE: f32 = 10.0;

/// What routing needs to know of a ticket.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RoutingRequest<'a> {
    /// The category by a person or the head; none where neither could say.
    pub category: Option<&'a str>,
    /// The priority, likewise.
    pub priority: Option<Priority>,
    /// The detected language.
    pub language: Option<&'a str>,
}

/// An agent and the open tickets they carry.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentLoad {
    /// The agent.
    pub agent: Agent,
    /// Tickets assigned and not yet solved.
    pub open_tickets: i32,
}

/// How many tickets of a category an agent has resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The agent.
    pub agent_id: Uuid,
    /// The category label.
    pub category: String,
    /// Tickets solved or closed.
    pub tickets: u32,
}

/// Team and agent for a ticket, and why they. **Persisted** within a decision.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Routing {
    /// The team; none where no team serves the category.
    pub team: Option<TeamRef>,
    /// The chosen agent; none where nobody of the team can take it.
    pub winner: Option<Scored>,
    /// The others who could have taken it, best first.
    pub runners_up: Vec<Scored>,
    /// Agents of the team who could not take it, and why.
    pub passed_over: Vec<PassedOver>,
    /// The routing in words an agent can read.
    pub reasons: Vec<String>,
}

impl Routing {
    /// The chosen agent's id.
    pub fn agent_id(&self) -> Option<Uuid> {
        self.winner.as_ref().map(|winner| winner.agent_id)
    }

    /// The team's id.
    pub fn team_id(&self) -> Option<Uuid> {
        self.team.as_ref().map(|team| team.id)
    }
}

/// A team by id and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamRef {
    /// The team's id.
    pub id: Uuid,
    /// Its name at the time.
    pub name: String,
}

/// An agent who could take the ticket, with what speaks for them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// The agent's id.
    pub agent_id: Uuid,
    /// Their name at the time.
    pub name: String,
    /// Sum of the contributions; higher is better.
    pub score: f32,
    /// Open tickets at the time; fewer wins among equals.
    pub open_tickets: i32,
    /// Every factor with its contribution.
    pub factors: Vec<Factor>,
}

/// One thing that speaks for an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Factor {
    /// `language`, `expertise`, `free_capacity` or `experience`.
    pub name: String,
    /// How far it holds. **Units:** 0 to 1.
    pub value: f32,
    /// How much it counts.
    pub weight: f32,
    /// `value × weight`.
    pub contribution: f32,
    /// The factor in words, e.g. `speaks es`.
    pub words: String,
}

/// An agent of the team who could not take the ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// The agent's id.
    pub agent_id: Uuid,
    /// Their name at the time.
    pub name: String,
    /// Why not, in words.
    pub reason: String,
}

/// The team and agent for a ticket. The order of teams, candidates and history is irrelevant.
pub fn route(request: &RoutingRequest<'_>, teams: &[Team], candidates: &[AgentLoad], history: &[Resolved]) -> Routing {
    let Some(category) = request.category else {
        return unrouted(words::NO_CATEGORY.to_owned());
    };
    let serving = teams_serving(category, teams);
    let Some(first_team) = serving.first() else {
        return unrouted(words::no_team(category));
    };
    let members = members_of(&serving, candidates);
    let (free, busy): (Vec<_>, Vec<_>) = members.into_iter().partition(|load| words::obstacle(load).is_none());
    let mut ranked: Vec<(&AgentLoad, Scored)> = free
        .into_iter()
        .map(|load| (load, score(request, category, load, history)))
        .collect();
    ranked.sort_by(|(_, a), (_, b)| best_first(a, b));

    let team = ranked
        .first()
        .and_then(|(load, _)| serving.iter().find(|t| Some(t.id) == load.agent.team_id))
        .unwrap_or(first_team);
    let mut scored = ranked.into_iter().map(|(_, scored)| scored);
    let winner = scored.next();
    let runners_up: Vec<_> = scored.collect();
    let reasons = words::reasons(request, category, team, winner.as_ref(), runners_up.first());
    Routing {
        team: Some(TeamRef {
            id: team.id,
            name: team.name.clone(),
        }),
        winner,
        runners_up,
        passed_over: busy.into_iter().filter_map(passed_over).collect(),
        reasons,
    }
}

fn unrouted(reason: String) -> Routing {
    Routing {
        reasons: vec![reason],
        ..Routing::default()
    }
}

fn teams_serving<'t>(category: &str, teams: &'t [Team]) -> Vec<&'t Team> {
    let mut serving: Vec<_> = teams.iter().filter(|team| team.serves(category)).collect();
    serving.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
    serving
}

fn members_of<'c>(teams: &[&Team], candidates: &'c [AgentLoad]) -> Vec<&'c AgentLoad> {
    let works_there = |load: &&AgentLoad| teams.iter().any(|t| Some(t.id) == load.agent.team_id);
    let mut members: Vec<_> = candidates.iter().filter(works_there).collect();
    members.sort_by_key(|load| load.agent.id);
    members
}

fn passed_over(load: &AgentLoad) -> Option<PassedOver> {
    words::obstacle(load).map(|reason| PassedOver {
        agent_id: load.agent.id,
        name: load.agent.name.clone(),
        reason,
    })
}

fn best_first(a: &Scored, b: &Scored) -> std::cmp::Ordering {
    b.score
        .total_cmp(&a.score)
        .then(a.open_tickets.cmp(&b.open_tickets))
        .then(a.agent_id.cmp(&b.agent_id))
}

fn score(request: &RoutingRequest<'_>, category: &str, load: &AgentLoad, history: &[Resolved]) -> Scored {
    let factors = factors(request, category, load, history);
    let sum: f32 = factors.iter().map(|factor| factor.contribution).sum();
    Scored {
        agent_id: load.agent.id,
        name: load.agent.name.clone(),
        // Rounded, so that equal agents tie whatever the order of the sum.
        score: (sum * 1e4).round() / 1e4,
        open_tickets: load.open_tickets,
        factors,
    }
}

fn factors(request: &RoutingRequest<'_>, category: &str, load: &AgentLoad, history: &[Resolved]) -> Vec<Factor> {
    let weights = Weights::for_priority(request.priority);
    let agent = &load.agent;
    let resolved = resolved_in(category, agent.id, history);
    let level = agent.skill(category);
    let speaks = request.language.is_none_or(|language| agent.speaks(language));
    let free_share = 1.0 - load.open_tickets as f32 / agent.capacity as f32;
    let experience = resolved as f32 / (resolved as f32 + HALF_EXPERIENCE);
    vec![
        factor(
            "language",
            f32::from(speaks),
            weights.language,
            words::language(request, speaks),
        ),
        factor("expertise", level, weights.expertise, words::expertise(category, level)),
        factor("free_capacity", free_share, weights.free_capacity, words::load(load)),
        factor(
            "experience",
            experience,
            weights.experience,
            words::experience(category, resolved),
        ),
    ]
}

fn factor(name: &str, value: f32, weight: f32, words: String) -> Factor {
    Factor {
        name: name.to_owned(),
        value,
        weight,
        contribution: value * weight,
        words,
    }
}

fn resolved_in(category: &str, agent_id: Uuid, history: &[Resolved]) -> u32 {
    history
        .iter()
        .filter(|r| r.agent_id == agent_id && r.category == category)
        .map(|r| r.tickets)
        .sum()
}

/// Whether the agent takes new tickets and has room for one more.
pub fn can_take(load: &AgentLoad) -> bool {
    load.agent.availability == Availability::Available && load.open_tickets < load.agent.capacity
}

#[cfg(test)]
mod tests;
